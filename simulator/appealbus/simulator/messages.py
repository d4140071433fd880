"""Messages of the gateway's synchronous channel, with strict checks of requests.

A server reads with `read_request`, and answers with `build_response` (HTTP 200) or `build_fault` (HTTP 500).
"""

import copy
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from lxml import etree

from appealbus.schemas.safexml import UnsafeXml
from appealbus.simulator.content import XSI_TYPE, Shape, escaped, lay, parsed, take
from appealbus.simulator.refusal import BAD_FORMAT, SUCCESS, RequestRefused

NS_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
NS_TYPES: Final = "http://bip.bee.kz/SyncChannel/v10/Types"
SUCCESS_MESSAGE: Final = "Message has been processed successfully"
CONTRACT: Final = Path(__file__).parent / "contract"

_BODY = f"{{{NS_SOAP}}}Body"
_HEADER = f"{{{NS_SOAP}}}Header"
_SEND_MESSAGE = f"{{{NS_TYPES}}}SendMessage"


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """A participant's request.

    `payload` is its business content: the child of `data`, the XML in its text, or `data` itself; `shape` says which.
    A CDATA section reads as text. `envelope` is the root of the message, to verify its signature.
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


@cache
def channel_schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(CONTRACT / "shep" / "channel.xsd"))


def read_envelope(data: bytes, *, limit: int = 2 * 1024 * 1024) -> etree._Element:
    """Parse a SOAP 1.1 message whose body is one SendMessage; raise RequestRefused for anything else."""
    try:
        envelope = parsed(data, limit=limit)
    except UnsafeXml as error:
        raise RequestRefused(BAD_FORMAT, error.reason) from None
    parts = [str(part.tag) for part in envelope]
    if envelope.tag != f"{{{NS_SOAP}}}Envelope" or parts not in ([_BODY], [_HEADER, _BODY]):
        raise RequestRefused(BAD_FORMAT, "the message is not a SOAP 1.1 envelope")
    body = envelope[-1]
    if len(body) != 1 or body[0].tag != _SEND_MESSAGE:
        raise RequestRefused(BAD_FORMAT, f"the body is not one SendMessage of {NS_TYPES}")
    return envelope


def read_request(data: bytes | etree._Element, *, limit: int = 2 * 1024 * 1024) -> GatewayRequest:
    """Parse a request, or a parsed envelope, and validate it.

    Raises:
        RequestRefused: it is not XML, not SOAP, not valid, or has fields reserved to the gateway.
    """
    envelope = read_envelope(data, limit=limit) if isinstance(data, bytes) else data
    wrapper = envelope[-1][0]
    _validate(wrapper)
    info = wrapper.find("request/requestInfo")
    content = wrapper.find("request/requestData/data")
    if info is None or content is None:
        raise RequestRefused(BAD_FORMAT, "the request has no data")
    if info.find("sessionId") is not None:
        raise RequestRefused(BAD_FORMAT, "sessionId is the gateway's to set")
    payload, shape = take(content, limit=limit)
    return GatewayRequest(
        message_id=info.findtext("messageId", ""),
        correlation_id=info.findtext("correlationId"),
        service_id=info.findtext("serviceId", ""),
        sender_id=info.findtext("sender/senderId", ""),
        password=info.findtext("sender/password"),
        route_id=info.findtext("routeId"),
        properties=tuple((item.findtext("key", ""), item.findtext("value", "")) for item in info.iter("properties")),
        payload=payload,
        shape=shape,
        envelope=envelope,
    )


def _validate(wrapper: etree._Element) -> None:
    # The schema speaks of the gateway's own elements. What lies in data is the service's, types included.
    hollow = copy.deepcopy(wrapper)
    for data in hollow.iterfind("request/requestData/data"):
        data.attrib.pop(XSI_TYPE, None)
        del data[:]
    problem = complaint(channel_schema(), hollow)
    if problem:
        raise RequestRefused(BAD_FORMAT, f"the request is not valid against the channel's schema: {problem}")


def complaint(schema: etree.XMLSchema, element: etree._Element) -> str | None:
    """Return path and rule of a schema violation, without values; None if the element is valid."""
    if schema.validate(element):
        return None
    first = schema.error_log[0]
    known = {str(etree.QName(part).localname) for part in element.iter("{*}*")}
    path = [step.partition("[")[0].rpartition(":")[2] for step in (first.path or "").split("/")]
    where = "/".join(step for step in path if step in known)
    return f"{where or 'its root'} ({first.type_name})"


def build_response(
    payload: etree._Element | None,
    *,
    shape: Shape = Shape.CHILD,
    type_name: str | None = None,
    sign: Callable[[bytes], bytes] | None = None,
    code: str = SUCCESS,
    message: str = SUCCESS_MESSAGE,
    correlation_id: str | None = None,
    message_id: str | None = None,
    session_id: str | None = None,
    moment: datetime | None = None,
) -> bytes:
    """Build a response envelope.

    Args:
        payload: business content; None: an empty `data`.
        shape: form of the content in `data`.
        type_name: for the shape `typed`, as `{namespace}name`; None: the payload's own name.
        sign: signs the content, or `data` if the content is not its own document.
        code: the gateway's status.
        message: text of the status.
        correlation_id: None: absent.
        message_id: of this response; None: a new UUID.
        session_id: in braces, as the schema requires; empty: absent; None: a new UUID.
        moment: time with a zone; None: now.
    """
    correlation = "" if correlation_id is None else f"<correlationId>{escaped(correlation_id)}</correlationId>"
    session = _session() if session_id is None else session_id
    head = (
        f'<soapenv:Envelope xmlns:soapenv="{NS_SOAP}"><soapenv:Body>'
        f'<ns:SendMessageResponse xmlns:ns="{NS_TYPES}"><response><responseInfo>'
        f"<messageId>{escaped(message_id or str(uuid.uuid4()))}</messageId>{correlation}"
        f"<responseDate>{_moment(moment)}</responseDate>"
        f"<status><code>{escaped(code)}</code><message>{escaped(message)}</message></status>"
        + (f"<sessionId>{session}</sessionId>" if session else "")
        + "</responseInfo><responseData>"
    )
    data = b"<data/>" if payload is None else lay(payload, Shape(shape), type_name, sign)
    tail = "</responseData></response></ns:SendMessageResponse></soapenv:Body></soapenv:Envelope>"
    return head.encode() + data + tail.encode()


def build_fault(
    code: str,
    message: str,
    *,
    causes: Sequence[tuple[str, str]] = (),
    session_id: str | None = None,
    moment: datetime | None = None,
) -> bytes:
    """Build a fault envelope; it is sent with HTTP 500.

    Args:
        code: errorCode of the outermost error.
        message: text of the error and of the fault.
        causes: code and text of nested errors, outermost first.
        session_id: in braces; None: a new UUID.
        moment: time with a zone; None: now.
    """
    date = _moment(moment)
    inner = ""
    for sub_code, sub_message in reversed(causes):
        inner = f"<subError>{_error(sub_code, sub_message, date)}{inner}</subError>"
    return (
        f'<soapenv:Envelope xmlns:soapenv="{NS_SOAP}"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>{escaped(code)}</faultcode><faultstring>{escaped(message)}</faultstring><detail>"
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
