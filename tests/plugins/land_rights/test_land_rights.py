"""The assessor `land_rights`: which signals follow from which dossier."""

from typing import Any

import pytest

from appealbus.plugins.land_rights import register_assessors
from appealbus.plugins.land_rights.messages import MESSAGES
from tests.plugins.dossiers import assessed, dossier, ended, fact

IIN, OTHER = "750301100019", "821224202626"
BIN, OTHER_BIN = "210740000018", "210741000013"
NUMBER = "08-130-001-001"
(LAND,) = register_assessors()
PERSON = {"type": "person", "iin": IIN}
ORGANISATION = {"type": "organisation", "bin": BIN}


def parcel(*holders: dict[str, str], number: str = NUMBER, burdens: tuple[str, ...] = (), key: str = "k") -> Any:
    rights = [{"kind": {"code": "1"}, "holder": holder} for holder in holders]
    encumbrances = [{"kind": {"code": "9", "name_ru": name}} for name in burdens]
    record = {"type": "Parcel", "cadastral_number": number, "rights": rights, "encumbrances": encumbrances}
    return fact("egkn.parcel", record, key)


def led(bin_: str, iin: str | None, lookup: str = "gbdul.right_holder", **leader: Any) -> Any:
    record = {"type": "Organisation", "bin": bin_, "name_ru": "ТОО", "name_kk": "ЖШС", "registered_on": "2021-07-15"}
    return fact(lookup, record | {"registration_status": {"code": "1"}, "leader": {"iin": iin} | leader}, bin_)


def codes(*args: Any, **more: Any) -> list[str]:
    return [signal.code.removeprefix("land.") for signal in assessed(LAND, dossier(*args, **more))]


@pytest.mark.parametrize(
    ("applicant", "facts", "expected"),
    [
        (PERSON, [parcel({"iin": IIN})], ["holds_right"]),
        (PERSON, [parcel({"iin": OTHER}, {"iin": IIN})], ["holds_right"]),
        (PERSON, [parcel({"iin": OTHER})], ["no_right"]),
        (PERSON, [parcel()], ["no_rights_registered"]),
        (PERSON, [parcel({"bin": BIN}), led(BIN, IIN)], ["leads_holder"]),
        (PERSON, [parcel({"bin": BIN}), led(BIN, IIN, "gbdul.organisation")], ["leads_holder"]),
        (PERSON, [parcel({"bin": BIN}, {"iin": IIN}), led(BIN, IIN)], ["leads_holder", "holds_right"]),
        (PERSON, [parcel({"bin": BIN}), led(BIN, OTHER)], ["no_right"]),
        (PERSON, [parcel({"bin": BIN}), led(OTHER_BIN, IIN)], []),
        (PERSON, [parcel({"bin": BIN}), led(BIN, None)], []),
        (PERSON, [parcel({"bin": BIN}), led(BIN, IIN, until="2025-01-01")], []),
        (PERSON, [parcel({"bin": BIN})], []),
        (PERSON, [parcel({"name_ru": "ТЕСТОВ"})], []),
        (PERSON, [], []),
        ({"type": "person"}, [parcel({"iin": OTHER})], []),
        ({"type": "person", "iin": "750301100018"}, [parcel({"iin": OTHER})], []),
        (ORGANISATION, [parcel({"bin": BIN})], ["holds_right"]),
        (ORGANISATION, [parcel({"bin": OTHER_BIN})], ["no_right"]),
        (ORGANISATION, [parcel({"iin": OTHER})], ["no_right"]),
        (ORGANISATION, [parcel({"name_ru": "ТОО"})], []),
    ],
)
def test_holding(applicant: Any, facts: list[Any], expected: list[str]) -> None:
    """A right of the applicant's, or of an organisation that they lead, is told; its lack only where it is certain."""
    assert codes(applicant, *facts) == expected


def test_holder_that_the_register_does_not_know() -> None:
    """An organisation that ГБД ЮЛ does not know has no leader; one it did not answer about may have."""
    held = parcel({"bin": BIN})
    for outcome, expected in (("not_found", ["no_right"]), ("unavailable", [])):
        asked = ended("gbdul.right_holder", outcome, x=BIN)
        assert codes(PERSON, held, outcomes=[asked]) == expected


def test_applicant_found_without_iin() -> None:
    """Where the appeal gives no ИИН, the one of the person that was found counts, and the signal says so."""
    person = {
        "type": "Person",
        "iin": IIN,
        "birth_date": "1875-03-01",
        "gender": {"code": "1"},
        "citizenship": {"code": "398"},
        "life_status": {"code": "0"},
    }
    applicant = {"type": "person", "surname": "Т"}
    (signal,) = assessed(LAND, dossier(applicant, fact("gbdfl.person", person), parcel({"iin": IIN})))
    assert signal.code == "land.holds_right"
    assert signal.fields == ["gbdfl.person/iin", "egkn.parcel/rights[0].holder.iin"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Арест", "arrest"),
        ("Наложение ареста судебным исполнителем", "arrest"),
        ("Тыйым салу", "arrest"),
        ("Залог", "pledge"),
        ("Ипотека", "pledge"),
        ("Ограничение", "encumbrance"),
    ],
)
def test_burdens(name: str, expected: str) -> None:
    """Arrests and pledges are told apart from other encumbrances, in either language."""
    assert codes(PERSON, parcel({"iin": IIN}, burdens=(name,))) == ["holds_right", expected]


@pytest.mark.parametrize(
    ("kato", "number", "expected"),
    [
        ("271010000", NUMBER, []),
        ("351010000", NUMBER, ["outside_territory"]),
        ("101010000", "05-085-001-001", []),
        ("000000000", NUMBER, []),
        ("27", NUMBER, []),
        ("351010000", "99-130-001-001", []),
        ("351010000", "не помню", []),
    ],
)
def test_territory(kato: str, number: str, expected: list[str]) -> None:
    """A parcel in another oblast than the addressee's is told; a body of the whole country answers for all."""
    addressee = {"name": "Акимат", "kato": kato}
    assert codes(PERSON, addressee=addressee, parcels=[{"cadastral_number": number}]) == expected


def test_parcel_not_found() -> None:
    """A parcel that the cadastre does not know is told with the field that names it, once."""
    asked = ended("egkn.parcel", "not_found", parcels_each__cadastral_number="08:130:001:001")
    parcels = [{"cadastral_number": "08-130-001-002"}, {"cadastral_number": "08 130 001 001"}]
    (signal,) = assessed(LAND, dossier(PERSON, outcomes=[asked], parcels=parcels))
    assert (signal.code, signal.fields) == ("land.parcel_not_found", ["appeal.parcels[1].cadastral_number"])
    assert NUMBER in signal.message_ru
    assert NUMBER in signal.message_kk
    assert NUMBER in signal.message_en
    assert all(all(texts) and len(set(texts)) == 3 for _, *texts in MESSAGES.values())


def test_two_parcels() -> None:
    """Signals about two parcels name the record that each rests on."""
    other = parcel({"iin": OTHER}, number="08-130-001-002", key="b")
    first, second = assessed(LAND, dossier(PERSON, parcel({"iin": IIN}, key="a"), other))
    assert first.fields == ["appeal.applicant.iin", "egkn.parcel[a]/rights[0].holder.iin"]
    assert second.fields == ["appeal.applicant.iin", "egkn.parcel[b]/rights"]
