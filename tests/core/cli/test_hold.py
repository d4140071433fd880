"""`appealbus hold` and `release`: what a person is told, and where it is seen."""

import json

import pytest

from appealbus.core.journal import figures
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.schemas.dossier import Completeness


@pytest.mark.proof
async def test_a_case_is_held_seen_and_let_go(program, journal, accepted):
    """The reason is shown by every command that tells of the appeal, and never logged."""
    number = accepted.receipt.number
    done = program("hold", number, "--reason", "the court asked")
    assert (done.returncode, done.stdout) == (0, f"{number} is held; `appealbus release {number}` lets it go on.\n")
    assert "case.held_by_hand" in done.stderr
    assert "court" not in done.stderr
    assert program("hold", number, "--reason", "again").returncode == 4

    (row,) = json.loads(program("appeals", "--state", "held", "--json").stdout)
    assert (row["number"], row["held_reason"]) == (number, "the court asked")
    assert "the court asked" in program("appeals").stdout
    assert "held        1; see" in program("status").stdout
    why = program("why", number)
    assert why.returncode == 1
    assert "the court asked\nNothing of it is worked until" in why.stdout
    assert json.loads(program("why", number, "--json").stdout)["held"]["reason"] == "the court asked"
    assert "is held" in program("retry", number).stderr

    assert program("release", number).stdout == f"{number} is worked again.\n"
    refused = program("release", number)
    assert (refused.returncode, refused.stderr) == (4, "the appeal is not held\n")
    assert program("release", "AB-2026-00000009").returncode == 3
    assert program("hold", number, "--reason", " ").returncode == 2


async def test_why_tells_of_dossier_and_hold(program, journal, accepted, monkeypatch):
    """One that has a version is told with its gaps, and that it is held; exit code 1 though it is complete."""
    number = accepted.receipt.number
    given = {"version": 1, "completeness": Completeness.COMPLETE, "receivers": ["out"], "due_at": None}
    document = {
        "number": number,
        "version": 1,
        "completeness": "complete",
        "created_at": "2026-11-24T10:00:00Z",
        "receipt": json.loads(accepted.receipt.model_dump_json()),
        "appeal": {"message_id": "m1", "kind": "complaint", "applicant": {"type": "person"}},
    }
    await journal.conclude(Conclusion(accepted.appeal_id, dossier=json.dumps(document).encode(), **given))
    await journal.do(suspects.Hold(number, by="olga", reason="why not"))
    done = program("why", number)
    assert (done.returncode, "by olga: why not" in done.stdout, "Nothing is missing" in done.stdout) == (1, True, True)
    assert (await journal.ask(figures.counts)).outbox == {"out": 1}
