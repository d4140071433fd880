"""ЕГКН renames, wraps or spoils a part of its answer: what the record lacks then is unknown, and never a fact."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, Outcome, OutcomeKind, Reply, Source, not_found
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.testing import ScriptedWire
from appealbus.plugins.egkn.lookups import SCHEMA, ParcelByNumber, ParcelQuery
from appealbus.plugins.egkn.reading import TAKE
from appealbus.plugins.egkn.settings import EgknSettings
from appealbus.schemas.safexml import parse
from tests.plugins.egkn.test_egkn import NUMBER, SECTIONS, answer, parcel_xml

WHOLE = answer(parcel_xml(extra=SECTIONS))


@pytest.mark.parametrize(("name", "known"), [("ObjectInfo/Burden", True), ("Burden", True), ("urden", False)])
def test_a_meaningless_element_stands_for_nothing(name: str, known: bool) -> None:
    """Somebody has looked at it; of another whose name ends so nobody has."""
    notes = Notes(ReplyCheck.LENIENT, meaningless=(name,))
    root = parse(renamed(WHOLE, "Razdel3", "Burden").encode())
    SCHEMA.check(root, notes)
    TAKE.answer(root, notes).records()
    assert ("encumbrances" not in notes.unknown) is known


def unknown(text: str, schema: MessageSchema = SCHEMA, take: Any = TAKE) -> tuple[Any, set[str]]:
    notes = Notes(ReplyCheck.LENIENT)
    root = parse(text.encode())
    schema.check(root, notes)
    (record,) = take.answer(root, notes).records()
    return record, notes.unknown


def test_of_a_whole_answer_nothing_is() -> None:
    """Nor of one that has less, as the contract allows."""
    assert unknown(WHOLE)[1] == set()
    assert unknown(answer(parcel_xml()))[1] == set()


def wrapped(text: str, name: str, count: int = -1) -> str:
    return text.replace(f"<{name}>", f"<Wrapper><{name}>", count).replace(f"</{name}>", f"</{name}></Wrapper>", count)


def renamed(text: str, name: str, other: str, count: int = -1) -> str:
    return text.replace(f"<{name}>", f"<{other}>", count).replace(f"</{name}>", f"</{other}>", count)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (renamed(WHOLE, "Razdel3", "Burden"), {"encumbrances"}),
        (renamed(WHOLE, "Razdel2", "Right"), {"rights"}),
        (renamed(WHOLE, "Razdel2", "Right", 1), {"rights"}),
        (wrapped(WHOLE, "Razdel3"), {"encumbrances"}),
        (wrapped(WHOLE, "Razdel2", 1), {"rights"}),
        (renamed(WHOLE, "NameKaz", "NameKazakh"), {"encumbrances[*].kind.name_kk", "category.name_kk"}),
        (WHOLE.replace("<IsFl>true</IsFl>", "<IsFl>yes</IsFl>"), {"rights[*].holder.iin", "rights[*].holder.bin"}),
        (renamed(WHOLE, "Area", "Square"), {"area"}),
        (WHOLE.replace("<Area>0.0799</Area>", "<Area>wide</Area>"), {"area"}),
        (WHOLE.replace("<LandCategory>", "<New/><LandCategory>"), set()),
    ],
)
def test_what_may_have_been_there_is_unknown(text: str, fields: set[str]) -> None:
    """Something stands beside what is absent that nobody knows, or a value cannot be read."""
    assert fields <= unknown(text)[1]


class Burdens(ParcelByNumber):
    """What burdens a parcel, as a lookup of its own."""

    name = "egkn.burdens"

    def choose(self, records: Sequence[Any], query: ParcelQuery) -> Outcome[Any]:
        outcome = super().choose(records, query)
        return outcome if records and records[0].encumbrances else not_found()


def test_a_list_that_is_called_otherwise_is_not_none() -> None:
    """The lookup took an empty list for `not_found`, which ends the question for good."""
    wire = ScriptedWire([])
    wire.replies = ReplyCheck.LENIENT

    def ended(text: str) -> Outcome[Any]:
        source = Source("egkn", wire, Call("q", "1", 5.0), lenient=True)
        reply = Reply(parse(text.encode()), "", datetime.now(UTC))
        return Burdens(EgknSettings()).read(reply, ParcelQuery(cadastral_number=NUMBER), source)

    assert ended(WHOLE).kind is OutcomeKind.FOUND
    assert ended(answer(parcel_xml())).kind is OutcomeKind.NOT_FOUND
    with pytest.raises(CallFailed) as failed:
        ended(renamed(WHOLE, "Razdel3", "Burden"))
    assert (failed.value.kind, failed.value.code) == (OutcomeKind.INVALID, "reply.partly_read")
