"""Monitor: `/healthz`, `/readyz` and Prometheus metrics of a running bus, on a configured address."""

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.monitor.service import Monitor
from appealbus.plugins.monitor.settings import ListenAddress, MonitorSettings


@hookimpl
def register_settings() -> type[Settings]:
    return MonitorSettings


@hookimpl
def register_services(settings: MonitorSettings) -> list[Service]:
    return [] if settings.listen is None else [Monitor(ListenAddress.parse(settings.listen), settings.max_loop_lag)]
