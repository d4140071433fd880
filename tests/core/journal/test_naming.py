"""Whom and what appeals and records name, and the columns that lists need."""

import time
from typing import Annotated, Any, Literal

import orjson
import pytest

from appealbus.core.journal import codec
from appealbus.core.journal.naming import MOST, named_by_appeal, named_by_record
from appealbus.schemas import CadastralNumber, Iin, Record
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.identifiers import control_digit
from appealbus.schemas.record import OtherRecord, record_from_json


def number(eleven: str) -> str:
    return f"{eleven}{control_digit(eleven)}"


IIN, OTHER, THIRD = number("12010150001"), number("12010150002"), number("85010130001")
BIN, BODY = number("21074000001"), number("99104000001")
PARCEL, FIELD = "08-123-045-0067", "08-123-045-068"

APPEAL = {
    "message_id": "m",
    "kind": "complaint",
    "applicant": {"type": "organisation", "bin": f"{BIN[:6]} {BIN[6:]}", "leader_iin": IIN},
    "representative": {"iin": OTHER},
    "addressee": {"bin": BODY, "kato": "271010000"},
    "category": {"code": "04.01", "name": "Жер"},
    "place": {"kato": "27 1010 000"},
    "parcels": [{"cadastral_number": PARCEL.replace("-", ":")}, {"note": "no number"}],
    "mentions": {
        "iins": [{"value": THIRD, "span": {"start": 0, "end": 12}}],
        "cadastral_numbers": [{"value": FIELD, "span": {"start": 20, "end": 35}}],
    },
}
NAMED = {
    ("bin", BIN, "applicant"),
    ("iin", IIN, "leader"),
    ("iin", OTHER, "representative"),
    ("iin", THIRD, "mention"),
    ("cadastral_number", PARCEL, "parcel"),
    ("cadastral_number", FIELD, "mention"),
}


@pytest.mark.parametrize("form", [Appeal.model_validate, lambda document: document])
def test_an_appeal_names_who_writes_and_what_it_is_about(form):
    """In the normal form, the model as its JSON; the body it is written to is nobody it is about."""
    assert set(named_by_appeal(form(APPEAL))) == NAMED
    assert set(named_by_appeal(form({"message_id": "m"}))) == set()
    person = {"message_id": "m", "applicant": {"type": "person", "iin": BIN}}
    assert named_by_appeal(form(person)) == [("bin", BIN, "applicant")]  # which of both it is, its digits tell


@pytest.mark.parametrize("wrong", ["", " ", "120101500017", "1201015000", "x" * 200_000, "१२०१०१५०००१६", "\x00" * 12])
def test_what_is_no_identifier_names_nobody(wrong):
    """However it is spelt; it costs nothing."""
    applicant = {"type": "person", "iin": wrong[:300]}
    assert (
        named_by_appeal({"message_id": "m", "applicant": applicant, "parcels": [{"cadastral_number": wrong[:10]}]})
        == []
    )
    assert (
        named_by_record(
            {
                "type": "x.Y",
                "iin": wrong,
                "bin": [wrong],
                "cadastral_number": {"iin": 5},
                "cadastral_numbers": [wrong[:10]],
            },
            "x.y",
        )
        == []
    )


@pytest.mark.parametrize("form", [Appeal.model_validate, lambda document: document])
def test_columns_of_an_appeal(form):
    """Codes in their normal form; what is malformed or not said is none."""
    assert codec.columns_of(form(APPEAL)) == {
        "kind": "complaint",
        "category": "04.01",
        "place": "271010000",
        "addressee": BODY,
        "applicant": "organisation",
    }
    empty = {"message_id": "m", "addressee": {"kato": "271010000"}, "place": {"kato": "x"}}
    assert codec.columns_of(form(empty)) == {
        "kind": None,
        "category": None,
        "place": None,
        "addressee": "271010000",
        "applicant": None,
    }


class Owner(Model):
    """With names of its own, and annotated types."""

    who: Iin
    also: Annotated[str | None, "a note"] = None


class Plot(Record):
    """A third party's record."""

    type: Literal["naming.Plot"] = "naming.Plot"
    plot: CadastralNumber
    owners: list[Owner] = []
    main: Owner | None = None
    by_year: dict[str, Owner] = {}
    neighbours: tuple[Iin, ...] = ()
    old_iin: str | None = None
    anything: Any = None


def test_a_third_partys_record_is_walked_by_its_types():
    """And by names, also of what it leaves untyped."""
    plot = Plot.model_validate(
        {
            "plot": PARCEL,
            "owners": [{"who": IIN, "also": OTHER}],
            "main": {"who": OTHER},
            "by_year": {"2026": {"who": THIRD}},
            "neighbours": [number("85010130002")],
            "old_iin": number("85010130003"),
            "anything": {"deep": [{"organisation_bin": BIN}]},
        }
    )
    found = {(kind, value) for kind, value, role in named_by_record(plot, "naming.plot") if role == "naming.plot"}
    assert found == {
        ("cadastral_number", PARCEL),
        ("iin", IIN),
        ("iin", OTHER),
        ("iin", THIRD),
        ("iin", number("85010130002")),
        ("iin", number("85010130003")),
        ("bin", BIN),
    }


def test_records_that_ship_and_unknown_ones_by_their_names():
    """As models and as the JSON that is kept of them."""
    document = {
        "type": "Parcel",
        "cadastral_number": PARCEL,
        "rights": [{"kind": {"code": "1"}, "holder": {"iin": IIN}}, {"kind": {"code": "1"}, "holder": {"bin": BIN}}],
        "encumbrances": [{"kind": {"code": "2"}, "interested": {"iin": OTHER}}],
    }
    found = {("cadastral_number", PARCEL), ("iin", IIN), ("bin", BIN), ("iin", OTHER)}
    for record in (record_from_json(orjson.dumps(document)), document, OtherRecord(**document | {"type": "no.Such"})):
        assert {(kind, value) for kind, value, _ in named_by_record(record, "egkn.parcel")} == found


def test_what_was_asked_for_is_not_named_again():
    """The appeal or another record has named it."""
    document = {"type": "x.Y", "iin": IIN, "bin": BIN}
    assert named_by_record(document, "x.y", {IIN}) == [("bin", BIN, "x.y")]


def test_a_hostile_record_is_walked_in_bounds():
    """A hundred thousand holders, depth, and long names: the first thousand count, in little time."""
    many = [
        number(f"{day:02}01{month:02}500{serial:02}")
        for day in range(99)
        for month in (1, 2)
        for serial in range(9)
        if control_digit(f"{day:02}01{month:02}500{serial:02}") is not None
    ]
    deep: Any = IIN
    for _ in range(900):
        deep = [deep]
    before = time.process_time()
    assert len(named_by_record({"type": "x.Y", "iins": many * 100, "deep": deep}, "x.y")) == MOST
    assert named_by_record({"type": "x.Y", "iins": ["1" * 12] * 200_000, "_" * 200_000: IIN}, "x.y") == []
    assert time.process_time() - before < 2
    assert len(named_by_appeal({"parcels": [{"cadastral_number": f"08-123-045-{i:05}"} for i in range(2000)]})) == MOST
