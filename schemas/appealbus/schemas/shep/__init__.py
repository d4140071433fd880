"""The contract of the SHEP gateway's synchronous channel: WSDL and XSD, written from its published facts."""

from pathlib import Path
from typing import Final

from lxml import etree

FOLDER: Final = Path(__file__).parent
WSDL: Final = FOLDER / "SyncChannel.wsdl"
XSD: Final = FOLDER / "SyncTypes.xsd"

NS_TYPES: Final = "http://bip.bee.kz/SyncChannel/v10/Types"
"""The one namespace of a message: that of its wrapper. Everything inside has none."""


def load_schema() -> etree.XMLSchema:
    """Return the schema of `SendMessage`, `SendMessageResponse` and the fault's detail."""
    return etree.XMLSchema(etree.parse(XSD))
