"""Every misbehaviour, as a raw client sees it."""

import asyncio
import time

import aiohttp
import pytest
from lxml import etree

from appealbus.plugins.gbdfl.lookups import SCHEMA
from appealbus.simulator.messages import build_response, channel_schema
from appealbus.simulator.population import Population
from appealbus.simulator.settings import ROUGH, Kind, Misbehaviour, Outage
from appealbus.simulator.spoil import altered
from tests.simulator.simulator_peer import (
    NS,
    Peer,
    Seen,
    organisation_question,
    parcel_question,
    person_question,
)


async def ask(peer: Peer, population: Population, kind: Kind, index: int = 1, **more: float) -> Seen:
    """Let ГБД ФЛ misbehave for certain, and ask it."""
    peer.simulator.misbehave("gbdfl", Misbehaviour.model_validate({kind.value: 1} | more))
    return await peer.send(person_question(iin=population.persons.iin(index)))


async def test_fault(peer: Peer, population: Population):
    """A SOAP fault comes with HTTP 500 and says nothing of the question."""
    seen = await ask(peer, population, Kind.FAULT)
    assert seen.status == 500
    assert seen.find("faultcode") == seen.find("errorCode") == "SCE909"
    channel_schema().assertValid(seen.root().find(".//detail")[0])
    assert population.persons.iin(1).encode() not in seen.body


async def test_status(peer: Peer, population: Population):
    """The gateway's status is not success, and data is empty."""
    seen = await ask(peer, population, Kind.STATUS)
    assert (seen.status, seen.find("status/code")) == (200, "SCSE003")
    assert len(seen.root().find(".//data")) == 0


async def test_plain_http_failures(peer: Peer, population: Population):
    """HTTP 500 without SOAP, HTTP 502 with HTML, HTTP 200 with nothing."""
    seen = await ask(peer, population, Kind.HTTP_500)
    assert (seen.status, seen.content_type) == (500, "text/plain")
    seen = await ask(peer, population, Kind.HTTP_502)
    assert (seen.status, seen.content_type) == (502, "text/html")
    assert b"<html>" in seen.body
    seen = await ask(peer, population, Kind.EMPTY)
    assert (seen.status, seen.body) == (200, b"")


async def test_truncated(peer: Peer, population: Population):
    """The HTTP answer is whole, its XML is not."""
    seen = await ask(peer, population, Kind.TRUNCATED)
    assert seen.status == 200
    assert seen.headers["Content-Length"] == str(len(seen.body))
    with pytest.raises(etree.XMLSyntaxError):
        seen.root()


async def test_wrong_types(peer: Peer, population: Population):
    """The answer's dates are words; one without any dates to spoil breaks its contract too."""
    seen = await ask(peer, population, Kind.WRONG_TYPES)
    assert seen.content().findtext("persons/person/birthDate") == "неизвестно"
    peer.simulator.misbehave("gbdul", Misbehaviour(wrong_types=1))
    seen = await peer.send(organisation_question("210740000018"))
    assert etree.QName(seen.content()[0]).localname == "неизвестно"


async def test_wrong_namespace(peer: Peer, population: Population):
    """Wrapper and content are in a namespace of nobody's."""
    seen = await ask(peer, population, Kind.WRONG_NAMESPACE)
    assert NS.encode() not in seen.body
    assert seen.root()[-1][0].tag == "{urn:example:elsewhere}SendMessageResponse"
    assert {child.tag.partition("}")[0] for child in seen.content()} == {"{urn:example:elsewhere"}


async def test_oversized(peer: Peer, population: Population):
    """The answer is as large as was said, in chunks, so that no header warns of it."""
    seen = await ask(peer, population, Kind.OVERSIZED, oversized_bytes=3_000_000)
    assert 3_000_000 < len(seen.body) < 3_200_000
    assert "Content-Length" not in seen.headers
    assert seen.root() is not None


async def test_entity_bomb(peer: Peer, population: Population):
    """The answer declares entities that a naive parser would expand to gigabytes."""
    seen = await ask(peer, population, Kind.ENTITY_BOMB)
    assert b"<!DOCTYPE" in seen.body
    assert len(seen.body) < 3000
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(seen.body)


async def test_silent(peer: Peer, population: Population):
    """No answer comes, and the simulator still closes at once."""
    peer.simulator.misbehave("gbdfl", Misbehaviour(silent=1))
    with pytest.raises(TimeoutError):
        await peer.send(person_question(iin=population.persons.iin(1)), timeout=0.2)
    waiting = asyncio.create_task(peer.send(person_question(iin=population.persons.iin(2))))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await peer.simulator.close()
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert time.monotonic() - began < 30  # a server that waits for its handlers gives them a minute


async def test_cut(peer: Peer, population: Population):
    """The connection closes in the middle of the answer."""
    with pytest.raises(aiohttp.ClientPayloadError):
        await ask(peer, population, Kind.CUT)


async def test_repeated(peer: Peer, population: Population):
    """The answer is about somebody else and carries the ids of another question."""
    seen = await ask(peer, population, Kind.REPEATED)
    assert seen.content().findtext("persons/person/iin") == population.persons.iin(2)
    assert seen.find("responseInfo/correlationId") == seen.content().findtext("requestId") != "q-1"
    peer.simulator.misbehave("egkn", Misbehaviour(repeated=1))
    parcel = await peer.send(parcel_question(population.parcels.cadastral_number(3)))
    told = str(parcel.content().findtext(".//CadastrNum")).replace(":", "-")
    assert told == population.parcels.cadastral_number(4)


async def test_business_error(peer: Peer, population: Population):
    """The gateway says business error, and the content says which; there is no record."""
    seen = await ask(peer, population, Kind.BUSINESS_ERROR)
    assert seen.find("status/code") == "SCSE001"
    assert (seen.content().findtext("messageResult/code"), seen.content().find("persons")) == ("404", None)
    peer.simulator.misbehave("gbdul", Misbehaviour(business_error=1))
    seen = await peer.send(organisation_question(population.organisations.bin(1)))
    assert (seen.find("status/code"), seen.content().findtext("Status/Code")) == ("SCSE001", "404")


async def test_replayed(peer: Peer, population: Population):
    """The very bytes of the earlier answer to the question come again; the first time it is a good one."""
    first, other = [await ask(peer, population, Kind.REPLAYED, index) for index in (1, 2)]
    assert first.content().findtext("persons/person/iin") == population.persons.iin(1)
    assert other.find("messageId") != first.find("messageId")
    assert (await ask(peer, population, Kind.REPLAYED, 1)).body == first.body


async def test_unsigned(peer: Peer, population: Population):
    """The register's signature is missing."""
    seen = await ask(peer, population, Kind.UNSIGNED)
    assert b"Signature" not in seen.body
    assert seen.content().findtext("persons/person/iin") == population.persons.iin(1)


def test_every_answer_can_be_changed():
    """One that tells an error has other words, and is changed as well."""
    answer = build_response(None, code="SCSE001", message="Business error")
    assert altered(answer) != answer


async def test_other_person(peer: Peer, population: Population):
    """All around the record is as it should be; it is somebody else's."""
    seen = await ask(peer, population, Kind.OTHER_PERSON)
    assert seen.content().findtext("persons/person/iin") == population.persons.iin(2)
    assert seen.find("responseInfo/correlationId") == seen.content().findtext("requestId") == "q-1"


async def test_doubled(peer: Peer, population: Population):
    """The body holds the answer twice."""
    seen = await ask(peer, population, Kind.DOUBLED)
    assert [etree.QName(part).localname for part in seen.root()[-1]] == ["SendMessageResponse"] * 2


async def test_latency(peer: Peer, population: Population):
    """An answer takes at least the time that was set, tail and upper bound included."""
    peer.simulator.misbehave("gbdfl", Misbehaviour(latency=0.15))
    began = time.monotonic()
    await peer.send(person_question(iin=population.persons.iin(1)))
    assert time.monotonic() - began >= 0.15


async def test_outage(peer: Peer, population: Population):
    """In an outage the agency answers 503 with the time that is left; before and after it answers well."""
    question = population.persons.iin(1)
    peer.simulator.misbehave("gbdfl", Misbehaviour(outages=[Outage(after=0.15, lasts=0.3)]))
    assert (await peer.send(person_question(iin=question))).status == 200
    await asyncio.sleep(0.2)
    seen = await peer.send(person_question(iin=question))
    assert (seen.status, seen.headers["Retry-After"]) == (503, "1")
    await asyncio.sleep(0.3)
    assert (await peer.send(person_question(iin=question))).status == 200
    assert peer.simulator.stats.answers["gbdfl"] == {"answered": 2, "outage": 1}


async def test_services_misbehave_by_themselves(peer: Peer, population: Population):
    """What one agency does leaves the others alone, and it can be well again."""
    peer.simulator.misbehave("egkn", Misbehaviour(http_502=1))
    assert (await peer.send(parcel_question(population.parcels.cadastral_number(1)))).status == 502
    assert (await peer.send(person_question(iin=population.persons.iin(1)))).status == 200
    peer.simulator.misbehave("egkn")
    assert (await peer.send(parcel_question(population.parcels.cadastral_number(1)))).status == 200
    with pytest.raises(ValueError, match="there are gbdfl, gbdul, egkn"):
        peer.simulator.misbehave("gai")


@pytest.mark.proof
async def test_same_seed_same_behaviour(peer: Peer, population: Population):
    """Answers depend on the question and how often it came, not on order or company: one by one or all at once."""
    numbers = [population.persons.iin(index) for index in range(150)]

    async def outcome(iin: str) -> tuple[str, str]:
        try:
            seen = await peer.send(person_question(iin=iin))
        except aiohttp.ClientError as error:
            return iin, type(error).__name__
        return iin, f"{seen.status} {len(seen.body)}"

    rough = ROUGH.model_copy(update={"latency": 0, "latency_tail": 0, "fault": 0.2, "http_502": 0.2, "cut": 0.1})
    peer.simulator.misbehave("gbdfl", rough)
    one_by_one = dict([await outcome(iin) for iin in numbers])
    again = dict([await outcome(iin) for iin in numbers])
    await peer.simulator.close()
    await peer.simulator.start()
    peer.simulator.misbehave("gbdfl", rough)
    at_once = dict(await asyncio.gather(*(outcome(iin) for iin in reversed(numbers))))
    assert at_once == one_by_one
    assert again != one_by_one
    assert len(set(one_by_one.values())) > 3


async def test_plugins_tell_spoilt_answers_from_good_ones(peer: Peer, population: Population):
    """The contract check of the plugin takes the good answer and refuses the spoilt one."""
    good = await peer.send(person_question(iin=population.persons.iin(1)))
    SCHEMA.check(good.content())
    for kind in (Kind.WRONG_TYPES, Kind.WRONG_NAMESPACE):
        seen = await ask(peer, population, kind)
        with pytest.raises(Exception, match=r"contract|schema|reply"):
            SCHEMA.check(seen.content())
