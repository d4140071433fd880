"""Surges: topics and places of which more is written than their past explains, with an error rate that is known."""

import typer

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.settings import SurgesSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.surges]` may hold."""
    return SurgesSettings


@hookimpl
def register_shared(settings: SurgesSettings) -> Reading:
    """Let others read what is found."""
    return Reading(settings.file)


@hookimpl
def register_services(settings: SurgesSettings) -> list[Service]:
    """Watch, where there is a file for what is found."""
    if settings.file is None:
        return []
    from appealbus.plugins.surges.service import Surges

    return [Surges(settings, settings.file)]


@hookimpl
def register_commands(app: typer.Typer, settings: SurgesSettings) -> None:
    """Add `appealbus surges`."""
    from appealbus.plugins.surges.command import add_to

    add_to(app, settings)
