"""The SOAP connector."""

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap.settings import SoapSettings
from appealbus.connectors.soap.wire import SoapWire
from appealbus.core.interfaces.wire import Connector


class SoapConnector(Connector[SoapSettings]):
    """SOAP 1.1 and 1.2, document/literal, by any WSDL that lies in a file."""

    name = "soap"
    settings = SoapSettings

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def wire(self, source: str, settings: SoapSettings) -> SoapWire:
        """Bind to one source."""
        return SoapWire(source, settings, self._http)
