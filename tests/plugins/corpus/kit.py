"""A gateway that answers with hand-written bytes, and a way to put a lookup's question to it over the real wire."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.core import Call, CallFailed, Lookup, Query, Source
from appealbus.core.interfaces.notes import Notes
from appealbus.plugins import egkn, gbdfl, gbdul
from appealbus.plugins.egkn.lookups import ParcelQuery
from appealbus.plugins.gbdfl.lookups import PersonQuery
from appealbus.plugins.gbdul.lookups import OrganisationQuery

QUERIES: dict[str, Query] = {
    "gbdfl.person": PersonQuery(iin="750301100019"),
    "gbdul.organisation": OrganisationQuery(bin="210740000018"),
    "egkn.parcel": ParcelQuery(cadastral_number="08-130-001-0001"),
}
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DS = "http://www.w3.org/2000/09/xmldsig#"


def coded(tag: str, code: str, names: tuple[str, str, str] = ("code", "nameRu", "nameKz")) -> str:
    """Return a dictionary value."""
    return f"<{tag}><{names[0]}>{code}</{names[0]}><{names[1]}>имя</{names[1]}><{names[2]}>аты</{names[2]}></{tag}>"


def inside(text: str) -> str:
    """Return what stands in an element."""
    return text[text.index(">") + 1 : text.rindex("<")]


CAPITALS, LAND = ("Code", "NameRu", "NameKz"), ("ID", "NameRus", "NameKaz")
PERSON = {
    "PERSON_BEGIN": "<person><iin>750301100019</iin><surname>ТЕСТОВ</surname><name>ТЕСТ</name>",
    "PERSON_LIFE": "<birthDate>1875-03-01</birthDate>"
    + "".join(coded(*one) for one in (("gender", "1"), ("nationality", "005"), ("citizenship", "398")))
    + coded("lifeStatus", "0"),
    "PERSON_PLACE": "<birthPlace><city>Орал</city></birthPlace>",
}
RIGHT = (
    "<RegDate>2021-10-08T10:20:00.687+06:00</RegDate><Owner><IINBIN>750301100019</IINBIN><NameRus>ТЕСТОВ</NameRus>"
    f"<IsFl>true</IsFl></Owner>{coded('RightType', '1030', LAND)}{coded('OwnershipForm', '2', LAND)}"
    f"{coded('GenOwnershipForm', '3', LAND)}{coded('RightTypeGZK', '02', LAND)}"
)
PARTS = PERSON | {
    "HEAD": "<messageId>1</messageId><messageDate>2026-02-16T10:15:31+05:00</messageDate>"
    "<requestId>%QUESTION%</requestId>%ENDS%",
    "ENDS": f"{coded('sender', 'GBDFL')}{coded('receiver', 'TEST')}",
    "OK": coded("messageResult", "00000"),
    "PERSON": f"{''.join(PERSON.values())}</person>",
    "OTHER_PERSON": f"{''.join(PERSON.values())}</person>".replace("750301100019", "821224202626"),
    "ORGAN": coded("gpTerritorial", "9"),
    "COURT": coded("court", "9"),
    "SIGNATURE": f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo/><ds:SignatureValue>AA==</ds:SignatureValue>'
    "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>AA==</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
    "TEXT": f'<data xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="{XSI}" xsi:type="xs:string">',
    "STATUS": coded("Status", "002", CAPITALS),
    "DIRECTORY": inside(coded("x", "1", CAPITALS)),
    "FIRM": "<BIN>210740000018</BIN>"
    f"{coded('RegStatus', '1', CAPITALS)}{coded('RegistrationDepartment', '9', CAPITALS)}"
    "<RegistrationDate>2020-01-15+06:00</RegistrationDate><FullNameRu>ТОО «Тест»</FullNameRu>"
    f"<FullNameKz>«Тест» ЖШС</FullNameKz>{coded('OrgForm', '20', CAPITALS)}<TaxOrgStatus>0</TaxOrgStatus>",
    "RESULT": "<Result><ResultCode>310</ResultCode></Result>",
    "DICTIONARY": inside(coded("x", "02", LAND)),
    "PARCEL_BEGIN": "<Area>0.2604</Area><CadastrNum>08:130:001:0001</CadastrNum>"
    "<AddressData><AddressNameRu>г. Уральск</AddressNameRu></AddressData>",
    "PARCEL_END": "<EstateObjectTypeCode>1</EstateObjectTypeCode>",
    "RIGHT": RIGHT,
    "NAMELESS_RIGHT": RIGHT.replace("<IINBIN>750301100019</IINBIN>", ""),
    "LATER_RIGHT": RIGHT.replace("2021-10-08", "2022-10-08"),
}
BEGIN = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<ns2:SendMessageResponse xmlns:ns2="http://bip.bee.kz/SyncChannel/v10/Types"><response><responseInfo>'
    "<messageId>2f6d6e0a-3f0e-4a51-8a0b-2d4a5a5a1c11</messageId>%INFO%<responseDate>2026-02-16T10:15:31.125+05:00"
    "</responseDate><status><code>%CODE%</code><message>m</message></status></responseInfo><responseData>"
)
END = "</responseData></response></ns2:SendMessageResponse></soap:Body></soap:Envelope>"
FAULT = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><soap:Fault>'
    r"<faultcode>\1</faultcode><faultstring>m</faultstring><detail><ns2:SendMessageFault1_SendMessageFault "
    r'xmlns:ns2="http://bip.bee.kz/SyncChannel/v10/Types"><errorCode>\1</errorCode><errorMessage>m</errorMessage>'
    "<errorDate>2026-02-16T10:15:31.125+05:00</errorDate></ns2:SendMessageFault1_SendMessageFault></detail>"
    "</soap:Fault></soap:Body></soap:Envelope>"
)


def written(told: dict[str, Any], question: str, message: str) -> bytes:
    """Return the bytes of an answer to a question with these ids."""
    body = told.get("body", f"%BEGIN%{told.get('data', '')}%END%")
    body = body.replace("%BEGIN%", BEGIN).replace("%END%", END)
    body = body.replace("%INFO%", told.get("info", "")).replace("%CODE%", told.get("code_sent", "SCSS001"))
    while found := re.search("%([A-Z_]+)%", body.replace("%QUESTION%", "").replace("%MESSAGE%", "")):
        body = body.replace(found[0], PARTS[found[1]])
    body = body.replace("%QUESTION%", question).replace("%MESSAGE%", message)
    body = re.sub("%FAULT:(.*?)%", FAULT, body)
    body = re.sub("%BARE_FAULT:(.*?)%", re.sub("<detail>.*</detail>", "", FAULT), body)
    body = re.sub("%ESCAPED:(.*?)%", lambda match: escape(match[1]), body, flags=re.DOTALL)
    return re.sub("%LESS:(.*?)%", lambda match: match[1].replace("<", "&lt;"), body, flags=re.DOTALL).encode()


class Gateway:
    """Answers as it is told, by ids that it finds in the bytes of the question."""

    told: dict[str, Any]
    url: str
    asked = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Serve one message."""
        self.asked = (await request.read()).decode()
        message, *inner = re.findall("<messageId[^>]*>(.*?)</messageId>", self.asked)
        body = written(self.told, inner[0] if inner else "", message)
        headers = {"Content-Type": self.told.get("type", "text/xml; charset=utf-8")}
        return web.Response(status=self.told.get("http", 200), body=body, headers=headers)


def lookup_of(told: dict[str, Any]) -> Lookup[Any, Any]:
    """Return the lookup that asks, with its plugin's settings."""
    plugin: Any = {"gbdfl": gbdfl, "gbdul": gbdul, "egkn": egkn}[told["asks"].partition(".")[0]]
    made: list[Lookup[Any, Any]] = plugin.register_lookups(
        plugin.register_settings().model_validate(told.get("settings", {}))
    )
    return next(lookup for lookup in made if lookup.name == told["asks"])


CALL = Call("7f0c2f0e-6b5a-4a3c-9d1b-6f3f0f1a2b3c", "TEST-1", 5.0)


@asynccontextmanager
async def wire_to(gateway: Gateway, replies: str = "lenient", **settings: Any) -> AsyncIterator[ShepWire]:
    """Yield a wire to the gateway, with settings of the source."""
    usual = {"service_id": "S", "sender_id": "US", "data_signature": {"sign": "none"}}
    whole = {"url": gateway.url, "replies": replies, **usual, **settings}
    wire = ShepWire("test", ShepSettings.model_validate(whole), HttpClient())
    await wire.start()
    try:
        yield wire
    finally:
        await wire.close()


async def put(
    gateway: Gateway, lookup: Lookup[Any, Any], query: Query, settings: dict[str, Any], replies: str = "lenient"
) -> tuple[str, str, Any, Notes]:
    """Put a question over the real wire; return how it ended, with which code, the record and what was noted."""
    async with wire_to(gateway, replies, **settings) as wire:
        source = Source(lookup.source, wire, CALL, lenient=lookup.lenient)
        try:
            outcome = await lookup.ask(query, source)
        except CallFailed as failed:
            return failed.kind.value, failed.code, None, source.notes
        return outcome.kind.value, outcome.code, outcome.record, source.notes
