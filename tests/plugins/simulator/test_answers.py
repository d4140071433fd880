"""Each service answers over real HTTP, valid against its contract, and says what the population knows."""

from pathlib import Path

import aiohttp
import pytest
from lxml import etree

from appealbus.connectors.shep.data import Shape
from appealbus.plugins import egkn, gbdfl, gbdul
from appealbus.plugins.egkn.reading import TAKE as EGKN
from appealbus.plugins.gbdfl.reading import TAKE as GBDFL
from appealbus.plugins.gbdul.reading import TAKE as GBDUL
from appealbus.plugins.simulator.population import Population
from appealbus.plugins.simulator.server import Simulator
from appealbus.plugins.simulator.settings import SimulatorSettings
from appealbus.schemas.shep import load_schema
from tests.plugins.simulator.simulator_peer import (
    SEED,
    SIZE,
    Peer,
    message,
    organisation_question,
    parcel_question,
    person_fields,
    person_question,
)

CONTRACTS = {
    name: etree.XMLSchema(etree.parse(Path(str(plugin.__file__)).parent / "contract" / f"{name}.xsd"))
    for name, plugin in (("gbdfl", gbdfl), ("gbdul", gbdul), ("egkn", egkn))
}
CHANNEL = load_schema()


async def test_persons(peer: Peer, population: Population):
    """ГБД ФЛ finds by ИИН; the plugin's own reading gives the very record back, oddities included."""
    for index in range(0, 2500, 9):
        seen = await peer.send(person_question(iin=population.persons.iin(index)))
        assert (seen.status, seen.content_type) == (200, "text/xml")
        assert CONTRACTS["gbdfl"].validate(seen.content()), CONTRACTS["gbdfl"].error_log
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
    """ГБД ЮЛ finds by БИН, under both roots that were seen in the wild."""
    roots = set()
    for index in range(0, population.organisations.size, 5):
        seen = await peer.send(organisation_question(population.organisations.bin(index)))
        content = seen.content()
        assert CONTRACTS["gbdul"].validate(content), CONTRACTS["gbdul"].error_log
        assert content.findtext("Status/Code") == "002"
        assert GBDUL.answer(content).records() == [population.organisations.organisation(index)]
        roots.add(etree.QName(content).localname)
    assert roots == {"sendMessageResponse", "responseDataType"}


async def test_parcels(peer: Peer, population: Population):
    """ЕГКН finds by cadastral number in any punctuation, and answers with colons, in escaped text."""
    for index in range(0, 1200, 7):
        number = population.parcels.cadastral_number(index)
        seen = await peer.send(parcel_question(number if index % 2 else number.replace("-", ":")))
        content = seen.content()
        assert len(seen.root().find(".//data")) == 0
        assert CONTRACTS["egkn"].validate(content), CONTRACTS["egkn"].error_log
        assert content.findtext("BusinessData/Objects/ObjectInfo/CadastrNum") == number.replace("-", ":")
        assert EGKN.answer(content).records() == [population.parcels.parcel(index)]


async def test_envelope(peer: Peer, population: Population):
    """The message is valid against the channel's schema and gives the correlation id back."""
    seen = await peer.send(person_question(iin=population.persons.iin(0)))
    wrapper = seen.root()[-1][0]
    for data in wrapper.iterfind("response/responseData/data"):
        del data[:]
    assert CHANNEL.validate(wrapper), CHANNEL.error_log
    assert seen.find("correlationId") == "chain-1"
    assert seen.find("status/code") == "SCSS001"
    assert str(seen.find("messageId")).isdigit()


@pytest.mark.parametrize("shape", list(Shape))
async def test_shapes_of_answers(session: aiohttp.ClientSession, shape: Shape):
    """Each service answers in the shape that is set."""
    settings = SimulatorSettings.model_validate(
        {"seed": SEED, "size": SIZE} | {name: {"shape": shape} for name in ("gbdfl", "gbdul", "egkn")}
    )
    async with Simulator(settings) as simulator:
        peer, people = Peer(simulator, session), simulator.population
        seen = await peer.send(person_question(iin=people.persons.iin(3)))
        firm = await peer.send(organisation_question(people.organisations.bin(40)))
        land = await peer.send(parcel_question(people.parcels.cadastral_number(3)))
    assert GBDFL.answer(seen.content()).records() == [people.persons.person(3)]
    assert GBDUL.answer(firm.content()).records() == [people.organisations.organisation(40)]
    content = land.content()
    data = seen.root().find(".//data")
    assert data is not None
    marks = {
        Shape.CHILD: len(data) == 1 and not data.attrib,
        Shape.TYPED: len(data) > 1 and "SendMessageResponse" in str(data.attrib),
        Shape.TEXT: len(data) == 0 and "xs:string" in str(data.attrib),
        Shape.CDATA: len(data) == 0 and b"<![CDATA[" in seen.body,
    }
    assert marks[shape]
    assert content.find(".//ObjectInfo") is not None


async def test_shapes_of_questions(peer: Peer, population: Population):
    """Questions are taken as a child, directly in data with xsi:type, as escaped text and as CDATA."""
    person = population.persons.person(5)
    fields = person_fields(iin=person.iin)
    child = f'<sb:sendMessageRequest xmlns:sb="http://smartbridge.b10.kz">{fields}</sb:sendMessageRequest>'
    typed = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:sb="http://smartbridge.b10.kz" '
        'xsi:type="sb:sendMessageRequest"'
    )
    text = child.replace("&", "&amp;").replace("<", "&lt;")
    for data, attributes in ((child, ""), (fields, typed), (text, ""), (f"<![CDATA[{child}]]>", "")):
        seen = await peer.send(message("GBDFLUniversal_token", data, data_attributes=attributes))
        assert GBDFL.answer(seen.content()).records() == [person]
