"""A signing service beside us: what it may be, what is taken from it, and what happens when it is sick or lies."""

import asyncio
import base64
import copy
import socket

import pytest
from aiohttp import web
from lxml import etree
from pydantic import ValidationError

from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.signing.ncanode import NcaNode
from appealbus.connectors.signing.trust import load_trusted
from appealbus.connectors.wssec import load_signer
from appealbus.connectors.wssec.remote import RemoteSigner
from appealbus.connectors.wssec.verify import verify
from appealbus.connectors.xmldsig.remote import RemoteSigner as RemoteDataSigner
from appealbus.connectors.xmldsig.verify import verify as verify_data
from appealbus.core import CallFailed, ConfigError, LinkStatus, OutcomeKind
from appealbus.schemas.safexml import parse
from tests.services.ncanode import DS, changed, serving, silent, store
from tests.services.processes import PATIENCE

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DOCUMENT = '<data xmlns:p="urn:p"><q t="p:T">Қ&#13;\n</q></data>'
MESSAGE = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Header/><s:Body><m:Send xmlns:m="urn:m"><data xmlns:p="urn:p" t="p:T">'
    "Қ&#13;\n<q>1</q></data></m:Send></s:Body></s:Envelope>"
).encode()


@pytest.fixture
async def service():
    """Run a signing service."""
    async with serving() as running:
        yield running


@pytest.fixture(scope="session")
def p12(peer, tmp_path_factory):
    """Return the peer's key as a PKCS #12 file."""
    path = tmp_path_factory.mktemp("p12") / "key.p12"
    path.write_bytes(store(peer.key, peer.certificate, "secret"))
    return path


@pytest.fixture
def way(service, p12):
    """Return the way to the service."""
    return NcaNode(service.url, p12, "secret", "alias", 2.0)


async def failure(signing) -> CallFailed:
    """Return what a call to the service fails with."""
    with pytest.raises(CallFailed) as caught:
        await signing
    assert caught.value.kind is OutcomeKind.UNAVAILABLE
    return caught.value


async def test_signs_messages(way, service, peer):
    """The message comes back with a signature of ours over the same body, and is sent as it came."""
    signed = await RemoteSigner(way).sign(MESSAGE)
    body = verify(parse(signed), load_trusted([peer.certificate]))

    assert signed.startswith(b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>')
    assert body.findtext("{urn:m}Send/data") == "Қ\r\n"
    assert service.paths == ["/wsse/sign"]
    assert way.link("x").status is LinkStatus.UP


async def test_signs_documents(way, service, peer):
    """A document comes back with an enveloped signature, and without a declaration: it goes into a message."""
    signed = await RemoteDataSigner(way).sign(DOCUMENT)
    root = parse(signed.encode())
    verify_data(root, load_trusted([peer.certificate]))

    assert signed.startswith("<data ")
    assert etree.tostring(root, method="c14n") == etree.tostring(parse(DOCUMENT.encode()), method="c14n")
    assert service.paths == ["/xml/sign"]


async def test_over_a_socket(tmp_path, p12):
    """A socket of this machine will do as well."""
    async with serving(socket=tmp_path / "n.sock") as service:
        way = NcaNode(service.url, p12, "secret", None, 2.0)
        assert b"SignatureValue" in await RemoteSigner(way).sign(MESSAGE)
        assert await RemoteSigner(way).health() is None


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:14579",
        "http://example.kz",
        "http://127.0.0.1.example.kz",
        "https://127.0.0.1:14579",
        "http://localhost@example.kz",
        "http://user@127.0.0.1",
        "http://127.0.0.1:14579#",
        "http://127.0.0.1:14579#x",
        "http://0.0.0.0:14579",
        "unix:relative.sock",
        "127.0.0.1:14579",
        "",
    ],
)
def test_keys_do_not_leave_the_machine(url, p12):
    """The key and its password go out with each message, so no address but this machine's is taken."""
    with pytest.raises(ValidationError, match=r"unix:/run/ncanode\.sock"):
        SignatureSettings(sign="ncanode", url=url, key=p12, key_password={"env": "P"}, verify=False)


def test_key_that_others_may_write(tmp_path, p12):
    """It is not handed to the service."""
    key = tmp_path / "key.p12"
    key.write_bytes(p12.read_bytes())
    key.chmod(0o602)
    with pytest.raises(ConfigError, match=r"key\.p12 may be written by others \(mode 0602"):
        NcaNode("http://127.0.0.1:14579", key, "secret", "alias", 2.0)


async def test_localhost_that_is_elsewhere(service, p12, monkeypatch):
    """The key goes nowhere if a name server says that localhost may be another machine."""
    told = ["127.0.0.1"]

    def answer(host, port, *_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in told]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    way = NcaNode(service.url.replace("127.0.0.1", "localhost"), p12, "secret", "alias", 2.0)
    await RemoteSigner(way).sign(MESSAGE)
    told.append("192.0.2.1")
    assert (await failure(RemoteSigner(way).sign(MESSAGE))).code == "wssec.signer_down"


@pytest.mark.parametrize("url", ["http://127.0.0.1:14579", "http://[::1]:1/", "http://localhost", "unix:/a.sock"])
def test_addresses_of_this_machine(url, p12):
    """Loopback and sockets are."""
    settings = SignatureSettings(sign="ncanode", url=url, key=p12, key_password={"env": "P"}, verify=False)
    assert settings.url == url.rstrip("/")


@pytest.mark.parametrize("missing", ["url", "key", "key_password"])
def test_what_the_settings_need(missing, p12):
    """Without one of them the error says what to write."""
    table = {"url": "http://127.0.0.1:14579", "key": p12, "key_password": {"env": "P"}}
    del table[missing]
    with pytest.raises(ValidationError, match=r"sign = \"ncanode\" needs url"):
        SignatureSettings(sign="ncanode", verify=False, **table)


async def test_by_settings(service, p12, peer, monkeypatch):
    """The table makes a signer that works."""
    monkeypatch.setenv("P12_PASSWORD", "secret")
    settings = SignatureSettings(
        sign="ncanode",
        url=service.url,
        key=p12,
        key_password={"env": "P12_PASSWORD"},
        key_alias="alias",
        trusted=[peer.certificate],
    )
    signed = await load_signer(settings, "sources.x.signature").sign(MESSAGE)
    verify(parse(signed), load_trusted([peer.certificate]))


def insert(root: etree._Element) -> None:
    root[-1].append(etree.Element("more"))


def wrap(root: etree._Element) -> None:
    """Keep the signed body in the header, and put another one in its place."""
    body = root[-1]
    root[0].append(copy.deepcopy(body))
    del body.attrib["{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id"]


def again(root: etree._Element) -> None:
    root[0][0].append(copy.deepcopy(root[0][0][-1]))


def weaken(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}SignatureMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")


def point(root: etree._Element) -> None:
    root.find(f".//{{{DS}}}Reference").set("URI", "#other")


@pytest.mark.parametrize(
    "spoil",
    [
        changed(insert),
        changed(wrap),
        changed(again),
        changed(weaken),
        changed(point),
        lambda signed: signed.replace("<q>1<", "<q>2<"),
        lambda signed: signed.replace('xmlns:p="urn:p"', 'xmlns:p="urn:other"'),
        lambda signed: signed.replace("&#13;", ""),
        lambda _: MESSAGE.decode(),
        lambda _: "<a/>",
        lambda _: "no XML",
        lambda signed: signed.replace("<q>1<", "<q xmlns:r='relative'>1<"),
        lambda signed: '<!DOCTYPE a [<!ENTITY x "y">]>' + signed.partition("?>")[2],
    ],
    ids=[
        "more",
        "wrapped",
        "two",
        "sha1",
        "reference",
        "value",
        "prefix",
        "break",
        "unsigned",
        "other",
        "text",
        "relative",
        "dtd",
    ],
)
async def test_message_that_is_not_ours(way, service, spoil):
    """What comes back with another content, signature or reference does not go out."""
    service.spoil = spoil
    assert (await failure(RemoteSigner(way).sign(MESSAGE))).code == "wssec.signer_answer"
    assert way.link("x").status is LinkStatus.DOWN


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signed: signed.replace("Қ", "қ"),
        lambda signed: signed.replace('xmlns:p="urn:p"', 'xmlns:p="urn:other"'),
        changed(weaken),
        changed(point),
        changed(lambda root: root.append(copy.deepcopy(root[-1]))),
        changed(lambda root: root.append(etree.Element("more"))),
        lambda _: DOCUMENT,
        lambda _: "no XML",
    ],
)
async def test_document_that_is_not_ours(way, service, spoil):
    """The same holds for documents."""
    service.spoil = spoil
    assert (await failure(RemoteDataSigner(way).sign(DOCUMENT))).code == "wssec.signer_answer"
    assert way.link("x").status is LinkStatus.DOWN


async def huge(http: web.Request) -> web.StreamResponse:
    """Answer without an end."""
    response = web.StreamResponse()
    await response.prepare(http)
    for _ in range(10_000):
        await response.write(b" " * 65536)
    return response


def status(code: int, body: object = None):
    """Return what answers with this status."""

    async def answer(_http: web.Request) -> web.Response:
        return web.json_response(body, status=code)

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (silent, "signer_down"),
        (huge, "signer_down"),
        (status(500), "signer_down"),
        (status(503), "signer_down"),
        (status(302), "signer_down"),
        (status(404), "signer_down"),
        (status(400), "signer_refused"),
        (status(200, {"status": 500, "message": "secret"}), "signer_answer"),
        (status(200, {"status": 200, "xml": None}), "signer_answer"),
        (status(200, []), "signer_answer"),
    ],
)
async def test_sick_service(service, p12, answer, code):
    """Whatever it answers, the question ends in bounded time and memory, and quotes nothing of it."""
    service.answer = answer
    patience = 0.3 if answer is silent else PATIENCE
    async with asyncio.timeout(PATIENCE):
        failed = await failure(RemoteSigner(NcaNode(service.url, p12, "secret", None, patience)).sign(MESSAGE))

    assert failed.code == f"wssec.{code}"
    assert "secret" not in str(failed)


async def test_nobody_there(p12):
    """Without a service the question waits, and the link says so."""
    way = NcaNode("http://127.0.0.1:9", p12, "secret", None, 1.0)
    assert (await failure(RemoteSigner(way).sign(MESSAGE))).code == "wssec.signer_down"
    assert way.link("signer.x").status is LinkStatus.DOWN
    assert (await RemoteSigner(way).health()).startswith("wssec.signer_down")


async def test_back_again(service, way):
    """A service that signs again is told to."""
    for signer in (RemoteSigner(way), RemoteDataSigner(way)):
        service.answer = status(500)
        assert (await signer.health()).startswith("wssec.signer_down")
        assert way.link("x").status is LinkStatus.DOWN
        service.answer = None
        assert await signer.health() is None
        assert way.link("x").status is LinkStatus.UP


@pytest.mark.parametrize(("password", "alias"), [("wrong", None), ("secret", "nobody")])
async def test_refused_key_is_not_handed_in_again(service, p12, password, alias):
    """A key that the service does not open is a matter for a person: it is told, and asked about once a minute."""
    way = NcaNode(service.url, p12, password, alias, 2.0)
    signer = RemoteSigner(way)
    failures = [await failure(signer.sign(MESSAGE)) for _ in range(5)]

    assert {failed.code for failed in failures} == {"wssec.signer_refused"}
    assert failures[0].retry_after == 60
    assert len(service.paths) == 1
    assert (await signer.health()).startswith("wssec.signer_refused")
    assert way.link("x").status is LinkStatus.REFUSED
    assert "key_password" in way.link("x").detail


async def test_hands_over_what_the_api_wants(service, way, p12):
    """The key goes as base64 with its password and alias, and nothing is trimmed."""
    asked = []

    async def record(http: web.Request) -> web.Response:
        asked.append(await http.json())
        return web.json_response({}, status=500)

    service.answer = record
    await failure(RemoteSigner(way).sign(MESSAGE))
    await failure(RemoteDataSigner(way).sign(DOCUMENT))
    key = {"key": base64.b64encode(p12.read_bytes()).decode(), "password": "secret", "keyAlias": "alias"}

    assert asked == [
        {"xml": MESSAGE.decode(), **key, "trimXml": False},
        {"xml": DOCUMENT, "signers": [key], "trimXml": False},
    ]


async def test_many_at_once(way):
    """Messages that are handed over at once are signed, each its own."""
    messages = [MESSAGE.replace(b"<q>1<", f"<q>{n}<".encode()) for n in range(20)]
    signed = await asyncio.gather(*(RemoteSigner(way).sign(message) for message in messages))
    assert [parse(each).findtext(".//q") for each in signed] == [str(n) for n in range(20)]
