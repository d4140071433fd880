"""The console: a web interface to watch appeals, find what is stuck, and act. `appealbus serve` has it at /console."""

from functools import partial
from importlib.util import find_spec

import typer

from appealbus.core import Asgi, Pages, PagesContext, Settings, hookimpl
from appealbus.plugins.console.command import add_to
from appealbus.plugins.console.settings import ConsoleSettings


@hookimpl
def register_settings() -> type[Settings]:
    return ConsoleSettings


@hookimpl
def register_pages(settings: ConsoleSettings) -> list[Pages]:
    """Have none where the packages of the console are not installed."""
    installed = all(map(find_spec, ("jinja2", "starlette")))
    return [Pages("/console", partial(_made, settings))] if installed else []


def _made(settings: ConsoleSettings, context: PagesContext) -> Asgi:
    # Imported here: every command would pay for the console too.
    from appealbus.plugins.console.app import application

    return application(settings, context)


@hookimpl
def register_commands(app: typer.Typer) -> None:
    add_to(app)
