"""Files: appeals in from JSON Lines, CSV, JSON and XML; dossiers out as JSON Lines."""

from typing import Any

import typer

from appealbus.connectors.files.command import intake
from appealbus.connectors.files.delivery import FilesDelivery
from appealbus.connectors.files.intake import FilesIntake
from appealbus.connectors.files.settings import FolderSettings, OutboxSettings
from appealbus.core import Delivery, Factory, Intake, hookimpl


@hookimpl
def register_intakes() -> list[Factory[Intake[Any]]]:
    """Take appeals from a folder."""
    return [Factory("files", FolderSettings, FilesIntake)]


@hookimpl
def register_deliveries() -> list[Factory[Delivery[Any]]]:
    """Append dossiers to a file."""
    return [Factory("files", OutboxSettings, FilesDelivery)]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """Take appeals from one file, by hand."""
    app.command("intake")(intake)
