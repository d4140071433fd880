"""The demonstration: the whole bus on one machine, over real HTTP, in a few seconds."""

import typer

from appealbus.core import hookimpl
from appealbus.demo.command import demo


@hookimpl
def register_commands(app: typer.Typer) -> None:
    app.command("demo")(demo)
