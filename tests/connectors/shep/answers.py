"""The gateway's side of the channel, written by hand from what is published: nothing here is the client's."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from lxml import etree

from appealbus.core import Shape

TYPES = "http://bip.bee.kz/SyncChannel/v10/Types"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SESSION = "{c2e8f5a0-2f5e-4a0b-8c2b-2a1a6b0e9d11}"
_TYPE = f"{{{_XSI}}}type"
_numbers = iter(range(1, 1 << 30))


@dataclass
class Question:
    """What a gateway reads of a request; `data` as it came, `content` as the service behind it would have it."""

    envelope: etree._Element
    data: etree._Element
    message_id: str
    correlation_id: str | None
    service_id: str
    sender_id: str
    password: str | None
    route_id: str | None
    properties: tuple[tuple[str, str], ...] = field(default=())

    @property
    def content(self) -> etree._Element:
        """Return the element that was put into `data`, or `data` itself where that has its children."""
        if len(self.data) == 0 and (self.data.text or "").startswith("<"):
            return etree.fromstring(self.data.text)
        wrapped = len(self.data) == 1 and _TYPE not in self.data.attrib and self.data[0].tag.startswith("{")
        return self.data[0] if wrapped else self.data


def read_question(message: bytes) -> Question:
    """Read a request by exact names and places."""
    envelope = etree.fromstring(message)
    wrapper = envelope.find(f"{{{_SOAP}}}Body/{{{TYPES}}}SendMessage")
    info = wrapper.find("request/requestInfo")
    properties = tuple((one.findtext("key"), one.findtext("value")) for one in info.iterfind("properties"))
    return Question(
        envelope,
        wrapper.find("request/requestData/data"),
        info.findtext("messageId"),
        info.findtext("correlationId"),
        info.findtext("serviceId"),
        info.findtext("sender/senderId"),
        info.findtext("sender/password"),
        info.findtext("routeId"),
        properties,
    )


def data_of(content: etree._Element | str | None, shape: Shape = Shape.CHILD) -> str:
    """Return a `data` element. A text is what lies in it, as XML."""
    if content is None:
        return "<data/>"
    if isinstance(content, str):
        return f"<data>{content}</data>"
    xml = etree.tostring(content, encoding="unicode", with_tail=False)
    if shape is Shape.CHILD:
        return f"<data>{xml}</data>"
    if shape is Shape.TEXT:
        return "<data>" + escape(xml, {"\r": "&#13;"}) + "</data>"
    if shape is Shape.CDATA:
        return "<data><![CDATA[" + xml.replace("]]>", "]]]]><![CDATA[>") + "]]></data>"
    data = etree.fromstring("<data/>" if shape is Shape.BARE else f'<data xmlns:i="{_XSI}" i:type="Own"/>')
    data.text = content.text
    data.attrib.update(content.attrib)
    data.extend(etree.fromstring(xml))
    return etree.tostring(data, encoding="unicode")


def answer(
    content: etree._Element | str | None = None,
    *,
    shape: Shape = Shape.CHILD,
    code: str = "SCSS001",
    correlation_id: str | None = None,
    message_id: str | None = None,
    session_id: str | None = _SESSION,
    date: str | None = None,
) -> bytes:
    """Return an answer; each has a message id of its own, as the gateway's have. `date` is now where it is None."""
    moment = (datetime.now(UTC) + timedelta(hours=5)).isoformat(timespec="milliseconds").replace("+00:00", "+05:00")
    correlation = "" if correlation_id is None else f"<correlationId>{escape(correlation_id)}</correlationId>"
    session = "" if session_id is None else f"<sessionId>{session_id}</sessionId>"
    dated = moment if date is None else date
    told = f"<responseDate>{dated}</responseDate>" if dated else ""
    return (
        f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Body>'
        f'<ns3:SendMessageResponse xmlns:ns3="{TYPES}"><response>'
        f"<responseInfo><messageId>{message_id or next(_numbers)}</messageId>{correlation}{told}"
        f"<status><code>{escape(code)}</code><message>-</message></status>{session}</responseInfo>"
        f"<responseData>{data_of(content, shape)}</responseData></response></ns3:SendMessageResponse>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def fault(
    code: str | None,
    text: str = "",
    *,
    causes: tuple[str, ...] = (),
    fault_code: str = "soapenv:Server",
    date: str | None = None,
) -> bytes:
    """Return a fault; without a code it has no detail."""
    dated = datetime.now(UTC).isoformat() if date is None else date
    told = f"<errorDate>{dated}</errorDate>" if dated else ""
    inner = ""
    for cause in reversed(causes):
        inner = f"<subError><errorCode>{cause}</errorCode><errorMessage/>{told}{inner}</subError>"
    detail = (
        ""
        if code is None
        else f'<detail><ns2:SendMessageFault1_SendMessageFault xmlns:ns2="{TYPES}"><errorCode>{code}</errorCode>'
        f"<errorMessage>{text}</errorMessage>{told}{inner}</ns2:SendMessageFault1_SendMessageFault></detail>"
    )
    return (
        f'<soapenv:Envelope xmlns:soapenv="{_SOAP}"><soapenv:Body><soapenv:Fault><faultcode>{fault_code}</faultcode>'
        f"<faultstring>{text}</faultstring>{detail}</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    ).encode()
