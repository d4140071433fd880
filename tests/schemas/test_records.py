"""Records in a dossier: those that ship, third parties', and those whose plugin is gone."""

from datetime import UTC, date, datetime
from typing import Literal

import pytest
from pydantic import ValidationError

from appealbus.schemas.base import Text
from appealbus.schemas.dossier import Fact
from appealbus.schemas.organisation import Organisation
from appealbus.schemas.parcel import Parcel
from appealbus.schemas.person import Person
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Coded, OtherRecord, Record, stored_record

NOW = datetime(2026, 2, 16, 10, 15, tzinfo=UTC)
PROVENANCE = Provenance(
    source="s",
    connector="c",
    plugin="p",
    plugin_version="1",
    purpose="",
    legal_basis="",
    question_id="q",
    asked_at=NOW,
    observed_at=NOW,
)
CODE = Coded(code="1", name_ru="один", name_kk="бір")


class Vehicle(Record):
    """A third party's record."""

    type: Literal["acme.Vehicle"] = "acme.Vehicle"
    plate: Text
    owners: dict[str, date] = {}


def fact(record):
    return Fact(lookup="acme.vehicle", key="k", record=record, provenance=PROVENANCE)


@pytest.mark.parametrize(
    "record",
    [
        Person(iin="750301100019", birth_date=date(1875, 3, 1), gender=CODE, citizenship=CODE, life_status=CODE),
        Organisation(
            bin="210740000018", name_ru="а", name_kk="ә", registration_status=CODE, registered_on=date(2021, 7, 1)
        ),
        Parcel(cadastral_number="08-118-005-1234", area="0.07990"),
        Vehicle(plate="123ABC07", owners={"ағасы": date(2020, 1, 2)}),
    ],
    ids=lambda record: record.type,
)
def test_known_records_come_back_typed(record):
    """A record that is known here is the same class with the same values after JSON."""
    again = Fact.model_validate_json(fact(record).model_dump_json())
    assert type(again.record) is type(record)
    assert again == fact(record)


def test_unknown_record_is_kept_whole():
    """The record of a plugin that this process does not have loses nothing."""
    raw = {"type": "gone.Thing", "a": [1, 2.5, None, {"б": True}], "empty": {}, "list": []}
    kept = fact(raw)
    assert isinstance(kept.record, OtherRecord)
    assert Fact.model_validate_json(kept.model_dump_json()).record.model_dump() == raw


def test_record_of_an_older_model_is_kept_whole():
    """A plugin that changed its model does not lose what was recorded before."""
    raw = {"type": "acme.Vehicle", "number": "123ABC07"}
    kept = fact(raw)
    assert isinstance(kept.record, OtherRecord)
    assert kept.record.model_dump() == raw


def test_broken_record_that_ships_is_an_error():
    """A person without an ИИН is no person, and no other record either."""
    with pytest.raises(ValidationError, match=r"record\.iin"):
        fact({"type": "Person"})
    with pytest.raises(ValidationError):
        OtherRecord(type="Person")


def test_record_needs_a_type():
    """A record without a type says nothing of where it belongs."""
    with pytest.raises(ValidationError):
        fact({"a": 1})
    with pytest.raises(ValidationError):
        fact({"type": "", "a": 1})


def test_names_that_ship_are_taken():
    """A third party's model never takes the place of one that ships, not even by inheriting its type."""
    with pytest.raises(TypeError, match="Person ships with the bus"):

        class Citizen(Person):
            nickname: Text | None = None

    assert Record.known["Person"] is Person


def test_characters_that_xml_cannot_carry():
    """A third party's text is cleaned like any other, names of fields too."""
    assert fact({"type": "gone.Thing", "a\x00": ["\x01"]}).record.model_dump() == {"type": "gone.Thing", "a�": ["�"]}


def test_a_record_of_a_former_name_is_read_as_the_present_type():
    """What it cannot be read as stays what it was; a type that is still there is no former one."""

    class Newer(Record):
        type: Literal["vendor.Newer"] = "vendor.Newer"
        formerly = ("vendor.Older", "Person")
        size: int

    read = fact({"type": "vendor.Older", "size": 1}).record
    assert (type(read), read.type, read.size) == (Newer, "vendor.Newer", 1)
    assert type(stored_record(b'{"type": "vendor.Older", "size": 1}')) is Newer
    other = fact({"type": "vendor.Older", "length": 1}).record
    assert (type(other), other.type) == (OtherRecord, "vendor.Older")
    assert Record.known["Person"] is Person
    assert "Person" not in Record.renamed

    class Older(Record):
        type: Literal["vendor.Older"] = "vendor.Older"
        size: int

    assert type(fact({"type": "vendor.Older", "size": 1}).record) is Older
    for name in ("vendor.Older", "vendor.Newer"):
        del Record.known[name]
    del Record.renamed["vendor.Older"]


def test_former_names_of_a_record_are_a_tuple():
    """A text alone would be a name for each of its letters."""
    with pytest.raises(TypeError, match="formerly is a tuple of names"):

        class Wrong(Record):
            type: Literal["vendor.Wrong"] = "vendor.Wrong"
            formerly = "vendor.Before"
