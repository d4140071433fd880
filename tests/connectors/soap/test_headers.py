"""Headers: of the settings and of a lookup, as texts and tables, held to the contract; and those of the answer."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core import Call, CallFailed, ConfigError, From, OutcomeKind, Query, Request
from appealbus.core.readings import Declared, Reading, Send, Take
from appealbus.core.replies.xmlread import child, children, local_name, text
from appealbus.core.testing import ScriptedWire, appeal, ask
from appealbus.schemas.record import Record
from tests.connectors.conftest import REGISTER

Wires = Callable[..., Awaitable[SoapWire]]
FIND = Request({"criteria": {"iin": "850312180019"}}, "FindPerson")
CLIENT = {"system": "bus", "request": "{message_id}"}
ROAD = "http://x-road.eu/xsd/xroad.xsd"
SPACE = "urn:example:register"
IDS = "http://x-road.eu/xsd/identifiers"
SERVICE = {
    f"@{{{IDS}}}objectType": "SERVICE",
    f"{{{IDS}}}xRoadInstance": "KZ",
    f"{{{IDS}}}memberCode": "1",
}


def answer(header: str = "") -> web.Response:
    body = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{header}<s:Body>'
    body += '<FindPersonResponse xmlns="urn:example:register"/></s:Body></s:Envelope>'
    return web.Response(body=body.encode(), content_type="text/xml")


def sent(peer: Any, place: int = -1) -> etree._Element:
    header = child(etree.fromstring(peer.seen[place][1]), "Header")
    assert header is not None
    return header


async def test_a_lookup_names_the_service_behind_a_gateway(peer: Any, wires: Wires, call: Call) -> None:
    """Its header goes over that of the settings, table in table, and two lookups of one source differ in it."""
    peer.answer = answer()
    wire = await wires(soap_headers={"Client": CLIENT, f"{{{ROAD}}}service": SERVICE, f"{{{ROAD}}}id": "{question_id}"})
    for code in ("persons", "firms", "persons"):
        headers = {f"{{{ROAD}}}service": {f"{{{IDS}}}serviceCode": code}}
        await wire.call(Request(FIND.body, FIND.operation, headers=headers), call)
        service = child(sent(peer), "service")
        assert service is not None
        assert service.get(f"{{{IDS}}}objectType") == "SERVICE"
        assert [(local_name(each), each.text) for each in service] == [
            ("xRoadInstance", "KZ"),
            ("memberCode", "1"),
            ("serviceCode", code),
        ]
        assert text(sent(peer), "id") == call.question_id
    await wire.call(FIND, call)
    assert children(sent(peer), "service/serviceCode") == []


async def test_placeholders(peer: Any, wires: Wires) -> None:
    """Ids of the question and of the message, the number and the time, in texts and attributes."""
    peer.answer = answer()
    wire = await wires(
        soap_headers={
            "Client": {"system": "{now}", "request": "{message_id}", "number": "{number}"},
            "{urn:x}a": {"@b": "{question_id} {number}", "#text": "{now}", "c": ["{message_id}", "2"]},
        }
    )
    await wire.call(FIND, Call("q", "7", 5.0, message_ids=("q", "m2")))
    header = sent(peer)
    client, own = child(header, "Client"), child(header, "a")
    assert client is not None
    assert own is not None
    assert (text(client, "request"), client.get("number")) == ("m2", "7")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", text(client, "system") or "")
    assert (own.get("b"), [each.text for each in own]) == ("q 7", ["m2", "2"])


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"Client": {"system": "x"}}, r"soap_headers\.Client: the table does not fit .* request"),
        ({"Client": "x"}, r"soap_headers\.Client: by the contract it breaks its schema at Client"),
        ({"Client": {"{urn:example:register}system": "x"}}, r"soap_headers\.Client: by the contract it breaks"),
        ({"{urn:example:register}Client": {"x": "1"}}, r"\{urn:example:register\}Client: by the contract it breaks"),
        ({"{urn:x}a": {"b": {"c d": "x"}}}, r"it has a name or a character that XML does not take"),
        ({"Client": CLIENT, f"{{{SPACE}}}Client": CLIENT}, r"soap_headers\.Client: it is given twice: \{urn:example"),
    ],
)
async def test_a_header_is_held_to_the_contract(http: HttpClient, headers: dict[str, Any], says: str) -> None:
    """One of the settings when the bus starts, with its key."""
    settings = SoapSettings.model_validate({"wsdl": REGISTER, "soap_headers": headers})
    with pytest.raises(ConfigError, match=says):
        await SoapWire("r", settings, http).start()


@pytest.mark.parametrize(
    "headers", [{"Client": {"system": "x", "request": 1, "more": "y"}}, {"Clint": "x"}, {"{urn:x}a": {"b": object()}}]
)
async def test_a_header_of_a_lookup_that_does_not_fit_does_not_leave(
    peer: Any, wires: Wires, call: Call, headers: dict[str, object]
) -> None:
    """Nothing goes out."""
    with pytest.raises(CallFailed, match=r"soap\.request: header (Client|Clint|\{urn:x\}a): "):
        await (await wires()).call(Request(FIND.body, FIND.operation, headers=headers), call)
    assert peer.seen == []


@pytest.mark.parametrize("by_lookup", ["Client", f"{{{SPACE}}}Client"])
@pytest.mark.parametrize("by_settings", ["Client", f"{{{SPACE}}}Client"])
async def test_a_header_is_there_once_whatever_it_is_called(
    peer: Any, wires: Wires, call: Call, by_settings: str, by_lookup: str
) -> None:
    """By its local or its whole name: that of the lookup goes over that of the settings."""

    def client(name: str, system: str) -> dict[str, Any]:
        space = name.removesuffix("Client")
        return {name: {f"{space}system": system, f"{space}request": "r"}}

    peer.answer = answer()
    wire = await wires(soap_headers=client(by_settings, "settings"))
    await wire.call(FIND, call)
    assert [text(each, "system") for each in children(sent(peer), "Client")] == ["settings"]
    await wire.call(Request(FIND.body, FIND.operation, headers=client(by_lookup, "lookup")), call)
    assert [text(each, "system") for each in children(sent(peer), "Client")] == ["lookup"]


async def test_a_header_of_ones_own_stands_for_that_of_addressing(peer: Any, wires: Wires, call: Call) -> None:
    """The others are there as ever."""
    peer.answer = answer()
    wire = await wires(addressing=True, soap_headers={"{http://www.w3.org/2005/08/addressing}To": "urn:register"})
    await wire.call(FIND, call)
    assert [local_name(each) for each in sent(peer)] == ["To", "Action", "MessageID"]
    assert text(sent(peer), "To") == "urn:register"


async def test_what_looks_like_a_placeholder_in_a_number_is_none(peer: Any, wires: Wires) -> None:
    """It goes out as it is."""
    peer.answer = answer()
    wire = await wires(soap_headers={"{urn:x}a": "{number}"})
    await wire.call(FIND, Call("q", "{now}", 5.0))
    assert text(sent(peer), "a") == "{now}"


async def test_headers_of_the_answer_reach_the_lookup(peer: Any, wires: Wires, call: Call) -> None:
    """As elements; none where there is no header."""
    peer.answer = answer('<s:Header><t xmlns="urn:x">7</t></s:Header>')
    wire = await wires()
    assert [each.text for each in (await wire.call(FIND, call)).headers] == ["7"]
    peer.answer = answer()
    assert (await wire.call(FIND, call)).headers == ()


class Thing(Record):
    type: Literal["headers.Thing"] = "headers.Thing"
    name: str


class ThingQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


async def test_a_declared_lookup_gives_headers_with_its_request() -> None:
    """They are part of what it sends."""

    class Ask(Declared[ThingQuery, Thing]):
        """A thing."""

        name = "road.thing"
        purpose = "a test"
        send = Send("Q", {}, headers={f"{{{ROAD}}}service": {f"{{{IDS}}}serviceCode": "persons"}})
        take = Take(Reading(Thing, name="name"), "thing", same=lambda query, record: True)

    wire = ScriptedWire(["<A><thing><name>n</name></thing></A>"])
    ended = await ask(Ask(), appeal(applicant={"iin": "750301100019"}), replies=wire)
    assert ended.kind is OutcomeKind.FOUND
    assert wire.asked[0].headers == {f"{{{ROAD}}}service": {f"{{{IDS}}}serviceCode": "persons"}}
