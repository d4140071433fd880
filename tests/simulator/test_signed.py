"""The signed contour: who signs wrongly is refused with the code for it, and every answer is signed."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import xmlsec
from lxml import etree

from appealbus.simulator.refusal import RequestRefused
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Algorithm, Kind, Misbehaviour, SimulatorSettings
from appealbus.simulator.signing.algorithms import Certificate, Keys
from appealbus.simulator.signing.keys import CLIENT, load_key, load_keys, make_keys
from appealbus.simulator.signing.wssecurity import verify_request
from appealbus.simulator.signing.xmldsig import verify_document
from tests.connectors.signing.gost.kit import needs_libgcrypt
from tests.simulator.signing_client import (
    DS,
    WSU,
    issuer_serial,
    key_identifier,
    signed_document,
    signed_message,
)
from tests.simulator.simulator_peer import (
    SEED,
    SIZE,
    Peer,
    Seen,
    organisation_document,
    organisation_question,
    parcel_question,
    person_question,
)

SIGNATURE = r"(<ds:Signature .*</ds:Signature>)"
pytestmark = needs_libgcrypt


@dataclass
class Contour:
    """A participant of a signed contour."""

    peer: Peer
    keys: Keys
    folder: Path

    @property
    def certificate(self) -> Certificate:
        """The participant's."""
        return self.keys.participants[0]

    def signed(self, message: bytes, key_info: str | None = None, **more: str) -> bytes:
        """Return the message with the participant's signature."""
        key = load_key(self.folder / f"{CLIENT}.key")
        return signed_message(message, key, key_info or key_identifier(self.certificate), **more)

    def organisation(self, bin_: str) -> str:
        """Return a signed question to ГБД ЮЛ."""
        key = load_key(self.folder / f"{CLIENT}.key")
        return signed_document(organisation_document(bin_), key, self.certificate)

    def hold(self, seen: Seen) -> None:
        """Hold an answer to be signed by the gateway."""
        verify_request(seen.root(), (self.keys.gateway.certificate,), datetime.now(UTC))


@pytest.fixture(params=list(Algorithm))
async def contour(
    request: pytest.FixtureRequest, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Contour]:
    """A contour with keys of each kind."""
    folder = tmp_path / "keys"
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=folder, algorithm=request.param)
    async with Simulator(settings) as simulator:
        yield Contour(Peer(simulator, session), load_keys(folder), folder)


@pytest.fixture
async def gost(session: aiohttp.ClientSession, tmp_path: Path) -> AsyncIterator[Contour]:
    """A contour with keys of 256 bits, which are the cheapest."""
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=tmp_path, algorithm=Algorithm.GOST_256)
    async with Simulator(settings) as simulator:
        yield Contour(Peer(simulator, session), load_keys(tmp_path), tmp_path)


async def test_questions_and_answers(contour: Contour):
    """All three services answer whoever signs as participants do; gateway and registers sign their answers."""
    people = contour.peer.simulator.population
    register = (contour.keys.register.certificate,)
    bin_ = people.organisations.bin(40)
    persons = await contour.peer.send(contour.signed(person_question(iin=people.persons.iin(1))))
    firms = await contour.peer.send(
        contour.signed(organisation_question("", contour.organisation(bin_)), issuer_serial(contour.certificate))
    )
    land = parcel_question(people.parcels.cadastral_number(1))
    for seen in (persons, firms, await contour.peer.send(contour.signed(land, id_attribute="wsse:Id"))):
        assert seen.find("status/code") == "SCSS001"
        contour.hold(seen)
    verify_document(standing_alone(persons), register, datetime.now(UTC))
    verify_document(etree.fromstring(firms.root().findtext(".//data") or ""), register, datetime.now(UTC))
    assert firms.content().findtext("Organization/BIN") == bin_


def standing_alone(seen: Seen) -> etree._Element:
    """Return `data` as the register had it: with the namespaces that it declares itself."""
    return etree.fromstring(re.findall(rb"<data>.*</data>", seen.body)[0])


def renamed(contour: Contour, message: bytes) -> bytes:
    """Call the signature something else."""
    signed = contour.signed(message)
    return signed.replace(b"<ds:Signature ", b"<ds:Other ").replace(b"</ds:Signature>", b"</ds:Other>")


def twice(contour: Contour, message: bytes) -> bytes:
    """Give another element the body's id."""
    signed = contour.signed(message)
    name = re.findall(rb'wsu:Id="([^"]+)"', signed)[0]
    return signed.replace(b"<soapenv:Header>", b'<soapenv:Header><x ID="%s"/>' % name)


def wrapped(contour: Contour, message: bytes) -> bytes:
    """Move the signed body into the header and put another in its place."""
    signed = contour.signed(message)
    body = re.findall(rb"<soapenv:Body.*</soapenv:Body>", signed)[0]
    other = re.sub(rb' wsu:Id="[^"]+"', b"", body).replace(b"chain-1", b"chain-2")
    return signed.replace(body, other).replace(b"<soapenv:Header>", b"<soapenv:Header><w>%s</w>" % body)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda c, m: m, "SCE007"),
        (renamed, "SCE007"),
        (lambda c, m: c.signed(m).replace(b"chain-1", b"chain-2"), "SCE006"),
        (lambda c, m: c.signed(m).replace(b"#id-", b"#ID-"), "SCE006"),
        (lambda c, m: c.signed(m).replace(b"<request>", b'<request xmlns:r="relative">'), "SCE006"),
        (twice, "SCE006"),
        (wrapped, "SCE006"),
        (lambda c, m: c.signed(m).replace(b"gostr34112015-256", b"gostr34112015-512"), "SCE006"),
        (lambda c, m: c.signed(m).replace(b"exc-c14n#", b"exc-c14n#WithComments"), "SCE006"),
        (lambda c, m: c.signed(m, key_identifier(c.keys.gateway.certificate)), "SCE006"),
        (lambda c, m: c.signed(m, issuer_serial(c.keys.gateway.certificate)), "SCE006"),
        (lambda c, m: c.signed(m, issuer_serial(c.certificate).replace("Тестовый центр", "Другой центр")), "SCE006"),
        (lambda c, m: c.signed(m, key_identifier(c.certificate) * 2), "SCE006"),
        (lambda c, m: c.signed(m, "<ds:KeyName>client</ds:KeyName>"), "SCE006"),
        (lambda c, m: re.sub(rb"(<ds:SignatureValue>).", rb"\1*", c.signed(m)), "SCE006"),
        (lambda c, m: re.sub(rb"(<ds:SignatureValue>)....", rb"\1AAAA", c.signed(m)), "SCE006"),
        (lambda c, m: re.sub(rb"(<ds:SignatureValue>)[^<]+", rb"\1", c.signed(m)), "SCE006"),
        (lambda c, m: re.sub(rb"(<wsse:Security .*</wsse:Security>)", rb"\1\1", c.signed(m)), "SCE006"),
    ],
)
async def test_wrong_signatures(gost: Contour, spoil, code: str):
    """Each is refused with its code, before any service is asked; the refusal itself is signed."""
    message = person_question(iin=gost.peer.simulator.population.persons.iin(1))
    seen = await gost.peer.send(spoil(gost, message))
    assert (seen.status, seen.find("errorCode"), seen.find("faultcode")) == (500, code, code)
    assert gost.peer.simulator.stats.answers == {}
    gost.hold(seen)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda c: organisation_document("210740000018"), "SCE017"),
        (lambda c: c.organisation("210740000018").replace("<BIN>2", "<BIN>3"), "SCE016"),
        (lambda c: c.organisation("210740000018").replace("<BIN>", "<BIN> "), "SCE016"),
        (lambda c: c.organisation("210740000018").replace("<BIN>", '<BIN xmlns:r="relative">'), "SCE016"),
        (lambda c: c.organisation("210740000018").replace('URI=""', 'URI="#a"'), "SCE016"),
        (lambda c: c.organisation("210740000018").replace("enveloped-signature", "base64"), "SCE016"),
        (lambda c: re.sub(r"(<ds:SignatureValue>)....", r"\1AAAA", c.organisation("210740000018")), "SCE016"),
        (lambda c: re.sub(r"(<ds:Signature .*</ds:Signature>)", r"\1\1", c.organisation("210740000018")), "SCE016"),
        (
            lambda c: re.sub(r"(<ds:Signature .*</ds:Signature>)", r"<a>\1</a>", c.organisation("210740000018")),
            "SCE016",
        ),
    ],
)
async def test_wrong_signatures_of_data(gost: Contour, spoil, code: str):
    """ГБД ЮЛ takes nothing but what was signed as a whole."""
    seen = await gost.peer.send(gost.signed(organisation_question("", spoil(gost))))
    assert (seen.status, seen.find("errorCode")) == (500, code)
    assert gost.peer.simulator.stats.answers == {}


@pytest.mark.parametrize(
    "name",
    [
        'C=KZ, CN="Тестовый центр, ГОСТ и RSA"',
        "CN=Тестовый центр\\, ГОСТ и RSA, C=KZ, 2.5.4.5=#130331323b",
        "cn = Тестовый центр\\, ГОСТ и RSA , c = KZ",
    ],
)
async def test_spellings_of_an_issuer(gost: Contour, name: str):
    """Libraries write its name in orders and quotes of their own."""
    info = issuer_serial(gost.certificate).replace(gost.certificate.issuer, name)
    assert name in info
    assert (await gost.peer.send(gost.signed(person_question(iin="750301100019"), info))).status == 200


async def test_expired(session: aiohttp.ClientSession, tmp_path: Path):
    """Certificates that are out of date get codes of their own: one for the message, one for the data."""
    make_keys(tmp_path, Algorithm.GOST_256, days=0)
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=tmp_path, algorithm=Algorithm.GOST_256)
    async with Simulator(settings) as simulator:
        contour = Contour(Peer(simulator, session), load_keys(tmp_path), tmp_path)
        seen = await contour.peer.send(contour.signed(person_question(iin="750301100019")))
    assert (seen.status, seen.find("errorCode")) == (500, "SCE005")
    document = etree.fromstring(contour.organisation("210740000018"))
    with pytest.raises(RequestRefused, match="SCE015"):
        verify_document(document, contour.keys.participants, datetime.now(UTC))


async def test_misbehaviours_of_signatures(gost: Contour):
    """An unsigned answer, one that was changed afterwards, and a fault, which is signed like any answer."""
    iin = gost.peer.simulator.population.persons.iin(1)

    async def ask(kind: Kind) -> Seen:
        gost.peer.simulator.misbehave("gbdfl", Misbehaviour.model_validate({kind.value: 1}))
        return await gost.peer.send(gost.signed(person_question(iin=iin)))

    unsigned = await ask(Kind.UNSIGNED)
    assert b"Signature" not in unsigned.body
    assert unsigned.content().findtext("persons/person/iin") == iin
    changed = await ask(Kind.WRONG_SIGNATURE)
    with pytest.raises(RequestRefused, match="the body is not what was signed"):
        gost.hold(changed)
    for kind in (Kind.FAULT, Kind.STATUS, Kind.DOUBLED, Kind.WRONG_NAMESPACE, Kind.OTHER_PERSON):
        gost.hold(await ask(kind))


@pytest.mark.proof
async def test_another_library_agrees(session: aiohttp.ClientSession, tmp_path: Path):
    """xmlsec verifies RSA signatures of both kinds: of the message with its id, and of the document."""
    settings = SimulatorSettings(seed=SEED, size=SIZE, keys=tmp_path, algorithm=Algorithm.RSA)
    async with Simulator(settings) as simulator:
        contour = Contour(Peer(simulator, session), load_keys(tmp_path), tmp_path)
        bin_ = simulator.population.organisations.bin(40)
        seen = await contour.peer.send(contour.signed(organisation_question("", contour.organisation(bin_))))
    document = etree.fromstring(seen.root().findtext(".//data") or "")
    for root, name in ((seen.root(), "gateway"), (document, "register")):
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_file(str(tmp_path / f"{name}.pem"), xmlsec.constants.KeyDataFormatCertPem)
        if root is not document:
            context.register_id(root[-1], "Id", WSU)
        context.verify(next(root.iter(f"{{{DS}}}Signature")))
