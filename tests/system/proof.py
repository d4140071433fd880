"""What must be true of an installation once it has settled, whatever happened to it before."""

import json
from collections import defaultdict
from collections.abc import Collection

from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal.appeals import cases, lists
from appealbus.schemas import Dossier
from tests.services.recomputed import check_the_past
from tests.system.installation import Installation

Question = tuple[str, str, str]
"""An appeal's number, a lookup, and whose data it asks for."""


def nothing_is_lost(here: Installation, sent: Collection[str]) -> dict[str, Dossier]:
    """Check all promises that can be checked afterwards; return the newest dossiers, by message id.

    Args:
        here: settled.
        sent: message ids, of which those that were acknowledged must be there, and no others may.

    """
    rows = here.rows()
    numbers = {row.message_id: row.number for row in rows}
    assert len(numbers) == len(rows) == len(set(numbers.values())), "an appeal is there twice"
    assert numbers.keys() <= set(sent)
    assert {row.state for row in rows} <= {AppealState.IDLE}, "not settled"
    receipts = {json.dumps(receipt, sort_keys=True) for receipt in here.acknowledged()}
    assert len(receipts) == len({json.loads(receipt)["message_id"] for receipt in receipts}), "two receipts differ"
    for receipt in map(json.loads, receipts):
        assert numbers.get(receipt["message_id"]) == receipt["number"], "an acknowledged appeal is lost"
    dossiers = here.dossiers()
    assert dossiers.keys() == numbers.keys(), "an appeal has no dossier"
    _versions_grow_by_one(here)
    _every_version_was_delivered(here)
    _every_question_was_recorded(here)
    check_the_past(here.journal)
    return dossiers


def _versions_grow_by_one(here: Installation) -> None:
    for row in here.rows():
        versions = here.read(lambda journal, number=row.number: journal.ask(lists.versions, number))  # type: ignore[misc]
        assert [version.version for version in versions] == list(range(1, row.version + 1))


def _every_version_was_delivered(here: Installation) -> None:
    """At least once, each time the same, a later one never before an earlier one, and in whole lines."""
    text = here.delivered.read_bytes()
    assert text.endswith(b"\n")
    contents: dict[str, set[bytes]] = defaultdict(set)
    order: dict[str, list[int]] = defaultdict(list)
    for line in text.splitlines():
        told = json.loads(line)
        contents[f"{told['number']}/{told['version']}"].add(line)
        order[told["number"]].append(told["version"])
    assert {message_id for message_id, lines in contents.items() if len(lines) > 1} == set()
    for number, versions in order.items():
        assert versions == sorted(versions), number
    newest = {row.number: row.version for row in here.rows()}
    assert {number: set(versions) for number, versions in order.items()} == {
        number: set(range(1, version + 1)) for number, version in newest.items()
    }


def _every_question_was_recorded(here: Installation) -> None:
    """Each call that an agency saw has its row in the access log."""
    recorded = [row.question_id for row in here.access() if row.served is not Served.NOTHING]
    assert len(recorded) == len(set(recorded))
    assert set(here.asked()) - set(recorded) == set(), "a question left that the access log does not know"


def finished(here: Installation) -> set[Question]:
    """Return the questions whose records are on disk now: nobody may put them again."""
    rows = {row.question_id: row for row in here.access()}
    found = set()
    for appeal in here.rows():
        states: list[LookupState] = here.read(lambda journal, number=appeal.number: journal.ask(cases.states, number))  # type: ignore[misc]
        found |= {question_of(rows[s.provenance.question_id]) for s in states if s.record is not None and s.provenance}
    return found


def question_of(row: AccessRow) -> Question:
    """Return what a row of the access log was about."""
    return row.number, row.lookup, row.subject


def asked_since(here: Installation, row_id: int) -> list[Question]:
    """Return the questions that the agencies saw and whose rows are younger than this one."""
    seen = set(here.asked())
    return [question_of(row) for row in here.access() if row.id > row_id and row.question_id in seen]
