"""Surges: topics and places with more appeals than their history explains, at a known error rate."""

import typer

from appealbus.core import Service, Settings, hookimpl
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.settings import SurgesSettings


@hookimpl
def register_settings() -> type[Settings]:
    return SurgesSettings


@hookimpl
def register_shared(settings: SurgesSettings) -> Reading:
    return Reading(settings.file)


@hookimpl
def register_services(settings: SurgesSettings) -> list[Service]:
    if settings.file is None:
        return []
    from appealbus.plugins.surges.service import Surges

    return [Surges(settings, settings.file)]


@hookimpl
def register_commands(app: typer.Typer, settings: SurgesSettings) -> None:
    from appealbus.plugins.surges.command import add_to

    add_to(app, settings)
