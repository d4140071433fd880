"""Questions in the format of the gateway's synchronous channel."""

from datetime import datetime
from typing import Final

from lxml import etree

from appealbus.connectors.shep.data import escaped, put
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.core import Call, Shape
from appealbus.schemas.namespaces import SOAP11
from appealbus.schemas.shep import NS_TYPES

_HEAD: Final = (
    f'<soapenv:Envelope xmlns:soapenv="{SOAP11}"><soapenv:Header/><soapenv:Body>'
    f'<ns:SendMessage xmlns:ns="{NS_TYPES}"><request><requestInfo><messageId>'
)
_TAIL: Final = b"</requestData></request></ns:SendMessage></soapenv:Body></soapenv:Envelope>"


class MessageBuilder:
    """Wraps questions to one service into messages. The shared parts are serialized once.

    Messages are concatenated as text: all values are escaped here, and the rest is serialized XML. A tree of the
    envelope would double the cost.
    """

    def __init__(self, settings: ShepSettings) -> None:
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

    def build(self, data: bytes, call: Call) -> bytes:
        """Return the unsigned message, with the call's ids, as UTF-8 bytes."""
        ids = f"{escaped(call.message_id)}</messageId><correlationId>{escaped(call.question_id)}"
        return f"{_HEAD}{ids}{self._service}{_now()}{self._sender}".encode() + data + _TAIL


def build_response(content: etree._Element, code: str, call: Call, *, bare: bool) -> etree._Element:
    """Return an unsigned answer of the gateway with this content: for tests.

    Args:
        content: the register's answer; an element `data` is used as it is.
        bare: whether the question's children lay directly in `data`; without a namespace those of the answer do, too.
    """
    shape = Shape.BARE if content.tag == "data" or (bare and not str(content.tag).startswith("{")) else Shape.CHILD
    info = (
        f"<responseInfo><messageId>recorded</messageId><correlationId>{escaped(call.question_id)}</correlationId>"
        f"<responseDate>{_now()}</responseDate><status><code>{escaped(code)}</code></status></responseInfo>"
    )
    opening = f'<ns:SendMessageResponse xmlns:ns="{NS_TYPES}"><response>{info}<responseData>'.encode()
    return etree.fromstring(opening + put(content, shape) + b"</responseData></response></ns:SendMessageResponse>")


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
