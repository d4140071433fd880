"""Traces: one trace for each appeal, sent to an OpenTelemetry collector, once it is told where to."""

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.traces.service import Traces
from appealbus.plugins.traces.settings import TracesSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.traces]` may hold."""
    return TracesSettings


@hookimpl
def register_services(settings: TracesSettings) -> list[Service]:
    """Send, unless no collector is named."""
    return [] if settings.endpoint is None else [Traces(settings)]
