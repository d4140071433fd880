"""Faults: what of them decides, and that nothing of their words is told."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.soap import SoapSettings, SoapWire
from appealbus.core import Call, CallFailed, From, Outcome, OutcomeKind, Query, Request, found, not_found, refused
from appealbus.core.readings import Declared, Reading, Send, Take
from appealbus.core.replies.xmlread import local_name, text
from appealbus.core.testing import ScriptedWire, appeal, ask
from appealbus.schemas.record import Record
from tests.connectors.conftest import REGISTER

Wires = Callable[..., Awaitable[SoapWire]]
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
CANARY = "Канарейкина 750301100019"


def fault11(code: str = "s:Server", words: str = "x", detail: str = "") -> web.Response:
    inside = f"<faultcode>{code}</faultcode><faultstring>{words}</faultstring><detail>{detail}</detail>"
    return _answer(SOAP11, inside)


def fault12(code: str, subcode: str = "", words: str = "x", detail: str = "") -> web.Response:
    inner = f"<s:Subcode><s:Value>{subcode}</s:Value></s:Subcode>" if subcode else ""
    reason = f'<s:Reason><s:Text xml:lang="ru">-</s:Text><s:Text xml:lang="en">{words}</s:Text></s:Reason>'
    code = f"<s:Code><s:Value>{code}</s:Value>{inner}</s:Code>"
    return _answer(SOAP12, f"{code}{reason}<s:Detail>{detail}</s:Detail>")


def _answer(space: str, inside: str) -> web.Response:
    text = f'<s:Envelope xmlns:s="{space}"><s:Body><s:Fault>{inside}</s:Fault></s:Body></s:Envelope>'
    return web.Response(status=500, body=text.encode(), content_type="text/xml")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fault11("\n  s : Server \n"), "soap.fault.server"),
        (fault11(" s:Client . E1 "), "soap.fault.E1"),
        (fault12("\n s:Sender "), "soap.fault.Sender"),
        (fault12("s:Receiver", " s:E1 "), "soap.fault.E1"),
        (fault12("s:Receiver", "s:E2"), "soap.fault.Receiver.E2"),
        (fault11(detail="<a/><b/><Found/>"), "soap.fault.Found"),
        (fault11(detail="<a><Found/></a>"), "soap.fault.Found"),
        (fault11(detail="<a><b><Found/></b></a>"), "soap.fault.server"),
        (fault11(words=f"{CANARY}  НЕ\n НАЙДЕН в базе "), "soap.fault.text"),
        (fault12("s:Receiver", words="person 7 was not found"), "soap.fault.text"),
        (fault12("s:Receiver", words="Person NOT found"), "soap.fault.text"),
        (fault12("s:Receiver", words="found not person"), "soap.fault.server"),
        (fault11("s:Client.E1", words="не найден", detail="<Found/>"), "soap.fault.Found"),
        (fault11("s:Client.E1", words="не найден"), "soap.fault.text"),
    ],
)
async def test_the_most_special_word_decides(
    answer: web.Response, code: str, peer: Any, wires: Wires, call: Call
) -> None:
    """An element of the detail, then words, then codes, as they came or as they are called here; all trimmed."""
    peer.answer = answer
    names = ("Found", "E1", "Sender", "Receiver.E2")
    faults, texts = dict.fromkeys(names, "not_found"), {"не найден": "not_found", "person * not found": "not_found"}
    with pytest.raises(CallFailed) as caught:
        await (await wires(faults=faults, fault_texts=texts)).call(Request({}, "Count"), call)
    assert caught.value.code == code
    assert "Канарейкина" not in str(caught.value) + repr(caught.value)


async def test_words_are_compared_in_a_time_that_grows_with_them(peer: Any, wires: Wires, call: Call) -> None:
    """Whatever the text and the pattern are."""
    peer.answer = fault11(words="a" * 1_000_000)
    wire = await wires(fault_texts={"*".join("a" * 200) + "*b": "not_found", "a*" * 200 + "c": "refused"})
    began = time.process_time()
    with pytest.raises(CallFailed, match=r"soap\.fault\.server"):
        await wire.call(Request({}, "Count"), call)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("words", ["*", "", " * * ", "\n"])
def test_words_that_mean_every_fault_are_refused(words: str) -> None:
    """There must be something to compare."""
    with pytest.raises(ValueError, match="fault_texts"):
        SoapSettings.model_validate({"wsdl": REGISTER, "fault_texts": {words: "not_found"}})


@pytest.mark.parametrize("name", ["validate", "validate_messages"])
def test_the_setting_that_is_gone_is_told(name: str) -> None:
    """With what to write in its place."""
    with pytest.raises(ValueError, match=f'{name} is gone; write replies = "strict"'):
        SoapSettings.model_validate({"wsdl": REGISTER, name: False})


def test_an_encoding_that_does_not_exist_is_told() -> None:
    """When the settings are read, and not with the first reply that needs it."""
    assert SoapSettings.model_validate({"wsdl": REGISTER, "encoding": "windows-1251"}).encoding
    with pytest.raises(ValueError, match="there is no such encoding; write one such as"):
        SoapSettings.model_validate({"wsdl": REGISTER, "encoding": "windows-125x"})


class Akim(Record):
    type: Literal["faults.Akim"] = "faults.Akim"
    name: str


class AkimQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class AkimByIin(Declared[AkimQuery, Akim]):
    """Knows the faults of its source."""

    name = "faults.akim"
    purpose = "a test"
    send = Send("Q", {})
    take = Take(Reading(Akim, name="name"), "akim", same=lambda query, record: True)

    def fault(self, detail: etree._Element, query: AkimQuery) -> Outcome[Any] | None:
        """Return what the source's own error means."""
        match local_name(detail), text(detail, "code"):
            case "Error", "404":
                return not_found("faults.404", "no such akim")
            case "Error", "403":
                return refused("faults.403", "no right")
            case "Error", "200":
                return found(Akim(name="x"))
            case "Error", "500":
                raise RuntimeError("a defect")
        return None


@pytest.mark.parametrize(
    ("details", "correlated", "kind", "code"),
    [
        ("<d><x/><Error><code>404</code></Error></d>", True, OutcomeKind.NOT_FOUND, "faults.404"),
        ("<d><Error><code> 403 </code></Error></d>", True, OutcomeKind.REFUSED, "faults.403"),
        ("<d><Error><code>1</code></Error></d>", True, OutcomeKind.UNAVAILABLE, "soap.fault.server"),
        ("<d/>", True, OutcomeKind.UNAVAILABLE, "soap.fault.server"),
        ("<d><Error><code>200</code></Error></d>", True, OutcomeKind.INVALID, "plugin.error"),
        ("<d><Error><code>500</code></Error></d>", True, OutcomeKind.INVALID, "plugin.error"),
    ],
)
async def test_a_lookup_says_what_its_source_means(
    details: str, correlated: bool, kind: OutcomeKind, code: str
) -> None:
    """Its word is an outcome, but no record; what it does not know stays what the wire made of it."""
    failed = CallFailed(
        OutcomeKind.UNAVAILABLE,
        "soap.fault.server",
        "x",
        correlated=correlated,
        details=list(etree.fromstring(details)),
    )
    ended = await ask(AkimByIin(), appeal(applicant={"iin": "750301100019"}), replies=ScriptedWire([failed]))
    assert (ended.kind, ended.code) == (kind, code)


async def test_a_fault_that_nothing_ties_ends_no_question() -> None:
    """It is asked once more over a connection of its own, as with every such answer."""
    told = list(etree.fromstring("<d><Error><code>404</code></Error></d>"))
    failed = CallFailed(OutcomeKind.UNAVAILABLE, "soap.fault.server", "x", correlated=False, details=told)
    wire = ScriptedWire([failed, failed])
    ended = await ask(AkimByIin(), appeal(applicant={"iin": "750301100019"}), replies=wire)
    assert len(wire.asked) == 2
    assert ended.kind is not OutcomeKind.NOT_FOUND
