"""A raw participant of the gateway: writes its messages by hand and looks at the very bytes that come back."""

import uuid
from dataclasses import dataclass, field

import aiohttp
from lxml import etree

from appealbus.simulator.server import Simulator

SEED, SIZE = 7, 5000
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
NS = "http://bip.bee.kz/SyncChannel/v10/Types"


def message(service_id: str, data: str, *, data_attributes: str = "", **info: str | None) -> bytes:
    """Return a SendMessage; `info` overrides what stands in requestInfo, None leaves an element out."""
    fields = {
        "messageId": str(uuid.uuid4()),
        "correlationId": "chain-1",
        "serviceId": service_id,
        "messageDate": "2026-02-16T10:15:30.000+05:00",
        "sender": "<senderId>appealbus</senderId>",
        "sessionId": None,
    } | info
    inside = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items() if text is not None)
    return (
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header/><soapenv:Body>'
        f'<ns:SendMessage xmlns:ns="{NS}"><request><requestInfo>{inside}</requestInfo><requestData>'
        f"<data {data_attributes}>{data}</data></requestData></request></ns:SendMessage>"
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def person_fields(**search: str) -> str:
    """Return the inside of a question to ГБД ФЛ."""
    order = ("iin", "surname", "name", "patronymic", "birthDate", "documentNumber")
    asked = "".join(f"<{tag}>{search[tag]}</{tag}>" for tag in order if tag in search)
    return (
        "<messageId>q-1</messageId><messageDate>2026-02-16T10:15:30+05:00</messageDate>"
        f"<senderCode>TEST</senderCode>{asked}<kdpToken/><publicKey/>"
    )


def person_question(**search: str) -> bytes:
    """Return a whole message to ГБД ФЛ."""
    return message("GBDFLUniversal_token", person_fields(**search))


def organisation_document(bin_: str, root: str = "Request") -> str:
    """Return a question to ГБД ЮЛ as the document that is signed."""
    g = 'xmlns:g="http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"'
    return f"<g:{root} {g}><RequestorBIN>210740000018</RequestorBIN><BIN>{bin_}</BIN></g:{root}>"


def organisation_question(bin_: str, document: str | None = None) -> bytes:
    """Return a whole message to ГБД ЮЛ: a document as text, of which `<` alone is escaped."""
    text = (document or organisation_document(bin_)).replace("<", "&lt;")
    xs = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    return message("GbdulInfoByBin_v2", text, data_attributes=f'{xs} xsi:type="xs:string"')


def parcel_question(number: str) -> bytes:
    """Return a whole message to ЕГКН."""
    inside = f"<InsideServiceId>X</InsideServiceId><CadastrNum>{number}</CadastrNum>"
    root = f'<e:Request xmlns:e="urn:appealbus:egkn:parcel"><BusinessData>{inside}</BusinessData></e:Request>'
    return message("EgknParcelInfo", root)


@dataclass(frozen=True)
class Seen:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)

    def root(self) -> etree._Element:
        """Return the message."""
        return etree.fromstring(self.body)

    def find(self, name: str) -> str | None:
        """Return the text of the first element of the name."""
        return self.root().findtext(f".//{name}")

    def content(self) -> etree._Element:
        """Return the business content, whatever its shape, by itself and without the register's signature."""
        data = self.root().find(".//data")
        assert data is not None
        if len(data) == 0:
            content = etree.fromstring(data.text or "")
        else:
            content = etree.fromstring(etree.tostring(data[0] if len(data) == 1 else data, with_tail=False))
        for signature in content.findall(SIGNATURE):
            content.remove(signature)
        return content


class Peer:
    """A participant over real HTTP."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    async def send(self, body: bytes, timeout: float = 5.0, **headers: str) -> Seen:  # noqa: ASYNC109
        """Send one message and return what came."""
        sent = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'} | headers
        limit = aiohttp.ClientTimeout(total=timeout)
        async with self.session.post(self.simulator.url, data=body, headers=sent, timeout=limit) as reply:
            return Seen(reply.status, await reply.read(), reply.content_type, dict(reply.headers))
