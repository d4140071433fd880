"""The gateway refuses what the real one would, before any service is asked."""

import io
import uuid

import aiohttp
import pytest

from appealbus.plugins.simulator.population import Population
from appealbus.plugins.simulator.server import Simulator
from appealbus.plugins.simulator.settings import SimulatorSettings
from tests.plugins.simulator.simulator_peer import (
    NS,
    SEED,
    SIZE,
    Peer,
    Seen,
    message,
    organisation_question,
    parcel_question,
    person_question,
)

GOOD = person_question(iin="750301100019")
SB = 'xmlns:sb="http://smartbridge.b10.kz"'


def refused(seen: Seen, code: str) -> None:
    """Hold an answer to be a fault of the sender's with the code, valid as HTTP says faults are."""
    assert seen.status == 500
    assert seen.find("faultcode") == "soapenv:Client"
    assert seen.find("errorCode") == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "xml.malformed"),
        (b"{}", "xml.malformed"),
        (GOOD[:-20], "xml.malformed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml.doctype"),
        (b"<a/>", "request.soap"),
        (GOOD.replace(b"http://schemas.xmlsoap.org/soap/envelope/", b"urn:other"), "request.soap"),
        (GOOD.replace(NS.encode(), NS.lower().encode()), "request.operation"),
        (GOOD.replace(b"<requestInfo>", b"<requestInfo xmlns='urn:other'>"), "request.schema"),
        (GOOD.replace(b"<messageDate>2026-02-16T10:15:30.000+05:00", b"<messageDate>yesterday", 1), "request.schema"),
        (message("GBDFLUniversal_token", "<a/>", messageId=None), "request.schema"),
        (message("GBDFLUniversal_token", "<a/>", messageId=""), "request.message_id"),
        (message("GBDFLUniversal_token", "<a/>", sender=None), "request.schema"),
        (message("GBDFLUniversal_token", "<a/>", sessionId=f"{{{uuid.uuid4()}}}"), "request.session"),
        (message("GBDFLUniversal_token", "<a/>", sender="<senderId>somebody</senderId>"), "request.sender"),
        (message("GBDFL", "<a/>"), "request.service"),
        (message("GBDFLUniversal_token", "<a/>"), "request.data"),
        (message("GBDFLUniversal_token", ""), "request.data"),
        (GOOD.replace(b"http://smartbridge.b10.kz", b"http://smartbridge.b10.KZ"), "request.data"),
        (GOOD.replace(b"<iin>", b"<IIN>").replace(b"</iin>", b"</IIN>"), "request.data"),
        (GOOD.replace(b"<messageId>q-1</messageId>", b""), "request.data"),
        (
            message("GbdulInfoByBin_v2", f"<sb:sendMessageRequest {SB}><BIN>1</BIN></sb:sendMessageRequest>"),
            "request.data",
        ),
        (parcel_question("1").replace(b"<InsideServiceId>X</InsideServiceId>", b""), "request.data"),
    ],
)
async def test_refusals(peer: Peer, body: bytes, code: str):
    """Each defect gets a fault that names it; no service is asked, and the refusal is counted."""
    refused(await peer.send(body), code)
    assert peer.simulator.stats.refusals == {code: 1}
    assert peer.simulator.stats.answers == {}


async def test_message_id_must_be_new(peer: Peer, population: Population):
    """The same message again is refused; the same question under a new id is not."""
    first = person_question(iin=population.persons.iin(1))
    assert (await peer.send(first)).status == 200
    refused(await peer.send(first), "request.repeated")
    assert (await peer.send(person_question(iin=population.persons.iin(1)))).status == 200


async def test_http_headers(peer: Peer):
    """SOAP 1.1 needs its content type, and the channel's operation an empty SOAPAction."""
    refused(await peer.send(GOOD, **{"Content-Type": "application/json"}), "request.content_type")
    refused(await peer.send(GOOD, SOAPAction='"SendMessage"'), "request.soap_action")
    async with peer.session.post(peer.simulator.url, data=GOOD, headers={"Content-Type": "text/xml"}) as reply:
        refused(Seen(reply.status, await reply.read(), reply.content_type), "request.soap_action")


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
