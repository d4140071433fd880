"""Report: the figures of a register of appeals, each with its formula and denominator."""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.plugins.report.settings import ReportSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.report]` may hold."""
    return ReportSettings


@hookimpl
def register_commands(app: typer.Typer, settings: ReportSettings) -> None:
    """Add `appealbus report`."""
    from appealbus.plugins.report.command import add_to

    add_to(app, settings)
