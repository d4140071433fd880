"""Repeats: the same person about the same matter, the same text by many, others about the same parcel."""

import typer

from appealbus.core import Assessor, JournalPart, Settings, hookimpl
from appealbus.plugins.repeats.assessor import Repeats
from appealbus.plugins.repeats.settings import RepeatsSettings


@hookimpl
def register_settings() -> type[Settings]:
    return RepeatsSettings


@hookimpl
def register_assessors(settings: RepeatsSettings) -> list[Assessor]:
    return [Repeats()] if settings.compare else []


@hookimpl
def register_journal_parts() -> list[JournalPart]:
    from appealbus.plugins.repeats.part import Sketches

    return [Sketches()]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    from appealbus.plugins.repeats.command import add_to

    add_to(app)
