"""Traces: one trace for each appeal, sent to an OpenTelemetry collector if one is configured."""

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.traces.service import Traces
from appealbus.plugins.traces.settings import TracesSettings


@hookimpl
def register_settings() -> type[Settings]:
    return TracesSettings


@hookimpl
def register_services(settings: TracesSettings) -> list[Service]:
    return [] if settings.endpoint is None else [Traces(settings)]
