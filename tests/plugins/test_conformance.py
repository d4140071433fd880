"""The lookups that ship hold to what authors of plugins are told; the simulator's agencies give the good replies."""

from typing import Any

import pytest
from lxml import etree

from appealbus.core import Form, Lookup, Request
from appealbus.core.testing import Records, appeal, ask, check_lookup
from appealbus.plugins import address, egkn, gbdfl, gbdul
from appealbus.schemas import Appeal
from appealbus.simulator import address as places
from appealbus.simulator import egkn as land
from appealbus.simulator import gbdfl as people
from appealbus.simulator import gbdul as firms
from appealbus.simulator.content import Shape, lay, take
from appealbus.simulator.population import Population

POPULATION = Population(size=5000)
AGENCIES = {"gbdfl": people.agency("X"), "gbdul": firms.agency("X"), "egkn": land.agency("X")}
AGENCIES["address"] = places.agency("X")
LOOKUPS: dict[str, Lookup[Any, Any]] = {
    lookup.name: lookup
    for plugin in (gbdfl, gbdul, egkn, address)
    for lookup in plugin.register_lookups(plugin.register_settings()())  # type: ignore[attr-defined]
}

PERSON = POPULATION.persons.iin(7)
WHOLE = POPULATION.persons.person(7)
NAMES = {name: getattr(WHOLE, name) for name in ("surname", "name", "patronymic", "birth_date")}
FIRM = POPULATION.organisations.organisation(3).bin
HELD = next(
    parcel
    for parcel in map(POPULATION.parcels.parcel, range(500))
    if [right for right in parcel.rights if right.holder.bin] and len(parcel.rights) == 1
)
ABOUT: dict[str, tuple[Appeal, Records]] = {
    "gbdfl.person": (appeal(applicant={"iin": PERSON}), {}),
    "gbdfl.person by document": (appeal(applicant={"document_number": WHOLE.documents[0].number}), {}),
    "gbdfl.person by name": (appeal(applicant=NAMES), {}),
    "gbdfl.mentioned_person": (appeal(text=f"ИИН {PERSON}"), {}),
    "gbdul.organisation": (appeal(applicant={"type": "organisation", "bin": FIRM}), {}),
    "gbdul.right_holder": (appeal(), {"egkn.parcel": HELD}),
    "egkn.parcel": (appeal(parcels=[{"cadastral_number": HELD.cadastral_number}]), {}),
    "address.by_rka": (appeal(place={"rka": HELD.rka}), {}),
    "address.by_cadastral_number": (appeal(parcels=[{"cadastral_number": HELD.cadastral_number}]), {}),
}
GATEWAY = {"connector": "shep", "service_id": "X", "sender_id": "me", "data_signature": {"sign": "none"}}


def answer_of(source: str, request: Request) -> etree._Element:
    """Return what the agency answers to a request that is laid into a message as its form says."""
    form = request.form or Form()
    laid = etree.fromstring(lay(request.body, Shape(form.shape), form.type_name))
    payload, shape = take(laid, limit=100_000)
    return AGENCIES[source].question(payload, POPULATION, shape).answer(0)


def test_every_lookup_has_a_question() -> None:
    """One that is added is checked too."""
    assert {about.partition(" ")[0] for about in ABOUT} == LOOKUPS.keys()


@pytest.mark.proof
@pytest.mark.parametrize("question", ABOUT)
async def test_lookup(question: str) -> None:
    """No reply, however broken, makes it raise or quote, and it takes no other subject's record."""
    lookup = LOOKUPS[question.partition(" ")[0]]
    about, records = ABOUT[question]
    given: list[etree._Element] = []

    def agency(request: Request) -> etree._Element:
        given.append(answer_of(lookup.source, request))
        return given[-1]

    assert (await ask(lookup, about, replies=agency, records=records)).record is not None
    (reply,) = given
    assert await check_lookup(lookup, about, [etree.tostring(reply)], records=records, contract=GATEWAY) == []
