"""The gateway refuses what the real one would, before any service is asked."""

import gzip
import io
import uuid

import aiohttp
import pytest

from appealbus.simulator.messages import channel_schema
from appealbus.simulator.population import Population
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import SimulatorSettings
from tests.simulator.simulator_peer import (
    NS,
    SEED,
    SIZE,
    Peer,
    Seen,
    message,
    organisation_document,
    organisation_question,
    parcel_question,
    person_fields,
    person_question,
)

GOOD = person_question(iin="750301100019")
SB = 'xmlns:sb="http://smartbridge.b10.kz"'
G = 'xmlns:g="http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"'


TYPED = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sb="http://smartbridge.b10.kz" xsi:type="%s"'
FIELDS = person_fields(iin="750301100019")
MANY = b" ".join(b"xmlns:a%d='urn:a'" % number for number in range(60))
QUALIFIED = FIELDS.replace("<iin>", "<x:iin xmlns:x='urn:x'>").replace("</iin>", "</x:iin>")


def refused(seen: Seen, code: str, reason: str = "") -> None:
    """Hold an answer to be a fault that names the code, as HTTP says faults are."""
    assert seen.status == 500
    assert seen.find("faultcode") == seen.find("errorCode") == code
    assert seen.find("faultstring") == seen.find("errorMessage")
    assert reason in str(seen.find("errorMessage"))
    assert b"750301100019" not in seen.body
    detail = seen.root().find(".//detail")
    assert detail is not None
    channel_schema().assertValid(detail[0])


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"", "SCE001", "not well-formed"),
        (b"{}", "SCE001", "not well-formed"),
        (GOOD[:-20], "SCE001", "not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "SCE001", "DTD"),
        (GOOD.replace(b"<request>", b"<request %s>" % MANY), "SCE001", "too many namespaces"),
        (
            organisation_question("", f"<g:Request {G}><a {MANY.decode()}/></g:Request>"),
            "SCE001",
            "too many namespaces",
        ),
        (GOOD.replace(b"<iin>", b"<?a b?><iin>"), "SCE001", "instruction"),
        (b"<?xml version='1.0'?><?xml-stylesheet href='a'?>" + GOOD, "SCE001", "instruction"),
        (b"\xff\xfe" + GOOD.replace(b"<iin>", b"<?a b?><iin>").decode().encode("utf-16-le"), "SCE001", "instruction"),
        (
            organisation_question("", organisation_document("210740000018").replace("<BIN>", "<?a b?><BIN>")),
            "SCE001",
            "instruction",
        ),
        (b"<a/>", "SCE001", "SOAP 1.1"),
        (GOOD.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"urn:other"), "SCE001", "SOAP 1.1"),
        (GOOD.replace(NS.encode(), NS.lower().encode()), "SCE001", "SendMessage"),
        (GOOD.replace(b"<requestInfo>", b"<requestInfo xmlns='urn:other'>"), "SCE001", "SendMessage/request"),
        (GOOD.replace(b"10:15:30.000+05:00", b"yesterday", 1), "SCE001", "messageDate"),
        (GOOD.replace(b"10:15:30.000+05:00", b"10:15:30.000", 1), "SCE001", "messageDate"),
        (
            message("GBDFLUniversal_token", FIELDS, properties=f"<key>{'k' * 31}</key><value>1</value>"),
            "SCE001",
            "properties/key",
        ),
        (
            message("GBDFLUniversal_token", FIELDS, properties=f"<key>k</key><value>{'v' * 501}</value>"),
            "SCE001",
            "properties/value",
        ),
        (message("GBDFLUniversal_token", FIELDS, messageId=None), "SCE001", "requestInfo"),
        (message("GBDFLUniversal_token", FIELDS, messageId=""), "SCE001", "no messageId"),
        (message("GBDFLUniversal_token", FIELDS, sender=None), "SCE001", "requestInfo"),
        (message("GBDFLUniversal_token", FIELDS, sessionId=f"{{{uuid.uuid4()}}}"), "SCE001", "sessionId"),
        (message("GBDFLUniversal_token", FIELDS, sender="<senderId>somebody</senderId>"), "SCE001", "sender"),
        (message("GBDFL", FIELDS), "SCE004", "serviceId"),
        (message("GBDFLUniversal_token", ""), "SCE001", "data is empty"),
        (message("GBDFLUniversal_token", "&lt;a/>"), "SCE001", "as a document in the text"),
        (
            message("GBDFLUniversal_token", f"<sb:sendMessageRequest {SB}>{FIELDS}</sb:sendMessageRequest>"),
            "SCE001",
            "as one element inside data",
        ),
        (
            message("GBDFLUniversal_token", FIELDS, data_attributes=TYPED % "sb:sendMessageRequest"),
            "SCE001",
            "GBDFLUniversal_token",
        ),
        (message("GBDFLUniversal_token", FIELDS, data_attributes=TYPED % "xsi:string"), "SCE001", "data"),
        (
            message("GBDFLUniversal_token", QUALIFIED),
            "SCE001",
            "iin",
        ),
        (GOOD.replace(b"<iin>", b"<IIN>").replace(b"</iin>", b"</IIN>"), "SCE001", "IIN"),
        (GOOD.replace(b"<messageId>q-1</messageId>", b""), "SCE001", "messageDate"),
        (GOOD.replace(b"q-1", b"q" * 37), "SCE001", "messageId"),
        (GOOD.replace(b"<kdpToken/>", b""), "SCE001", "publicKey"),
        (organisation_question("", "<g:Request xmlns:g='urn:other'/>"), "SCE001", "root"),
        (organisation_question("", f"<sb:sendMessageRequest {SB}/>"), "SCE001", "root"),
        (organisation_question("", f"<g:Request {G}><BIN>1</BIN></g:Request>"), "SCE001", "BIN"),
        (organisation_question("", f"<g:Request {G}>"), "SCE001", "no XML"),
        (
            message("GbdulInfoByBin_v2", organisation_document("1")),
            "SCE001",
            "as one element inside data",
        ),
        (parcel_question("1").replace(b"<InsideServiceId>X</InsideServiceId>", b""), "SCE001", "CadastrNum"),
    ],
)
async def test_refusals(peer: Peer, body: bytes, code: str, reason: str):
    """Each defect gets a fault that names it; no service is asked, and the refusal is counted."""
    refused(await peer.send(body), code, reason)
    assert peer.simulator.stats.refusals == {code: 1}
    assert peer.simulator.stats.answers == {}


async def test_message_id_must_be_new(peer: Peer, population: Population):
    """The same message again is refused; the same question under a new id is not."""
    first = person_question(iin=population.persons.iin(1))
    assert (await peer.send(first)).status == 200
    refused(await peer.send(first), "SCE001", "come before")
    assert (await peer.send(person_question(iin=population.persons.iin(1)))).status == 200


async def test_what_is_remembered_is_short(peer: Peer):
    """A long id or name is told from another, and not kept."""
    long = "z" * 200_000
    body = message("GBDFLUniversal_token", person_fields(surname=long), messageId=long, correlationId=long)
    assert (await peer.send(body)).status == 200
    refused(await peer.send(body), "SCE001", "come before")
    assert (await peer.send(body.replace(b"z</messageId>", b"y</messageId>"))).status == 200
    assert max(len(text) for asked in peer.simulator.stats.asked for text in asked[:3]) < 100


async def test_http_headers(peer: Peer):
    """SOAP 1.1 needs its content type, and the channel's operation an empty SOAPAction."""
    refused(await peer.send(GOOD, **{"Content-Type": "application/json"}), "SCE001", "text/xml")
    refused(await peer.send(GOOD, SOAPAction='"SendMessage"'), "SCE001", "SOAPAction")
    async with peer.session.post(peer.simulator.url, data=GOOD, headers={"Content-Type": "text/xml"}) as reply:
        refused(Seen(reply.status, await reply.read(), reply.content_type), "SCE001", "SOAPAction")


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_packed_requests(peer: Peer, encoding: str):
    """They are not unpacked, whole or broken, and told to be no XML."""
    for body in (b"nothing", gzip.compress(GOOD)):
        refused(await peer.send(body, **{"Content-Encoding": encoding}), "SCE001", "not")


async def test_self_closed_elements_are_taken(peer: Peer, population: Population):
    """Self-closed optional elements and a missing SOAP header are legal."""
    body = organisation_question(population.organisations.bin(60)).replace(b"<soapenv:Header/>", b"")
    body = body.replace(b"<sender>", b"<routeId/><sender>")
    assert (await peer.send(body)).status == 200


async def test_password(session: aiohttp.ClientSession):
    """Where a password is set, only who knows it is let in."""
    async with Simulator(SimulatorSettings(seed=SEED, size=SIZE, sender_id="akimat", password="long")) as simulator:
        peer = Peer(simulator, session)
        bins = simulator.population.organisations.bin
        right = "<senderId>akimat</senderId><password>long</password>"
        for number, (sender, status) in enumerate(
            {
                right: 200,
                "<senderId>akimat</senderId><password>lon</password>": 500,
                "<senderId>akimat</senderId>": 500,
                "<senderId>other</senderId><password>long</password>": 500,
            }.items()
        ):
            body = organisation_question(bins(number)).replace(b"<senderId>appealbus</senderId>", sender.encode())
            assert (await peer.send(body)).status == status
    assert "long" not in repr(simulator.settings)


async def test_too_large_a_request(peer: Peer):
    """A request over the limit is turned away by HTTP itself."""
    body = io.BytesIO(GOOD.replace(b"TEST", b"T" * 3_000_000))
    async with peer.session.post(peer.simulator.url, data=body, headers={"Content-Type": "text/xml"}) as reply:
        assert reply.status == 413
