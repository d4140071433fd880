"""Plugin for files: appeals from JSON Lines, CSV, JSON and XML; dossiers to JSON Lines."""

from typing import Any

import typer

from appealbus.connectors.files.command import intake
from appealbus.connectors.files.delivery import FilesDelivery
from appealbus.connectors.files.intake import FilesIntake
from appealbus.connectors.files.settings import FolderSettings, OutboxSettings
from appealbus.core import Delivery, Factory, Intake, hookimpl


@hookimpl
def register_intakes() -> list[Factory[Intake[Any]]]:
    return [Factory("files", FolderSettings, FilesIntake)]


@hookimpl
def register_deliveries() -> list[Factory[Delivery[Any]]]:
    return [Factory("files", OutboxSettings, FilesDelivery)]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    app.command("intake")(intake)
