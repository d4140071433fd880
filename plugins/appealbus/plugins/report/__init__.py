"""Report: figures of a register of appeals, each with formula and denominator."""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.plugins.report.settings import ReportSettings


@hookimpl
def register_settings() -> type[Settings]:
    return ReportSettings


@hookimpl
def register_commands(app: typer.Typer, settings: ReportSettings) -> None:
    from appealbus.plugins.report.command import add_to

    add_to(app, settings)
