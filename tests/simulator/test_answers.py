"""Each service answers over real HTTP, valid against its published contract, and says what the population knows."""

import aiohttp
import pytest
from lxml import etree

from appealbus.plugins.egkn.lookups import SCHEMA as EGKN_SCHEMA
from appealbus.plugins.egkn.reading import TAKE as EGKN
from appealbus.plugins.egkn.reading import with_papers_together
from appealbus.plugins.gbdfl.reading import TAKE as GBDFL
from appealbus.plugins.gbdul.reading import TAKE as GBDUL
from appealbus.plugins.gbdul.reading import TAKE_NON_RESIDENT
from appealbus.simulator.agency import published
from appealbus.simulator.content import Shape
from appealbus.simulator.messages import channel_schema
from appealbus.simulator.population import Population
from appealbus.simulator.server import Simulator
from appealbus.simulator.settings import Kind, Misbehaviour, SimulatorSettings
from tests.simulator.simulator_peer import (
    SEED,
    SIGNATURE,
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

PERSONS = published("gbdfl", "response.xsd")
ORGANISATIONS = published("gbdul", "gbdul.xsd")
CHANNEL = channel_schema()
GBDUL_NS = "http://gbdulinfobybin_v2.egp.gbdul.tamur.kz"


def hold(seen: Seen) -> None:
    """Hold the envelope to the channel's schema."""
    wrapper = seen.root()[-1][0]
    for data in wrapper.iterfind("response/responseData/data"):
        data.attrib.clear()
        del data[:]
    CHANNEL.assertValid(wrapper)


async def test_persons(peer: Peer, population: Population):
    """ГБД ФЛ finds by ИИН; the plugin's own reading gives the very record back, oddities included."""
    for index in range(0, 2500, 13):
        seen = await peer.send(person_question(iin=population.persons.iin(index)))
        assert (seen.status, seen.content_type) == (200, "text/xml")
        PERSONS.assertValid(seen.content())
        assert seen.content().findtext("messageResult/code") == "00000"
        assert GBDFL.answer(seen.content()).records() == [population.persons.person(index)]


async def test_persons_by_document_and_name(peer: Peer, population: Population):
    """ГБД ФЛ finds by the number of a document, and by name and birth date in anybody's spelling."""
    person = population.persons.person(17)
    by_document = await peer.send(person_question(documentNumber=person.documents[0].number))
    assert GBDFL.answer(by_document.content()).records() == [person]
    asked = {"surname": str(person.surname).lower(), "name": str(person.name), "birthDate": str(person.birth_date)}
    by_name = await peer.send(person_question(**asked))
    assert person in GBDFL.answer(by_name.content()).records()


async def test_questions_without_an_answer(peer: Peer):
    """Nobody of that number: success without a record. Too little to search by, or no БИН: a code of the register's."""
    nobody = (await peer.send(person_question(iin="750301100019"))).content()
    assert (nobody.findtext("messageResult/code"), nobody.find("persons")) == ("00000", None)
    lacking = (await peer.send(person_question(name="АЙГҮЛ"))).content()
    assert (lacking.findtext("messageResult/code"), lacking.find("persons")) == ("00001", None)
    none = (await peer.send(organisation_question("210740000018"))).content()
    assert (none.findtext("Status/Code"), none.find("Organization")) == ("002", None)
    odd = (await peer.send(organisation_question("2107"))).content()
    assert odd.findtext("Status/Code") == "003"
    nowhere = (await peer.send(parcel_question("08-130-100-045"))).content()
    assert nowhere.findtext("BusinessData/Result/ResultCode") == "310"
    assert nowhere.find("BusinessData/Objects") is None
    malformed = (await peer.send(parcel_question("8-1"))).content()
    assert malformed.findtext("BusinessData/Result/ResultCode") == "320"


async def test_organisations(peer: Peer, population: Population):
    """ГБД ЮЛ finds by БИН, under both roots that were published, and tells less of foreign ones."""
    roots = set()
    indexes = range(population.organisations.size)
    abroad = [index for index in indexes if population.organisations.nonresident(index)]
    for index in (*indexes[::5], *abroad):
        seen = await peer.send(organisation_question(population.organisations.bin(index)))
        content = seen.content()
        ORGANISATIONS.assertValid(content)
        assert content.findtext("Status/Code") == "002"
        take = TAKE_NON_RESIDENT if index in abroad else GBDUL
        assert take.answer(content).records() == [population.organisations.organisation(index)]
        roots.add(etree.QName(content).localname)
    assert abroad
    assert roots == {"Response", "responseDataType"}


@pytest.mark.proof
async def test_parcels(peer: Peer, population: Population):
    """ЕГКН finds by cadastral number in any punctuation, and answers with colons in escaped text, a right per paper."""
    papers = rights = 0
    for index in range(0, 1200, 7):
        number = population.parcels.cadastral_number(index)
        seen = await peer.send(parcel_question(number if index % 2 else number.replace("-", ":")))
        content = seen.content()
        assert len(seen.root().find(".//data")) == 0
        EGKN_SCHEMA.check(content)
        assert content.findtext("BusinessData/Objects/ObjectInfo/CadastrNum") == number.replace("-", ":")
        (read,) = EGKN.answer(content).records()
        papers += len(read.rights)
        known = population.parcels.parcel(index)
        assert read.model_copy(update={"rights": with_papers_together(read.rights)}) == known
        rights += len(known.rights)
    assert papers > rights


async def test_envelope(peer: Peer, population: Population):
    """The message is valid against the channel's schema; its ids are the gateway's own and come once."""
    seen = [await peer.send(person_question(iin=population.persons.iin(number))) for number in range(20)]
    for each in seen:
        hold(each)
        assert each.find("status/code") == "SCSS001"
        assert str(each.find("messageId")).isdigit()
    assert len({each.find("messageId") for each in seen}) == 20
    sessions = [each.find("sessionId") for each in seen]
    assert None in sessions
    assert len(set(sessions) - {None}) == 20 - sessions.count(None) > 10


async def test_correlation_ids(session: aiohttp.ClientSession, peer: Peer):
    """As published: ГБД ФЛ repeats the id of its question, others none; the settings may say otherwise."""
    asked = person_question(iin="750301100019"), organisation_question("210740000018")
    persons, organisations = [await peer.send(body) for body in asked]
    assert persons.find("responseInfo/correlationId") == persons.content().findtext("requestId") == "q-1"
    assert organisations.find("responseInfo/correlationId") is None
    settings = {"gbdfl": {"correlation": "absent"}, "gbdul": {"correlation": "request"}}
    async with Simulator(SimulatorSettings.model_validate({"seed": SEED, "size": SIZE} | settings)) as simulator:
        persons, organisations = [await Peer(simulator, session).send(body) for body in asked]
    assert persons.find("responseInfo/correlationId") is None
    assert organisations.find("responseInfo/correlationId") == "chain-1"


async def test_registers_sign_what_they_answer(peer: Peer, population: Population):
    """The signature is the last child of data at ГБД ФЛ and of the document at ГБД ЮЛ; ЕГКН has none."""
    data = (await peer.send(person_question(iin=population.persons.iin(1)))).root().find(".//data")
    assert data is not None
    assert [child.tag for child in data].index(SIGNATURE) == len(data) - 1
    firm = (await peer.send(organisation_question("210740000018"))).root().findtext(".//data") or ""
    assert [child.tag for child in etree.fromstring(firm)][-1] == SIGNATURE
    land = await peer.send(parcel_question(population.parcels.cadastral_number(1)))
    assert b"Signature" not in land.body


@pytest.mark.parametrize("kind", [Kind.BUSINESS_ERROR, Kind.OTHER_PERSON, Kind.REPEATED, Kind.UNSIGNED, Kind.STATUS])
async def test_answers_that_are_no_good_are_valid_too(peer: Peer, population: Population, kind: Kind):
    """What is wrong with them is not their form."""
    for service in ("gbdfl", "gbdul", "egkn"):
        peer.simulator.misbehave(service, Misbehaviour.model_validate({kind.value: 1}))
    persons = await peer.send(person_question(iin=population.persons.iin(1)))
    firms = await peer.send(organisation_question(population.organisations.bin(40)))
    land = await peer.send(parcel_question(population.parcels.cadastral_number(1)))
    for seen in (persons, firms, land):
        hold(seen)
    if kind is not Kind.STATUS:
        PERSONS.assertValid(persons.content())
        ORGANISATIONS.assertValid(firms.content())
        EGKN_SCHEMA.check(land.content())


@pytest.mark.parametrize(
    ("person", "firm", "land"),
    [
        (Shape.BARE, Shape.TEXT, Shape.TYPED),
        (Shape.TYPED, Shape.CDATA, Shape.CHILD),
        (Shape.BARE, Shape.CDATA, "cdata"),
    ],
)
async def test_shapes_of_answers(session: aiohttp.ClientSession, person: str, firm: str, land: str):
    """Each service answers in the form that is set, of those that it is known by."""
    settings = {"gbdfl": {"shape": person}, "gbdul": {"shape": firm}, "egkn": {"shape": land}}
    async with Simulator(SimulatorSettings.model_validate({"seed": SEED, "size": SIZE} | settings)) as simulator:
        peer, people = Peer(simulator, session), simulator.population
        seen = {
            person: await peer.send(person_question(iin=people.persons.iin(3))),
            firm: await peer.send(organisation_question(people.organisations.bin(40))),
        }
        parcel = await peer.send(parcel_question(people.parcels.cadastral_number(3)))
    assert parcel.content().find(".//ObjectInfo") is not None
    PERSONS.assertValid(seen[person].content())
    for shape, each in seen.items():
        data = each.root().find(".//data")
        assert data is not None
        marks = {
            Shape.BARE: len(data) > 1 and not data.attrib,
            Shape.TYPED: len(data) > 1 and [name.rpartition(":")[2] for name in data.attrib.values()] == ["Response"],
            Shape.TEXT: len(data) == 0 and "xs:string" in str(data.attrib),
            Shape.CDATA: len(data) == 0 and b"<![CDATA[" in each.body,
        }
        assert marks[Shape(shape)]


async def test_shapes_of_questions(peer: Peer, population: Population):
    """ГБД ФЛ takes its elements directly in data, typed or not; ГБД ЮЛ a document as text, under both known roots."""
    person = population.persons.person(5)
    fields = person_fields(iin=person.iin)
    typed = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cs="http://message.persistence.interactive.nat" '
        'xsi:type="cs:Request"'
    )
    for attributes in ("", typed):
        seen = await peer.send(message("GBDFLUniversal_token", fields, data_attributes=attributes))
        assert GBDFL.answer(seen.content()).records() == [person]
    bin_ = population.organisations.bin(40)
    for root in ("Request", "requestDataType"):
        document = organisation_document(bin_, root)
        for body in (
            organisation_question(bin_, document),
            message("GbdulInfoByBin_v2", f"<![CDATA[<?xml version='1.0' encoding='UTF-8'?>{document}]]>"),
        ):
            assert (await peer.send(body)).content().findtext("Organization/BIN") == bin_


async def test_consent(session: aiohttp.ClientSession):
    """Where a token is set, an empty or another one is refused: an error of the service's, without a record."""
    settings = SimulatorSettings.model_validate({"seed": SEED, "size": SIZE, "gbdfl": {"token": "T-1"}})
    async with Simulator(settings) as simulator:
        peer, iin = Peer(simulator, session), simulator.population.persons.iin(1)
        refused = await peer.send(person_question(iin=iin))
        given = person_question(iin=iin).replace(b"<kdpToken/>", b"<kdpToken>T-1</kdpToken>")
        assert (await peer.send(given)).content().findtext("persons/person/iin") == iin
    assert "T-1" not in repr(settings)
    assert refused.find("status/code") == "SCSE001"
    assert (refused.content().findtext("messageResult/code"), refused.content().find("persons")) == ("00002", None)
