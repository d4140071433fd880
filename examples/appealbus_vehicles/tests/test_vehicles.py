"""The whole plugin, offline."""

from typing import Any

import pytest
from appealbus.core import OutcomeKind
from appealbus.core.testing import ScriptedWire, appeal, ask, check_lookup, dossier
from appealbus.schemas import Person

from appealbus_vehicles import register_assessors
from appealbus_vehicles.lookup import VehiclesOfApplicant
from appealbus_vehicles.record import Vehicle, Vehicles
from appealbus_vehicles.settings import VehiclesSettings

LOOKUP = VehiclesOfApplicant(VehiclesSettings(not_found_codes=frozenset({"7"})))
PERSON: dict[str, Any] = {
    "gbdfl.person": Person.model_validate(
        {
            "iin": "750301100019",
            "birth_date": "1875-03-01",
            **{field: {"code": "1"} for field in ("gender", "citizenship", "life_status")},
        }
    )
}


def answer(inside: str, code: str = "0", owner: str = "750301100019") -> str:
    return f'<v:Answer xmlns:v="urn:example:vehicles"><code>{code}</code><owner>{owner}</owner>{inside}</v:Answer>'


TRACTOR = (
    "<vehicle><plate>000 ABC 07</plate><kind><code>T</code><nameRu>Трактор</nameRu></kind>"
    "<registered>2019-04-01</registered><arrested>true</arrested></vehicle>"
)


async def test_vehicles_are_found_by_the_iin_that_the_register_of_persons_has() -> None:
    """The letter gives no ИИН at all; the question has the one of the record."""
    wire = ScriptedWire([answer(TRACTOR)])
    outcome = await ask(LOOKUP, appeal(), replies=wire, records=PERSON)
    assert isinstance(outcome.record, Vehicles)
    assert outcome.record.vehicles[0].plate == "000 ABC 07"
    assert wire.asked[0].body.findtext("iin") == "750301100019"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer(""), OutcomeKind.NOT_FOUND),
        (answer("", code="7"), OutcomeKind.NOT_FOUND),
        (answer("", code="9"), OutcomeKind.INVALID),
        (answer(TRACTOR, owner="821224202626"), OutcomeKind.INVALID),
    ],
)
async def test_codes(reply: str, kind: OutcomeKind) -> None:
    """What the register's codes mean is a setting; an unknown one, and another person's vehicles, park the question."""
    assert (await ask(LOOKUP, appeal(), replies=[reply], records=PERSON)).kind is kind


async def test_nothing_is_asked_where_the_person_is_unknown() -> None:
    """Without the record that the input comes from, the question is skipped."""
    wire = ScriptedWire()
    assert (await ask(LOOKUP, appeal(), replies=wire)).kind is OutcomeKind.SKIPPED
    assert wire.asked == []


async def test_it_holds_to_what_the_bus_expects_of_lookups() -> None:
    """Names, purpose, record type; some eighty broken replies, none of which makes it raise or quote; and a stranger's."""
    assert await check_lookup(LOOKUP, appeal(), [answer(TRACTOR)], records=PERSON) == []


def test_an_arrested_vehicle_is_a_signal_with_the_field_it_rests_on() -> None:
    """Only the second vehicle is under arrest."""
    found = Vehicles(owner="750301100019", vehicles=[Vehicle(plate="1"), Vehicle(plate="2", arrested=True)])
    (assessor,) = register_assessors()
    (signal,) = assessor.assess(dossier(appeal(), {"vehicles.owned": found}))
    assert (signal.code, signal.fields) == ("vehicles.arrest", ["vehicles.owned/vehicles[1].arrested"])
