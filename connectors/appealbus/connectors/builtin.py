"""Built-in connectors, registered like those of any plugin."""

from functools import partial

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core import Factory, Wire, hookimpl


@hookimpl
def register_connectors() -> list[Factory[Wire]]:
    """Return the connectors; all of their wires share one HTTP session."""
    http = HttpClient()
    return [
        Factory("soap", SoapSettings, partial(SoapWire, http=http)),
        Factory("shep", ShepSettings, partial(ShepWire, http=http)),
    ]
