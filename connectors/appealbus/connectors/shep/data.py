"""Questions of the gateway, and `data`, which holds the business content of a message in one of five shapes."""

import copy
import re
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.xmldsig import DataSigner, DataVerifier
from appealbus.core import Call, CallFailed, Shape
from appealbus.schemas.namespaces import SIGNATURE, SOAP11, XSD, XSI, XSI_TYPE
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import UnsafeXml, parse
from appealbus.schemas.shep import NS_TYPES

_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")

_HEAD: Final = (
    f'<soapenv:Envelope xmlns:soapenv="{SOAP11}"><soapenv:Header/><soapenv:Body>'
    f'<ns:SendMessage xmlns:ns="{NS_TYPES}"><request><requestInfo><messageId>'
)
_TAIL: Final = b"</requestData></request></ns:SendMessage></soapenv:Body></soapenv:Envelope>"


def escaped(text: str) -> str:
    """Escape XML character data so that a parser restores it unchanged, line breaks included."""
    return escape(text, {"\r": "&#13;"})


def put(content: etree._Element, shape: Shape, type_name: str | None = None) -> bytes:
    """Build the whole `data` element as UTF-8 bytes.

    `type_name` is for the shape `typed`, as `{namespace}name`; None: the content's own name.
    """
    match shape:
        case Shape.TYPED:
            return _inside(content, type_name or str(content.tag))
        case Shape.BARE:
            return _inside(content, None)
        case _:
            return put_document(etree.tostring(content, encoding="unicode", with_tail=False), shape)


async def put_signed(content: etree._Element, shape: Shape, type_name: str | None, signer: DataSigner) -> bytes:
    """Build the whole `data` element with signed content. The signed bytes are not serialized again.

    In the shapes `typed` and `bare` the element `data` is signed, as a document of its own, and the signature lies
    beside the content's children. In the others it lies inside the content. Raises CallFailed `wssec.signer_…`.
    """
    if shape in (Shape.TYPED, Shape.BARE):
        return (await signer.sign(put(content, shape, type_name).decode())).encode()
    return put_document(await signer.sign(etree.tostring(content, encoding="unicode", with_tail=False)), shape)


def put_document(xml: str, shape: Shape) -> bytes:
    """Build the whole `data` element around an unchanged document without a declaration: `child`, `text` or `cdata`."""
    match shape:
        case Shape.TEXT:
            opening = f'<data xmlns:xsi="{XSI}" xmlns:xs="{XSD}" xsi:type="xs:string">'
            return f"{opening}{escaped(xml)}</data>".encode()
        case Shape.CDATA:
            return f"<data><![CDATA[{xml.replace(']]>', ']]]]><![CDATA[>')}]]></data>".encode()
        case _:
            return f"<data>{xml}</data>".encode()


def _inside(content: etree._Element, type_name: str | None) -> bytes:
    # In these shapes data stands for the content's own element, so it takes over its attributes, and its prefixes,
    # which may stand in values.
    namespaces: dict[str, str] = {prefix: space for prefix, space in content.nsmap.items() if prefix}
    attributes = dict(content.attrib)
    if type_name is not None:
        name = etree.QName(type_name)
        prefix = next((known for known, space in namespaces.items() if space == name.namespace), "dt")
        namespaces |= {"xsi": XSI} | ({prefix: name.namespace} if name.namespace else {})
        attributes[XSI_TYPE] = f"{prefix}:{name.localname}" if name.namespace else name.localname
    data = etree.Element("data", attributes, namespaces)
    data.text = content.text
    data.extend(copy.deepcopy(content))
    return etree.tostring(data, encoding="utf-8")


def take_signed(data: etree._Element, *, limit: int, bare: bool, verifier: DataVerifier) -> etree._Element:
    """Return the content of `data` after verifying its signature, and without it. Arguments as in `take`.

    The XML in the text is signed, or `data` itself as a document of its own. So it is parsed alone: nothing around it
    can change the meaning of a name in it. Raises CallFailed `data_signature.*`, `shep.data_xml.*`.
    """
    text = _text(data) if len(data) == 0 else ""
    if text.startswith("<"):
        content = _nested(text, limit)
        verifier(content)
        return content
    # A copy has the namespaces that are declared or used inside, and no others.
    alone = copy.deepcopy(data)
    alone.tail = None
    verifier(alone)
    return take(alone, limit=limit, bare=bare)


def take(data: etree._Element, *, limit: int, bare: bool = False) -> etree._Element:
    """Return the content of `data`, in any shape.

    Text that is XML is parsed, one level deep only. A single child is the content itself. With several children, typed
    ones, plain text or nothing, `data` is the content. A signature beside the content does not count as a child.

    Args:
        limit: largest XML text in bytes.
        bare: whether a single child may be a part of the content, as the question's were not wrapped either.

    Raises:
        CallFailed: `shep.data_xml.*`, if text that looks like XML cannot be parsed.
    """
    text = _text(data)
    if len(data) == 0:
        return _nested(text, limit) if text.startswith("<") else _content(data)
    if XSI_TYPE in data.attrib and _own_type(data):
        return _content(data)
    parts = [part for part in data.iterchildren("*") if part.tag != SIGNATURE]
    # What stands in for the content has a namespace; the content's own children have none.
    if len(parts) == 1 and not text and not (bare and not str(parts[0].tag).startswith("{")):
        return parts[0]
    return _content(data)


def _content(data: etree._Element) -> etree._Element:
    # It stands in for the content, and the namespace that some answers put it into means nothing.
    data.tag = "data"
    return data


def is_empty(data: etree._Element) -> bool:
    return len(data) == 0 and not (data.text or "").strip()


def _text(data: etree._Element) -> str:
    # Programs that write XML into a text may begin it with a byte order mark.
    return (data.text or "").strip().removeprefix("\ufeff").lstrip()


def _own_type(data: etree._Element) -> bool:
    """Whether xsi:type names a business type, not one of XML Schema."""
    prefix, _, _ = data.attrib[XSI_TYPE].strip().rpartition(":")
    return data.nsmap.get(prefix or None) != XSD


def _nested(text: str, limit: int) -> etree._Element:
    # The text was decoded with its envelope, so an encoding that it declares itself no longer holds.
    declaration = _DECLARATION.match(text)
    try:
        return parse(text[declaration.end() :].encode() if declaration else text.encode(), limit=limit)
    except UnsafeXml as error:
        raise CallFailed(
            OutcomeKind.INVALID,
            f"shep.data_{error.code.replace('.', '_')}",
            "the XML inside the message's data was not taken",
        ) from None


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
