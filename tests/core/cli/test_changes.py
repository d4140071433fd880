"""`appealbus changes`, and what other commands tell of changes."""

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.accepting import Accepted, NewAppeal
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from tests.core.cli.conftest import Program

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def change(message_id: str, **given: object) -> NewChange:
    """Make a change of the appeal that the fixtures have accepted."""
    document = {"message_id": message_id, "appeal_message_id": "m1", "kind": "corrected", **given}
    return NewChange(Change.model_validate(document), NOW, "appealbus")


@pytest.mark.proof
async def test_changes_of_an_appeal_are_listed(program: Program, journal: Journal, accepted: Accepted) -> None:
    """In the order in which they count, by what they say; with --json whole; whoever looks is noted."""
    number = accepted.receipt.number
    assert program("changes", number).stdout == f"Nothing was said of {number} since it came.\n"
    corrected = {"applicant": {"type": "person", "iin": "120101500006"}}
    await journal.do(
        targets.Changing(change("c2", kind="answered", result="refused", dated_at="2026-11-20", reason="a\nb"))
    )
    await journal.do(targets.Changing(change("c1", corrected=corrected, dated_at="2026-11-19")))
    first, second = program("changes", number).stdout.splitlines()
    assert "corrected  applicant.iin  (files, message c1)" in first
    assert "answered  refused  a b" in second.replace("\\n", " ").replace("  b", " b")
    told = json.loads(program("changes", number, "--json").stdout)
    assert [each["change"]["message_id"] for each in told] == ["c1", "c2"]
    assert "120101500006" in json.dumps(told)
    assert program("changes", "AB-none").returncode == 3
    await journal.do(targets.Changing(change("c5", kind=None)))
    assert "changed   of no known kind, from files, message c5" in program("history", number).stdout
    unclear = {"field": "due_on", "code": "field.date", "message": "none"}
    await journal.do(targets.Changing(change("c3", kind="due", dated_at="2026-11-18", warnings=[unclear])))
    assert "due  due_on: field.date  (files, message c3)" in program("changes", number).stdout
    other = Appeal.model_validate({"message_id": "m2", "kind": "complaint", "applicant": {"type": "person"}})
    ended = (await journal.accept(NewAppeal(other, NOW, "appealbus"))).receipt.number
    await journal.do(targets.Changing(change("c4", appeal_message_id="m2", kind="withdrawn")))
    assert f"{ended} was withdrawn: nobody asks anything for it" in program("retry", ended).stdout
    assert "in_work, answered; no dossier yet" in program("appeals").stdout
    history = program("history", number).stdout
    assert "in_work, answered, no dossier yet" in history
    assert "corrected of applicant.iin, from files, message c1" in history
    assert "120101500006" not in history


async def test_an_implausible_date_is_told(program: Program, journal: Journal, accepted: Accepted) -> None:
    """Beside the moment that the change counts from, in its place among the others."""
    await journal.do(targets.Changing(change("typo", kind="due", due_on="2027-01-11", dated_at="2062-11-20")))
    await journal.do(targets.Changing(change("next", kind="registered", dated_at="2026-11-24T20:00:00+05:00")))
    first, second = program("changes", accepted.receipt.number).stdout.splitlines()
    assert first.startswith("2026-11-24")
    assert re.search(r"dated_at: change.misdated  dated 2062-11-\d\d, so it counts from when it came", first)
    assert "registered  (files, message next)" in second
    typo = json.loads(program("changes", accepted.receipt.number, "--json").stdout)[0]
    assert (typo["counts_from"], typo["change"]["dated_at"][:4]) == (typo["received_at"], "2062")
    assert [each["field"] for each in typo["change"]["warnings"]] == ["dated_at"]
    await journal.do(targets.Changing(change("due", kind="extended", due_on="2062-01-11", dated_at="2026-11-25")))
    assert (
        "extended  until 2062-01-11  due_on: change.misdated  (files"
        in program("changes", accepted.receipt.number).stdout
    )


async def test_a_held_appeal_that_a_misdated_change_has_ended_is_told(
    program: Program, journal: Journal, accepted: Accepted
) -> None:
    """By health and its list, though nobody works it; a person mends it with the next change."""
    number = accepted.receipt.number
    await journal.do(suspects.Hold(number, by="somebody", reason="why"))
    await journal.do(targets.Changing(change("end", kind="answered", dated_at="1926-11-20")))
    assert "dates: 1 appeal has a date that is implausible or cannot be read" in program("health").stdout
    (row,) = program("appeals", "--misdated").stdout.splitlines()
    assert (number in row, "held" in row, ", a date of it does not count" in row) == (True, True, True)
    await journal.do(targets.Changing(change("on", kind="extended", due_on="2026-12-20", dated_at="2026-11-25")))
    assert "cannot be" not in program("health").stdout
    assert number not in program("appeals", "--misdated").stdout


async def test_what_waits_is_told(program: Program, journal: Journal, accepted: Accepted) -> None:
    """By `changes` without a number, and by `status`."""
    assert program("changes").stdout == "No change waits for its appeal.\n"
    await journal.do(targets.Changing(change("c1", appeal_message_id="m9")))
    await journal.do(targets.Changing(change("c2", appeal_message_id=None, number="AB-9")))
    one, two = program("changes").stdout.splitlines()
    assert "corrected of the appeal with message m9" in one
    assert "corrected of AB-9" in two
    said = "changes     2 wait for appeals that are not known (2 by files); see `appealbus changes`"
    assert said in program("status").stdout
    told = json.loads(program("status", "--json").stdout)
    assert (told["waiting_changes"], told["waiting_by_channel"]) == (2, {"files": 2})


async def test_thousands_that_wait_are_told_by_what_they_name(program: Program, journal: Journal) -> None:
    """Where a page does not hold them all, it begins with the appeals that the most wait for; the next ones do not."""
    news = [change(f"c{at}", appeal_message_id=None, number=f"N-{at % 3 + at % 2}") for at in range(30)]
    await asyncio.gather(
        *(journal.do(targets.Changing(new)) for new in news),
        journal.do(targets.Changing(change("m", appeal_message_id="m9"))),
    )
    first, second, *_, tenth, more = program("changes", "--limit", "9").stdout.splitlines()
    assert (first, second) == ("10 by files wait for N-1", "10 by files wait for N-2")
    assert ("corrected of N-" in tenth, more) == (True, "There may be more: --after 9")
    assert len(program("changes", "--limit", "9").stdout.splitlines()) == 5 + 9 + 1
    assert len(program("changes", "--limit", "9", "--after", "9").stdout.splitlines()) == 9 + 1
    assert len(program("changes", "--limit", "40").stdout.splitlines()) == 31
    assert len(json.loads(program("changes", "--limit", "9", "--json").stdout)) == 9


@pytest.mark.proof
def test_a_file_of_changes_is_taken(program: Program, tmp_path: Path) -> None:
    """Those of the examples: some before their appeals, and twice as once."""
    examples = Path(__file__).parents[3] / "examples"
    for name in ("changes.jsonl", "appeals.jsonl"):
        lines = (examples / name).read_text(encoding="utf-8").splitlines()[:10]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "policy.toml").write_text((examples / "policy.toml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "appealbus.toml").write_text('[bus]\npolicy = "policy.toml"\n', encoding="utf-8")
    assert "6 taken, 0 known already, 0 in quarantine" in program("intake", "changes.jsonl").stderr
    assert program("intake", "appeals.jsonl").returncode == 0
    assert "0 taken, 6 known already" in program("intake", "changes.jsonl").stderr
    listed = program("changes", "ЖТ-2026-90000002").stdout.splitlines()
    assert ["extended" in listed[0], "answered" in listed[1], len(listed)] == [True, True, 2]
    assert program("changes").stdout == "No change waits for its appeal.\n"
