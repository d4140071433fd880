"""Signed questions and answers over real HTTP, through the gateway's wire."""

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.connectors.shep import wire as shep_wire
from appealbus.connectors.shep.reply import single_use
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec import MessageSigner, Unsigned
from appealbus.connectors.wssec import verify as wssec_verify
from appealbus.connectors.wssec.verify import verify
from appealbus.core import Call, CallFailed, OutcomeKind, Request
from tests.connectors.shep import answers
from tests.connectors.shep.answers import read_question
from tests.connectors.signing.gost.kit import all_kinds, each
from tests.services.rereading import again

CONTENT = "<q>Қ&#13;<![CDATA[<x>]]>\n</q>"


class Recorder(MessageSigner):
    """Keeps what the signer that it wraps gave back."""

    def __init__(self, inner: MessageSigner) -> None:
        self.inner = inner
        self.signed: list[bytes] = []

    async def sign(self, envelope: bytes) -> bytes:
        self.signed.append(await self.inner.sign(envelope))
        return self.signed[-1]


@dataclass
class SigningGateway:
    """Takes signed questions alone; signs its answers as `signer` does."""

    trusted: tuple
    signer: MessageSigner
    url: str = ""
    status: int = 200
    answer: bytes = b""
    recorded: bytes = b""
    spoil: tuple[bytes, bytes] = (b"", b"")
    raw: list[bytes] = field(default_factory=list)
    told: bytes = b""

    async def handle(self, http: web.Request) -> web.Response:
        self.raw.append(await http.read())
        request = read_question(self.raw[-1])
        verify(request.envelope, self.trusted)
        answer = self.answer or answers.answer(request.content, correlation_id=request.correlation_id)
        self.told = (self.recorded or await self.signer.sign(answer)).replace(*self.spoil)
        return web.Response(status=self.status, body=self.told, content_type="text/xml")


@pytest.fixture(scope="session")
def ours(kind, identity):
    """Return who we are."""
    return identity(kind, "ours", 0x0425)


@pytest.fixture
async def gateway(ours, peer):
    """Run a gateway that is the peer."""
    gateway = SigningGateway(load_trusted([ours.certificate]), peer.signer())
    app = web.Application()
    app.router.add_post("/", gateway.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def wire(gateway, ours, peer):
    """Return our wire to it."""
    signature = {
        "sign": f"gost-{ours.bits}" if ours.bits else "rsa-sha256",
        "key": ours.key,
        "certificate": ours.certificate,
        "trusted": [peer.certificate],
    }
    settings = ShepSettings(
        url=gateway.url, service_id="S", sender_id="T", not_found_codes=["404"], payload="text", signature=signature
    )
    wire = ShepWire("gbdfl", settings, HttpClient())
    await wire.start()
    yield wire
    await wire.close()


async def ask(wire) -> etree._Element:
    reply = await wire.call(Request(etree.fromstring(CONTENT)), Call("question", "N", 5.0))
    return reply.body


@all_kinds
async def test_both_sides_sign(gateway, wire):
    """The peer verifies what it got as it got it, and we verify its answer."""
    wire._signer = recorder = Recorder(wire._signer)
    content = await ask(wire)

    assert content.text == etree.fromstring(CONTENT).text
    assert gateway.raw == recorder.signed


@each
@pytest.mark.parametrize("old_and_new", [(b">\xd2\x9a", b">\xd2\x9b"), (b"SCSS001", b"SCSS002")])
async def test_answer_changed_on_the_way(gateway, wire, old_and_new):
    """One changed letter anywhere in the body, the status included, and the answer is not taken."""
    gateway.spoil = old_and_new
    with pytest.raises(CallFailed) as caught:
        await ask(wire)

    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "wssec.signature")


@each
async def test_unsigned_answer(gateway, wire):
    """An answer without a signature is not taken."""
    gateway.signer = Unsigned()
    with pytest.raises(CallFailed) as caught:
        await ask(wire)

    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "wssec.unsigned")


async def test_signed_answer_to_another_question(gateway, wire):
    """One that names another question is not taken. Most services name none: then the connection alone can tie it."""
    await ask(wire)
    gateway.answer = answers.answer("<a/>", session_id=None)
    for tied in (False, True):
        reply = await wire.call(Request(etree.fromstring(CONTENT)), Call("question", "N", 5.0, alone=tied))
        assert reply.correlated is tied
    gateway.answer = answers.answer("<a/>", correlation_id="another")
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "shep.correlation")


def at(**off: float) -> str:
    return (datetime.now(UTC) + timedelta(**off)).isoformat()


async def test_an_old_answer(gateway, wire):
    """A recorded answer stays validly signed, so one whose date is far from now is not taken, whatever it says."""
    dates = [
        (at(minutes=-11), "shep.date"),
        (at(minutes=11), "shep.date"),
        (at(days=-4000), "shep.date"),
        ("0001-01-01T00:00:00+14:00", "shep.no_date"),  # what machines write for none
        ("9999-12-31T23:59:59-12:00", "shep.date"),
        (at(minutes=1)[:19], "shep.date"),  # without a zone it is Kazakhstan's time, and this is Greenwich's
        (at(hours=5, minutes=1)[:19], None),
        (at(minutes=9), None),
        (at(minutes=-9), None),
        ("", "shep.no_date"),
        ("yesterday", "shep.no_date"),
    ]
    for date, code in dates:
        gateway.answer = answers.answer("<a/>", date=date)
        if code is None:
            await ask(wire)
        gateway.answer = answers.answer("<a/>", date=date, code="404" if code is None else "SCSS001")
        with pytest.raises(CallFailed) as caught:
            await ask(wire)
        assert caught.value.code == (code or "shep.not_found.404"), date


async def test_what_an_answer_is_known_again_by(gateway, wire):
    """The same signed answer has the same key, however it is written; any other has another, with the same ids too."""

    async def key(answer: bytes) -> str:
        gateway.answer = answer
        reply = await wire.call(Request(etree.fromstring(CONTENT)), Call("question", "N", 5.0))
        assert timedelta() < reply.once.until - datetime.now(UTC) <= timedelta(minutes=10)
        return reply.once.key

    first = await key(answers.answer("<a>Қ</a>", message_id="1"))
    assert len(first) == 64
    gateway.recorded = gateway.told
    assert await key(b"") == first
    for spoil in (
        (b"<soapenv:Envelope ", b"<soapenv:Envelope more='1' "),
        (b"</soapenv:Body>", b"</soapenv:Body >"),
        ("<a>Қ</a>".encode(), "<a ><![CDATA[Қ]]></a>".encode()),
    ):
        gateway.spoil = spoil
        assert await key(b"") == first
        assert gateway.told != gateway.recorded
    gateway.recorded, gateway.spoil = b"", (b"", b"")
    assert await key(answers.answer("<a>Қ</a>", message_id="1")) != first


async def test_what_a_longer_answer_is_known_by_is_made_in_a_thread(gateway, wire, monkeypatch):
    """512 KB of attributes take 0.2 s, in which the loop would stand still; a thread costs a short one more than it."""
    there = []

    def noted(*args, **more):
        there.append(threading.current_thread() is threading.main_thread())
        return single_use(*args, **more)

    monkeypatch.setattr(shep_wire, "single_use", noted)
    for size in (1, 40_000):
        gateway.answer = answers.answer(f"<a>{'x' * size}</a>")
        await ask(wire)
    assert there == [True, False]


async def test_faults(gateway, wire):
    """A fault ends a question if it is signed, of now, and then once; any other could be an old one, or anybody's."""
    await ask(wire)
    gateway.status, gateway.answer = 500, answers.fault("404")
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.NOT_FOUND, "shep.not_found.404")
    assert caught.value.once is not None
    assert not caught.value.correlated

    for date in ("", "never", at(minutes=-11)):
        gateway.answer = answers.fault("404", date=date)
        with pytest.raises(CallFailed) as caught:
            await ask(wire)
        assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "shep.fault_untied")

    gateway.signer, gateway.answer = Unsigned(), answers.fault("404")
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "shep.fault_unsigned")

    gateway.answer = answers.fault("SCE004")
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "shep.fault.SCE004")


async def test_an_unsigned_channel_has_no_single_use(gateway, wire):
    """Where nothing is verified a date and an id are anybody's, and prove nothing."""
    wire._verifier = None
    gateway.answer = answers.answer("<a/>", date=at(days=-1))
    assert (await wire.call(Request(etree.fromstring(CONTENT)), Call("question", "N", 5.0))).once is None


@each
async def test_peer_that_verifies(gateway, wire, stranger):
    """The gateway of this test does refuse a question that somebody else signed."""
    wire._signer = stranger.signer()
    with pytest.raises(CallFailed, match=r"http\.500"):
        await ask(wire)


async def test_a_kept_answer_is_verified_anew(gateway, wire, monkeypatch):
    """By the time when it came: years later its signature still counts, and what was changed does not."""
    call, came = Call("question", "N", 5.0), []
    await wire.call(Request(etree.fromstring(CONTENT)), replace(call, came=came.append))
    [raw] = came
    monkeypatch.setattr(wssec_verify, "wall", lambda: datetime.now(UTC) + timedelta(days=36500))
    monkeypatch.setattr(shep_wire, "wall", lambda: datetime.now(UTC) + timedelta(days=36500))
    reply = await wire.call(Request(etree.fromstring(CONTENT)), again(call, raw))
    assert reply.observed_at == raw.at
    assert len(gateway.raw) == 1
    late = replace(raw, at=raw.at + timedelta(days=36500))
    for changed in (late, replace(raw, body=raw.body.replace(b"<x>", b"<y>").replace(b"&lt;x", b"&lt;y"))):
        with pytest.raises(CallFailed, match=r"wssec\."):
            await wire.call(Request(etree.fromstring(CONTENT)), again(call, changed))
