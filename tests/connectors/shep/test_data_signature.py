"""Signatures inside `data`: of questions as the registers take them, of answers as they give them, and of none."""

import asyncio
import threading
import time

import pytest
from lxml import etree

from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.xmldsig.local import KeySigner
from appealbus.connectors.xmldsig.verify import verify
from appealbus.core import Call, CallFailed, Form, OutcomeKind, Request, Shape
from appealbus.schemas.safexml import parse
from tests.connectors.shep.answers import answer
from tests.connectors.signing import conftest as identities
from tests.connectors.xmldsig.documents import DS, signed_by_xmlsec, xmlsec_verifies
from tests.services.ncanode import serving, store
from tests.services.processes import PATIENCE

identity = identities.identity
kind = identities.kind
make_gost_identity = identities.make_gost_identity
make_identity = identities.make_identity
peer = identities.peer
stranger = identities.stranger

PERSON = etree.fromstring('<p:Request xmlns:p="urn:p" a="1"><iin>750301100019</iin><name>Ә&#13;</name></p:Request>')
XSI = "http://www.w3.org/2001/XMLSchema-instance"


@pytest.fixture
def trusting(wire, peer):
    """Return a maker of wires that want data signed by the peer."""

    async def make(**more):
        return await wire(data_signature={"trusted": [str(peer.certificate)]}, **more)

    return make


def signs(identity) -> dict:
    """Return the table of who signs."""
    return {
        "sign": "rsa-sha256",
        "key": str(identity.key),
        "certificate": str(identity.certificate),
        "verify": False,
    }


def inner(signed: str) -> str:
    """Return what lies inside a signed `data`."""
    return signed[signed.index(">") + 1 : signed.rindex("</data>")]


@pytest.mark.parametrize("shape", list(Shape))
async def test_questions(gateway, wire, peer, shape):
    """In each shape another program that looks at the document, or at `data`, alone finds the signature right."""
    bound = await wire(payload=shape, data_signature=signs(peer))
    await bound.call(Request(PERSON), Call("id", "N", 5.0))
    sent = gateway.requests[0].data
    if shape in (Shape.TEXT, Shape.CDATA):
        document = sent.text
    else:
        raw = gateway.raw[0].decode()
        document = raw[raw.index("<data") : raw.index("</data>") + len("</data>")]
        document = inner(document) if shape is Shape.CHILD else document

    assert xmlsec_verifies(document, peer)
    assert etree.fromstring(document).findtext("name") == "Ә\r"


async def test_service_that_wants_signed_content(wire, peer):
    """Without a key the question stays here, and says what to write; the settings may send it unsigned all the same."""
    signed, call = Request(PERSON, form=Form(Shape.TEXT, signed=True)), Call("id", "N", 5.0)
    with pytest.raises(CallFailed, match=r"\[sources\.gbdfl\.data_signature\]") as caught:
        await (await wire()).call(signed, call)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "data_signature.no_key")

    await (await wire(data_signature={"sign": "none"})).call(signed, call)
    await (await wire(data_signature=signs(peer))).call(signed, call)


async def test_question_signed_by_a_service(gateway, wire, peer, tmp_path, monkeypatch):
    """A signing service signs the content and the message, each by its own call."""
    (tmp_path / "key.p12").write_bytes(store(peer.key, peer.certificate, "secret"))
    monkeypatch.setenv("P12", "secret")
    async with serving() as service:
        table = {
            "sign": "ncanode",
            "url": service.url,
            "key": str(tmp_path / "key.p12"),
            "key_password": {"env": "P12"},
            "verify": False,
        }
        bound = await wire(payload="text", data_signature=table, signature=table)
        await bound.call(Request(PERSON), Call("id", "N", 5.0))
        assert service.paths == ["/xml/sign", "/wsse/sign"]
        assert [link.name for link in bound.links()] == ["signer.gbdfl", "data_signer.gbdfl"]
    assert xmlsec_verifies(gateway.requests[0].data.text, peer)
    with pytest.raises(CallFailed, match=r"wssec\.signer_down"):
        await bound.call(Request(PERSON), Call("id", "N", 5.0))
    health = await bound.health()
    assert not health.ok
    assert health.detail.count("wssec.signer_down: ") == 2
    assert health.detail.endswith("; HTTP 405")


DATA = "<data><persons><iin>1</iin></persons><messageResult><code>1</code></messageResult></data>"
ANSWERS = {
    "bare": lambda sign: inner(sign(DATA)),
    "text": lambda sign: etree.tostring(_text(sign('<r:R xmlns:r="urn:r"><persons/></r:R>')), encoding="unicode")[3:-4],
}


def _text(value: str) -> etree._Element:
    element = etree.Element("a")
    element.text = value
    return element


def whole(content: str, opening: str = "<data>") -> bytes:
    """Return an answer whose data is this."""
    return answer(content).replace(b"<data>", opening.encode())


@pytest.mark.parametrize("shape", ANSWERS)
async def test_answers(gateway, ask, trusting, peer, shape):
    """Content that the register signed is read, without the signature; around it lie the envelope's namespaces."""
    content = ANSWERS[shape](lambda xml: signed_by_xmlsec(xml, peer))
    gateway.answer = lambda _: whole(content)
    body = (await ask(await trusting())).body

    assert body.find("persons") is not None
    assert body.find(f".//{DS}Signature") is None


async def test_typed_answer(gateway, ask, trusting, peer):
    """The type of `data` is signed with it, declared there."""
    opening = f'<data xmlns:xsi="{XSI}" xmlns:ns="urn:t" xsi:type="ns:Response">'
    signed = signed_by_xmlsec(f"{opening}<persons/></data>", peer)
    gateway.answer = lambda _: whole(inner(signed), opening)
    body = (await ask(await trusting())).body
    assert (body.tag, body.nsmap["ns"]) == ("data", "urn:t")


async def test_namespace_that_moved_to_the_envelope(gateway, ask, trusting, peer):
    """One that a gateway took from `data` as it had it already is put back: the names are the same."""
    signed = signed_by_xmlsec('<data xmlns:q="urn:q"><q:persons/><q:more/></data>', peer)
    gateway.answer = lambda _: whole(inner(signed)).replace(b"<soapenv:Body>", b'<soapenv:Body xmlns:q="urn:q">')
    assert (await ask(await trusting())).body.find("{urn:q}more") is not None


def stripped(content: str) -> str:
    return content[: content.index("<ds:Signature")]


@pytest.mark.parametrize(
    "case",
    [
        (lambda content: content.replace("<iin>1<", "<iin>2<"), "signature"),
        (lambda content: content + "<more/>", "signature"),
        (stripped, "unsigned"),
        (lambda _: "", "unsigned"),
        (lambda _: "plain text", "unsigned"),
        (lambda _: "&lt;R/&gt;", "unsigned"),
        (lambda content: f"<R>{content}</R>", "structure"),
        (lambda content: f"<data>{content}</data><persons><iin>2</iin></persons>", "structure"),
        (lambda content: content.replace("<persons>", '<persons xmlns:x="urn:x">'), "signature"),
    ],
)
async def test_answers_that_are_not_what_was_signed(gateway, ask, trusting, peer, case):
    """Nothing of them is read, with each status that brings content."""
    spoil, code = case
    content = spoil(inner(signed_by_xmlsec(DATA, peer)))
    for status in ("SCSS001", "SCSE001") if content else ("SCSS001",):
        gateway.answer = lambda _, status=status: answer(content, code=status)
        with pytest.raises(CallFailed) as caught:
            await ask(await trusting())
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, f"data_signature.{code}")


async def test_signature_of_another_part(gateway, ask, trusting, peer):
    """A signature over the envelope's own text says nothing of `data`."""
    signed = signed_by_xmlsec("<data/>", peer)
    gateway.answer = lambda _: whole(f"{inner(signed)}<persons/>")
    with pytest.raises(CallFailed, match=r"data_signature\.signature"):
        await ask(await trusting())


async def test_answer_signed_by_a_stranger(gateway, ask, trusting, stranger):
    """Only whom we trust counts."""
    gateway.answer = lambda _: whole(inner(signed_by_xmlsec(DATA, stranger)))
    with pytest.raises(CallFailed, match=r"data_signature\.untrusted"):
        await ask(await trusting())


async def test_without_trust_signatures_are_not_looked_at(gateway, ask, wire):
    """A signature that is wrong does no harm where nobody asked for one."""
    gateway.answer = lambda _: whole(f'<persons/><ds:Signature xmlns:ds="{DS[1:-1]}"/>')
    assert (await ask(await wire())).body.tag == "persons"


@pytest.mark.proof
async def test_answer_of_15_mb(gateway, ask, trusting, peer, make_identity):
    """A file in signed text is read whole, and the loop goes on meanwhile."""
    signer = KeySigner.load("rsa-sha256", peer.key, peer.certificate, None)
    document = signer.signed(f"<R><file>{'QUJD' * 3_600_000}</file></R>")
    verify(parse(document.encode(), limit=16 * 1024 * 1024), load_trusted([peer.certificate]))
    reply = whole(etree.tostring(_text(document), encoding="unicode")[3:-4])
    gateway.answer = lambda _: reply
    bound = await trusting(limit=16 * 1024 * 1024)
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.002)
            turns += 1

    turning = asyncio.create_task(turn())
    began = time.process_time()
    body = (await ask(bound, seconds=PATIENCE)).body
    turning.cancel()

    assert len(body.findtext("file")) == 14_400_000
    assert turns > (time.process_time() - began) / 0.1


@pytest.mark.parametrize("size", [1, 600_000])
async def test_answers_take_turns(gateway, ask, trusting, size):
    """Of one source two are verified at a time, however many come: it leaves threads to the others."""
    bound = await trusting()
    lock, reading, most = threading.Lock(), 0, 0
    two = threading.Barrier(2)

    def slow(root: etree._Element, came_at: object) -> None:
        nonlocal reading, most
        with lock:
            reading += 1
            most = max(most, reading)
        two.wait(PATIENCE)
        time.sleep(0.05)
        with lock:
            reading -= 1

    bound._data_verifier = slow
    gateway.answer = lambda _: answer("<a>" + "x" * size + "</a>")
    await asyncio.gather(*(ask(bound) for _ in range(4)))
    assert most == 2


async def test_small_answers_do_not_wait_for_large_ones(gateway, ask, trusting):
    """Nor those of one source for those of another."""
    bound, other = await trusting(), await trusting()
    together = threading.Barrier(4)
    for each in (bound, other):
        each._data_verifier = lambda _, came_at: together.wait(PATIENCE)
    sizes = iter([600_000, 600_000, 1, 1])
    gateway.answer = lambda _: answer("<a>" + "x" * next(sizes) + "</a>")
    async with asyncio.TaskGroup() as group:
        for each in (bound, bound, bound, other):
            group.create_task(ask(each))
            await asyncio.sleep(0.1)


async def test_large_answers_of_another_source_do_not_wait_for_all(gateway, ask, trusting):
    """However many of one source wait for their turn, the next turn is another's who wants one."""
    bound, other = await trusting(), await trusting()
    began, read = asyncio.Event(), []

    def slow(root: etree._Element, came_at: object) -> None:
        time.sleep(0.05)
        read.append("one")

    bound._data_verifier, other._data_verifier = slow, lambda _, came_at: read.append("other")
    gateway.answer = lambda _: answer("<a>" + "x" * 600_000 + "</a>")

    async def one() -> None:
        await ask(bound)
        began.set()

    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(one())
        await began.wait()
        await ask(other)
        assert len(read) < 12
