"""Signed questions and answers over real HTTP, through the gateway's wire."""

from dataclasses import dataclass, field

import pytest
from aiohttp import web
from lxml import etree

from appealbus.connectors.http import HttpClient
from appealbus.connectors.shep import ShepSettings, ShepWire
from appealbus.connectors.wssec import Signer, Unsigned
from appealbus.connectors.wssec.rsa import load_rsa_signer
from appealbus.connectors.wssec.verify import load_trusted, verify
from appealbus.core import Call, CallFailed, OutcomeKind, Request
from appealbus.plugins.simulator.messages import build_fault, build_response, read_request

CONTENT = "<q>Қ&#13;<![CDATA[<x>]]>\n</q>"


class Recorder(Signer):
    """Keeps what the signer that it wraps gave back."""

    def __init__(self, inner: Signer) -> None:
        self.inner = inner
        self.signed: list[bytes] = []

    async def sign(self, envelope: bytes) -> bytes:
        self.signed.append(await self.inner.sign(envelope))
        return self.signed[-1]


@dataclass
class SigningGateway:
    """Takes signed questions alone; signs its answers as `signer` does."""

    trusted: tuple
    signer: Signer
    url: str = ""
    status: int = 200
    answer: bytes = b""
    spoil: tuple[bytes, bytes] = (b"", b"")
    raw: list[bytes] = field(default_factory=list)

    async def handle(self, http: web.Request) -> web.Response:
        self.raw.append(await http.read())
        request = read_request(self.raw[-1])
        verify(request.envelope, self.trusted)
        answer = self.answer or build_response(request.payload, correlation_id=request.correlation_id)
        signed = (await self.signer.sign(answer)).replace(*self.spoil)
        return web.Response(status=self.status, body=signed, content_type="text/xml")


@pytest.fixture(scope="session")
def ours(make_identity):
    """Return who we are."""
    return make_identity("ours")


@pytest.fixture
async def gateway(ours, peer):
    """Run a gateway that is the peer."""
    signer = load_rsa_signer(peer.key, peer.certificate, None)
    gateway = SigningGateway(load_trusted([ours.certificate]), signer)
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
        "sign": "rsa-sha256",
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


async def test_both_sides_sign(gateway, wire):
    """The peer verifies what it got as it got it, and we verify its answer."""
    wire._signer = recorder = Recorder(wire._signer)
    content = await ask(wire)

    assert content.text == etree.fromstring(CONTENT).text
    assert gateway.raw == recorder.signed


@pytest.mark.parametrize("old_and_new", [(b">\xd2\x9a", b">\xd2\x9b"), (b"SCSS001", b"SCSS002")])
async def test_answer_changed_on_the_way(gateway, wire, old_and_new):
    """One changed letter anywhere in the body, the status included, and the answer is not taken."""
    gateway.spoil = old_and_new
    with pytest.raises(CallFailed) as caught:
        await ask(wire)

    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "wssec.signature")


async def test_unsigned_answer(gateway, wire):
    """An answer without a signature is not taken."""
    gateway.signer = Unsigned()
    with pytest.raises(CallFailed) as caught:
        await ask(wire)

    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "wssec.unsigned")


@pytest.mark.parametrize("told", [None, "", "another"])
async def test_signed_answer_to_another_question(gateway, wire, told):
    """An old answer stays validly signed, so one that does not name this question is not taken."""
    gateway.answer = build_response(etree.fromstring("<a/>"), correlation_id=told)
    with pytest.raises(CallFailed) as caught:
        await ask(wire)

    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, "shep.correlation")


async def test_faults(gateway, wire):
    """No fault ends a question where signatures count: one that is signed stays so for ever, and for every question."""
    gateway.status, gateway.answer = 500, build_fault("404", "m")
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "shep.fault_untied")

    gateway.signer = Unsigned()
    with pytest.raises(CallFailed) as caught:
        await ask(wire)
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "shep.fault_unsigned")


async def test_peer_that_verifies(gateway, wire, stranger):
    """The gateway of this test does refuse a question that somebody else signed."""
    wire._signer = load_rsa_signer(stranger.key, stranger.certificate, None)
    with pytest.raises(CallFailed, match=r"http\.500"):
        await ask(wire)
