"""The wires that ship with the bus, brought in through the same door as anybody's."""

from typing import Any

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepConnector
from appealbus.connectors.soap import SoapConnector
from appealbus.core import Connector, hookimpl


@hookimpl
def register_connectors() -> list[Connector[Any]]:
    """Return the connectors; all of their wires share one HTTP session."""
    http = HttpClient()
    return [SoapConnector(http), ShepConnector(http)]
