"""The kit with `contract=`: the real wire in process, envelopes, faults and the contract included."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from appealbus.connectors.soap.envelope import read_envelope
from appealbus.connectors.soap.outcomes import fault_failure
from appealbus.core import CallFailed, ConfigError, Form, From, OutcomeKind, Query, Shape, not_found
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.replies.xmlread import element_of
from appealbus.core.testing import ScriptedWire, appeal, ask, check_lookup
from appealbus.core.testing.contract import contract_wire
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas import Kato, Record
from appealbus.schemas.namespaces import SOAP11, SOAP12
from appealbus.simulator.messages import build_response

CONTRACT = Path(__file__).parents[3] / "examples" / "first_plugin" / "agency.wsdl"
ABOUT = appeal(place={"kato": "271010000"})
INSIDE = "<a:akim><a:kato>271010000</a:kato><a:name>Сынақов С. С.</a:name></a:akim>"
ANSWER = f'<a:AkimResponse xmlns:a="urn:example:akims">{INSIDE}</a:AkimResponse>'


def enveloped(inside: str, version: str = SOAP11) -> bytes:
    return f'<s:Envelope xmlns:s="{version}"><s:Header/><s:Body>{inside}</s:Body></s:Envelope>'.encode()


def fault(code: str, version: str = SOAP11) -> bytes:
    if version == SOAP12:
        outer, _, inner = code.partition(".")
        more = f"<s:Subcode><s:Value>s:{inner}</s:Value></s:Subcode>" if inner else ""
        return enveloped(f"<s:Fault><s:Code><s:Value>s:{outer}</s:Value>{more}</s:Code></s:Fault>", version)
    return enveloped(f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>x</faultstring></s:Fault>")


class Akim(Record):
    type: Literal["kit.Akim"] = "kit.Akim"
    name: str


class PlaceQuery(Query):
    kato: Annotated[Kato, From("place.kato")]


class AkimOfPlace(Declared[PlaceQuery, Akim]):
    """Who answers for a place."""

    name = "akims.akim"
    purpose = "a test"
    send = Send("", {"kato": "kato"})
    take = Take(Reading(Akim, name="name"), "akim", same=lambda query, record: True)


class Misspelt(AkimOfPlace):
    """Asks for what the contract does not know."""

    send = Send("", {"kata": "kato"})


class Loose(Record):
    type: Literal["kit.Loose"] = "kit.Loose"
    name: Annotated[str | None, At("name")] = None


class LooseAkim(Declared[PlaceQuery, Loose]):
    """The same, where the name may be absent."""

    name = "akims.loose"
    purpose = "a test"
    send = Send("", {"kato": "kato"})
    take = Take(Reading(Loose), "akim", same=lambda query, record: True)


LOOKUP = AkimOfPlace()


@pytest.mark.parametrize("reply", [ANSWER, ANSWER.encode(), enveloped(ANSWER), reply_of(ANSWER).body])
async def test_the_question_goes_through_the_real_wire(reply: Any) -> None:
    """The request is built by the contract and leaves in an envelope; the reply is understood with and without one."""
    script = ScriptedWire([reply])
    outcome = await ask(LOOKUP, ABOUT, replies=script, contract=CONTRACT)
    assert outcome.record == Akim(name="Сынақов С. С.")
    (sent,) = script.sent
    (request,) = read_envelope(sent).children
    assert (request.tag, request[0].text) == ("{urn:example:akims}AkimRequest", "271010000")


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (fault("Server"), OutcomeKind.UNAVAILABLE, "soap.fault.server"),
        (fault("Client"), OutcomeKind.INVALID, "soap.fault.client"),
        (ANSWER.replace("a:name", "a:nome"), OutcomeKind.INVALID, "reply.missing"),
        (ANSWER.replace("<a:akim>", "<a:ahim>").replace("</a:akim>", "</a:ahim>"), OutcomeKind.INVALID, "reply.schema"),
        (ANSWER.replace("AkimResponse", "Other"), OutcomeKind.INVALID, "soap.unexpected"),
        ("<html><body>busy", OutcomeKind.INVALID, "xml.malformed"),
        (b"", OutcomeKind.INVALID, "soap.empty"),
        ({"name": "x"}, OutcomeKind.INVALID, "testing.reply"),
        (CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "a test"), OutcomeKind.UNAVAILABLE, "http.503"),
    ],
)
async def test_what_is_no_answer_fails_as_in_production(reply: Any, kind: OutcomeKind, code: str) -> None:
    """Faults, broken and foreign messages end as the wire has them end."""
    outcome = await ask(LOOKUP, ABOUT, replies=[reply], contract=CONTRACT)
    assert (outcome.kind, outcome.code) == (kind, code)


@pytest.mark.parametrize("instead", ["<a:nome>x</a:nome>", "<a:w><a:name>x</a:name></a:w>", ""])
async def test_what_the_contract_misses_is_unknown(instead: str) -> None:
    """Also to a lookup without a schema of its own: the wire's contract tells it."""
    script = ScriptedWire([ANSWER.replace("<a:name>Сынақов С. С.</a:name>", instead)])
    async with contract_wire(CONTRACT, script, "akims") as wire:
        source = Source("akims", wire, Call("akims", "akims.loose", 5.0), lenient=True)
        outcome = await LooseAkim().ask(PlaceQuery(kato="271010000"), source)
    assert (outcome.record, source.notes.unknown) == (Loose(), {"name"})


async def test_changed_replies_are_tried_over_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the lookup has no schema of its own: it is told by name what would be lost in silence."""
    check = partial(check_lookup, LooseAkim(), ABOUT, [ANSWER], not_in_reply={"kato"}, contract=CONTRACT)
    assert await check() == []
    monkeypatch.setattr("appealbus.core.readings.reading.unknown_fields", lambda *_: set())
    assert "with name renamed in the reply, name is another and nothing says so" in await check()


async def test_a_request_that_the_contract_does_not_know_does_not_leave() -> None:
    """A misspelt element fails in the test and not first in production."""
    script = ScriptedWire([ANSWER])
    outcome = await ask(Misspelt(), ABOUT, replies=script, contract=CONTRACT)
    assert (outcome.code, script.sent) == ("soap.request", [])
    problems = await check_lookup(Misspelt(), ABOUT, [ANSWER], not_in_reply={"kato"}, contract=CONTRACT)
    assert [problem.partition(":")[0] for problem in problems] == ["over the contract"]
    assert await check_lookup(LOOKUP, ABOUT, [enveloped(ANSWER)], not_in_reply={"kato"}, contract=CONTRACT) == []


async def test_settings_of_the_source_are_those_of_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a WSDL is said as in the configuration; what is wrong there is told as there."""
    monkeypatch.setenv("AKIMS_PASSWORD", "secret")
    monkeypatch.setenv("APPEALBUS__SOURCES__AKIMS__URL", "http://127.0.0.1:1/")
    table = {
        "wsdl": str(CONTRACT),
        "faults": {"Server": "not_found"},
        "addressing": True,
        "basic": {"user": "u", "password": {"env": "AKIMS_PASSWORD"}},
    }
    script = ScriptedWire([fault("Server")])
    outcome = await ask(LOOKUP, ABOUT, replies=script, contract=table)
    assert outcome.code == "soap.fault.Server"
    header = read_envelope(script.sent[0]).header
    assert header is not None
    with pytest.raises(ConfigError, match=r"there is no file|does not exist|no such file"):
        await ask(LOOKUP, ABOUT, replies=[ANSWER], contract="missing.wsdl")
    with pytest.raises(ConfigError, match="no plugin brings 'soup'"):
        await ask(LOOKUP, ABOUT, replies=[ANSWER], contract={"connector": "soup"})


async def test_another_connector_is_chosen_as_in_the_configuration() -> None:
    """Over the gateway a recorded message is the gateway's own, with the answer inside."""

    class OverGateway(AkimOfPlace):
        """Writes its request itself."""

        send = Send("{urn:example:akims}AkimRequest", {"kato": "kato"})

    recorded = build_response(element_of(reply_of(ANSWER)), correlation_id="9c3a55f6-0001-4c1e-9a52-6b8f0d1c2e3f")
    script = ScriptedWire([recorded])
    table = {"connector": "shep", "service_id": "Akims", "sender_id": "me"}
    outcome = await ask(OverGateway(), ABOUT, replies=script, contract=table)
    assert outcome.record == Akim(name="Сынақов С. С.")
    assert b"<serviceId>Akims</serviceId>" in script.sent[0]
    assert await check_lookup(OverGateway(), ABOUT, [recorded], not_in_reply={"kato"}, contract=table) == []


@pytest.mark.parametrize("shape", Shape)
async def test_a_bare_answer_is_put_into_the_gateways_message(shape: Shape) -> None:
    """One form of recorded reply does for the script and for the wire, however the question lies in the message."""

    class OverGateway(AkimOfPlace):
        """Writes its request itself."""

        send = Send("{urn:example:akims}AkimRequest", {"kato": "kato"}, form=Form(shape))

    table = {"connector": "shep", "service_id": "Akims", "sender_id": "me", "success_codes": ["OK"]}
    inside = "<akim><kato>271010000</kato><name>Сынақов С. С.</name></akim>"
    for recorded in (ANSWER, f"<data><code/>{inside}</data>", f"<AkimResponse>{inside}</AkimResponse>"):
        assert (await ask(OverGateway(), ABOUT, replies=[recorded])).record == Akim(name="Сынақов С. С.")
        assert await check_lookup(OverGateway(), ABOUT, [recorded], not_in_reply={"kato"}, contract=table) == []


@pytest.mark.parametrize("version", [SOAP11, SOAP12])
@pytest.mark.parametrize(
    "code", ["Server", "Client", "VersionMismatch", "MustUnderstand", "Client.Authentication", "Own", "Sender", ""]
)
def test_a_recorded_fault_means_to_a_script_what_it_means_to_the_wire(code: str, version: str) -> None:
    """Without a contract the kit reads faults itself: kind, code and reason are the wire's."""
    recorded = fault(code, version)
    found = read_envelope(recorded).fault
    assert found is not None
    expected = fault_failure(found, {})
    with pytest.raises(CallFailed) as raised:
        reply_of(recorded)
    assert (raised.value.kind, raised.value.code, raised.value.reason) == (
        expected.kind,
        expected.code,
        expected.reason,
    )


async def test_a_recorded_reply_with_its_envelope_is_understood_without_a_contract() -> None:
    """What is in the Body is the reply; an empty Body is none; a fault is the outcome that it has with a wire."""
    assert (await ask(LOOKUP, ABOUT, replies=[enveloped(ANSWER)])).record == Akim(name="Сынақов С. С.")
    assert (await ask(LOOKUP, ABOUT, replies=[enveloped("")])).code == "soap.body"
    assert (await ask(LOOKUP, ABOUT, replies=[fault("Server")])).kind is OutcomeKind.UNAVAILABLE


async def test_json_is_read_as_its_text_says() -> None:
    """An object as text, and as a mapping; what is broken is a broken reply, not a defect of the lookup."""
    assert (await ask(LOOKUP, ABOUT, replies=["{"])).code == "json.malformed"
    assert (await ask(LOOKUP, ABOUT, replies=["<a>"])).code == "xml.malformed"
    for reply in ('{"akim": {"name": "Сынақов С. С."}}', {"akim": {"name": "Сынақов С. С."}}):
        assert (await ask(LOOKUP, ABOUT, replies=[reply])).record == Akim(name="Сынақов С. С.")


@pytest.mark.parametrize("contract", [None, CONTRACT])
@pytest.mark.parametrize("recorded", [ANSWER, enveloped(ANSWER).decode()])
async def test_a_text_has_no_encoding(contract: Path | None, recorded: str) -> None:
    """What its declaration says held for the bytes that it was copied from; of bytes it holds on."""
    declared = f'<?xml version="1.0" encoding="windows-1251"?>\n{recorded.replace("Сынақов", "Сынаков")}'
    for reply in (declared, declared.encode("windows-1251")):
        assert (await ask(LOOKUP, ABOUT, replies=[reply], contract=contract)).record == Akim(name="Сынаков С. С.")


def test_prefixes_that_the_envelope_declares_are_known_inside() -> None:
    """Values name types by them."""
    root = reply_of(
        f'<s:Envelope xmlns:s="{SOAP11}" xmlns:t="urn:t"><s:Body><a kind="t:x"/></s:Body></s:Envelope>'
    ).body
    assert root.nsmap["t"] == "urn:t"  # type: ignore[union-attr]
    assert root.getparent() is None  # type: ignore[union-attr]


@pytest.mark.parametrize("contract", [None, CONTRACT])
@pytest.mark.parametrize(("version", "element"), [(SOAP11, "detail"), (SOAP12, "s:Detail")])
async def test_a_recorded_fault_reaches_the_lookup(contract: Path | None, version: str, element: str) -> None:
    """What the lookup knows of its source's faults counts, with and without a contract."""

    class Knowing(AkimOfPlace):
        """Knows a fault of its source."""

        def fault(self, detail: Any, query: Any) -> Any:
            return not_found() if detail.tag == "none" else None

    told = fault("Server", version).replace(
        b"</s:Fault>", f"<{element}><other/><none>8501</none></{element}></s:Fault>".encode()
    )
    outcome = await ask(Knowing(), ABOUT, replies=[told], contract=contract)
    assert outcome.kind is OutcomeKind.NOT_FOUND
