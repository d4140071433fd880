"""The console: a web interface to watch appeals, find what is stuck, and act. `appealbus serve` has it at /console."""

import typer

from appealbus.core import Settings, hookimpl
from appealbus.plugins.console.command import add_to
from appealbus.plugins.console.settings import ConsoleSettings


@hookimpl
def register_settings() -> type[Settings]:
    return ConsoleSettings


@hookimpl
def register_commands(app: typer.Typer) -> None:
    add_to(app)
