"""The connector `soap`: any literal contract read from files; replies are parsed and validated by our own code."""

from appealbus.connectors.soap.settings import SoapSettings
from appealbus.connectors.soap.wire import SoapWire

__all__ = ["SoapSettings", "SoapWire"]
