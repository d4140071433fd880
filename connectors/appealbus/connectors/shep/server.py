"""The gateway's side of the synchronous channel, for simulators and tests: strict with what it is asked.

A server reads with `read_request`, and answers with `build_response` (HTTP 200) or `build_fault` (HTTP 500).
"""

import copy
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from lxml import etree

from appealbus.connectors.shep.data import XSI_TYPE, escaped, put, take
from appealbus.core import AppealBusError, CallFailed, Shape
from appealbus.core.replies.xmlread import child, children, text
from appealbus.schemas.safexml import UnsafeXml, parse
from appealbus.schemas.shep import NS_TYPES, load_schema

NS_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SUCCESS: Final = "SCSS001"
SUCCESS_MESSAGE: Final = "Message has been processed successfully"

_schema = cache(load_schema)
_BODY = f"{{{NS_SOAP}}}Body"
_HEADER = f"{{{NS_SOAP}}}Header"
_SEND_MESSAGE = f"{{{NS_TYPES}}}SendMessage"


class RequestRefused(AppealBusError):
    """The request is not one that the gateway takes. `code` and `reason` go into the fault; neither quotes it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """What a participant asked.

    Attributes:
        message_id: the sender's id of the message.
        correlation_id: the sender's id of the chain; goes back in the response.
        service_id: which service is asked.
        sender_id: who asks.
        password: with which password, if with any.
        route_id: where the gateway shall route it, if the sender says so.
        properties: pairs of key and value, in order.
        payload: the business content: the child of `data`, the XML in its text, or `data` itself where it is typed.
        shape: how the content lay in `data`. A CDATA section reads as text.
        envelope: the root of the message, to verify its signature.

    """

    message_id: str
    correlation_id: str | None
    service_id: str
    sender_id: str
    password: str | None
    route_id: str | None
    properties: tuple[tuple[str, str], ...]
    payload: etree._Element
    shape: Shape
    envelope: etree._Element


def read_request(data: bytes, *, limit: int = 2 * 1024 * 1024) -> GatewayRequest:
    """Read a request and hold it against the schema.

    Raises:
        RequestRefused: it is not XML, not SOAP, not valid, or fills what only the gateway may fill.

    """
    try:
        envelope = parse(data, limit=limit)
    except UnsafeXml as error:
        raise RequestRefused(error.code, error.reason) from None
    wrapper = _wrapper(envelope)
    _validate(wrapper)
    info = child(wrapper, "request/requestInfo")
    content = child(wrapper, "request/requestData/data")
    if info is None or content is None:
        raise RequestRefused("request.empty", "the request has no data")
    if child(info, "sessionId") is not None:
        raise RequestRefused("request.session", "sessionId is the gateway's to set")
    try:
        payload, shape = take(content, limit=limit)
    except CallFailed as error:
        raise RequestRefused(error.code, error.reason) from None
    return GatewayRequest(
        message_id=text(info, "messageId") or "",
        correlation_id=text(info, "correlationId"),
        service_id=text(info, "serviceId") or "",
        sender_id=text(info, "sender/senderId") or "",
        password=text(info, "sender/password"),
        route_id=text(info, "routeId"),
        properties=tuple((text(item, "key") or "", text(item, "value") or "") for item in children(info, "properties")),
        payload=payload,
        shape=shape,
        envelope=envelope,
    )


def _wrapper(envelope: etree._Element) -> etree._Element:
    parts = [str(part.tag) for part in envelope]
    if envelope.tag != f"{{{NS_SOAP}}}Envelope" or parts not in ([_BODY], [_HEADER, _BODY]):
        raise RequestRefused("request.soap", "the message is not a SOAP 1.1 envelope")
    body = envelope[-1]
    if len(body) != 1 or body[0].tag != _SEND_MESSAGE:
        raise RequestRefused("request.operation", "the body is not SendMessage")
    return body[0]


def _validate(wrapper: etree._Element) -> None:
    # The schema speaks of the gateway's own elements. What lies in data is the service's, types included.
    hollow = copy.deepcopy(wrapper)
    for data in hollow.iterfind("request/requestData/data"):
        data.attrib.pop(XSI_TYPE, None)
        del data[:]
    if not _schema().validate(hollow):
        raise RequestRefused("request.schema", "the request is not valid against the channel's schema")


def build_response(
    payload: etree._Element | None,
    *,
    shape: Shape = Shape.CHILD,
    type_name: str | None = None,
    code: str = SUCCESS,
    message: str = SUCCESS_MESSAGE,
    correlation_id: str | None = None,
    message_id: str | None = None,
    session_id: str | None = None,
    moment: datetime | None = None,
) -> bytes:
    """Return a response as the bytes of its envelope.

    Args:
        payload: the business content; None: an empty `data`.
        shape: how the content shall lie in `data`.
        type_name: for the shape `typed`, as `{namespace}name`; None: the payload's own name.
        code: the gateway's status.
        message: the text of the status.
        correlation_id: that of the request.
        message_id: of this response; None: a new UUID.
        session_id: in braces, as the schema wants it; None: a new UUID.
        moment: when the response was made, with a zone; None: now.

    """
    correlation = "" if correlation_id is None else f"<correlationId>{escaped(correlation_id)}</correlationId>"
    head = (
        f'<soapenv:Envelope xmlns:soapenv="{NS_SOAP}"><soapenv:Body>'
        f'<ns:SendMessageResponse xmlns:ns="{NS_TYPES}"><response><responseInfo>'
        f"<messageId>{escaped(message_id or str(uuid.uuid4()))}</messageId>{correlation}"
        f"<responseDate>{_moment(moment)}</responseDate>"
        f"<status><code>{escaped(code)}</code><message>{escaped(message)}</message></status>"
        f"<sessionId>{session_id or _session()}</sessionId></responseInfo><responseData>"
    )
    data = b"<data/>" if payload is None else put(payload, shape, type_name)
    tail = "</responseData></response></ns:SendMessageResponse></soapenv:Body></soapenv:Envelope>"
    return head.encode() + data + tail.encode()


def build_fault(
    code: str,
    message: str,
    *,
    causes: Sequence[tuple[str, str]] = (),
    fault_code: str = "Server",
    session_id: str | None = None,
    moment: datetime | None = None,
) -> bytes:
    """Return a fault as the bytes of its envelope; it goes out with HTTP 500.

    Args:
        code: the errorCode of the outermost error.
        message: its text.
        causes: code and text of the errors inside it, outermost first.
        fault_code: `Server` or `Client`.
        session_id: in braces; None: a new UUID.
        moment: when it happened, with a zone; None: now.

    """
    date = _moment(moment)
    inner = ""
    for sub_code, sub_message in reversed(causes):
        inner = f"<subError>{_error(sub_code, sub_message, date)}{inner}</subError>"
    return (
        f'<soapenv:Envelope xmlns:soapenv="{NS_SOAP}"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>soapenv:{fault_code}</faultcode><faultstring>SendMessageFault</faultstring><detail>"
        f'<ns:SendMessageFault1_SendMessageFault xmlns:ns="{NS_TYPES}">'
        f"{_error(code, message, date)}{inner}<sessionId>{session_id or _session()}</sessionId>"
        "</ns:SendMessageFault1_SendMessageFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _error(code: str, message: str, date: str) -> str:
    return (
        f"<errorCode>{escaped(code)}</errorCode><errorMessage>{escaped(message)}</errorMessage>"
        f"<errorDate>{date}</errorDate>"
    )


def _moment(moment: datetime | None) -> str:
    return (moment or datetime.now().astimezone()).isoformat(timespec="milliseconds")


def _session() -> str:
    return f"{{{uuid.uuid4()}}}"
