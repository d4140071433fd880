"""The question as the gateway's synchronous channel takes it."""

import uuid
from datetime import datetime
from typing import Final

from lxml import etree

from appealbus.connectors.shep.data import escaped, put
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.schemas.shep import NS_TYPES

_HEAD: Final = (
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body>'
    f'<ns:SendMessage xmlns:ns="{NS_TYPES}"><request><requestInfo><messageId>'
)
_TAIL: Final = b"</requestData></request></ns:SendMessage></soapenv:Body></soapenv:Envelope>"


class MessageBuilder:
    """Puts questions to one service into messages. What all of them share is written once.

    The text is put together by hand and not by a tree: everything in it is escaped here, the rest is serialised
    XML, and a tree of the envelope would cost as much again as the whole message does.
    """

    def __init__(self, settings: ShepSettings) -> None:
        self._shape = settings.payload
        self._type_name = settings.payload_type
        route = f"<routeId>{escaped(settings.route_id)}</routeId>" if settings.route_id is not None else ""
        secret = settings.password.get() if settings.password is not None else None
        password = f"<password>{escaped(secret)}</password>" if secret is not None else ""
        properties = "".join(
            f"<properties><key>{escaped(key)}</key><value>{escaped(value)}</value></properties>"
            for key, value in settings.properties.items()
        )
        self._service = f"</correlationId><serviceId>{escaped(settings.service_id)}</serviceId><messageDate>"
        self._sender = (
            f"</messageDate>{route}<sender><senderId>{escaped(settings.sender_id)}</senderId>{password}</sender>"
            f"{properties}</requestInfo><requestData>"
        )

    def build(self, content: etree._Element, correlation_id: str) -> bytes:
        """Return the message, unsigned, as UTF-8 bytes. Each has a message id of its own."""
        moment = datetime.now().astimezone().isoformat(timespec="milliseconds")
        head = f"{_HEAD}{uuid.uuid4()}</messageId><correlationId>{escaped(correlation_id)}"
        return (
            f"{head}{self._service}{moment}{self._sender}".encode() + put(content, self._shape, self._type_name) + _TAIL
        )
