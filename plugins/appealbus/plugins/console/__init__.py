"""The console: people see appeals flow, find what stands still, and move it. `appealbus serve` has it at /console."""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.plugins.console.command import add_to
from appealbus.plugins.console.settings import ConsoleSettings


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.console]` may hold."""
    return ConsoleSettings


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """Add `appealbus console`."""
    add_to(app)
