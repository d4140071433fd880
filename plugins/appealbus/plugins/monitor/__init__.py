"""The monitor: `/healthz`, `/readyz` and Prometheus' `/metrics` of a running bus. It listens where it is told to."""

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.monitor.service import Monitor
from appealbus.plugins.monitor.settings import ListenAddress, MonitorSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.monitor]` may hold."""
    return MonitorSettings


@hookimpl
def register_services(settings: MonitorSettings) -> list[Service]:
    """Serve, unless no address is given."""
    return [] if settings.listen is None else [Monitor(ListenAddress.parse(settings.listen), settings.max_loop_lag)]
