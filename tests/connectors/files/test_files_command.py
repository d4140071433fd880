"""`appealbus intake FILE`, with the real program."""

import json
from pathlib import Path

import pytest

from tests.services.commands import run

pytestmark = pytest.mark.usefixtures("configured")
ROWS = "kind,applicant.surname\ncomplaint,Сидоров\ncomplaint\ninquiry,Петров\n"


def test_a_file_is_taken_once_however_often_it_is_given(tmp_path: Path) -> None:
    """Appeals go into the journal, a bad row into quarantine with its line; the exit code tells of it."""
    (tmp_path / "a.csv").write_text(ROWS, encoding="utf-8")
    first = run(tmp_path, "intake", "a.csv")
    assert first.returncode == 1
    assert "2 taken, 0 known already, 1 in quarantine" in first.stderr
    assert "a.csv:2  AB-" in first.stdout
    assert "a.csv:3  in quarantine as 1: the row has 1 cells, the header 2" in first.stdout
    again = run(tmp_path, "intake", "a.csv", "--json")
    told = [json.loads(line) for line in again.stdout.splitlines()]
    assert [line.get("new") for line in told] == [False, None, False]
    assert told[0]["receipt"]["number"] == first.stdout.split()[1]
    assert "Сидоров" not in first.stdout + first.stderr + again.stderr


@pytest.mark.proof
def test_a_date_of_a_change_that_cannot_be_is_told(tmp_path: Path) -> None:
    """Beside its receipt, and in it with --json; sent again it gets the same."""
    change = {"type": "change", "message_id": "c", "number": "N-1", "kind": "withdrawn", "dated_at": "2062-03-01"}
    (tmp_path / "a.jsonl").write_text(json.dumps(change))
    first, again = (run(tmp_path, "intake", "a.jsonl").stdout for _ in range(2))
    assert "\n    dated_at: change.misdated: " in first
    assert ", known already\n    dated_at: change.misdated: " in again
    told = json.loads(run(tmp_path, "intake", "a.jsonl", "--json").stdout)
    assert [each["field"] for each in told["receipt"]["warnings"]] == ["dated_at"]


@pytest.mark.proof
def test_warnings_of_an_appeal_are_told(tmp_path: Path) -> None:
    """Beside its receipt the first ten, and in it with --json at most fifty; sent again it gets the same."""
    places = {f"field_{chr(97 + n // 26)}{chr(97 + n % 26)}": {"x": 1} for n in range(3)}
    parcels = [{"cadastral_number": "1"} for _ in range(60)]
    letter = {"message_id": "m", "kind": "complaint", "applicant": {"name": "А"}, "parcels": parcels, **places}
    (tmp_path / "a.jsonl").write_text(json.dumps(letter))
    first, again = (run(tmp_path, "intake", "a.jsonl").stdout for _ in range(2))
    assert "\n    appeal: field.unknown: the contract does not know field_aa, " in first
    assert first.endswith("\n    and 41 more\n")
    assert again.endswith("\n    and 41 more\n")
    warnings = json.loads(run(tmp_path, "intake", "a.jsonl", "--json").stdout)["receipt"]["warnings"]
    assert (len(warnings), warnings[-1]["code"]) == (51, "warnings.more")
    assert warnings[-1]["message"] == "the message has 12 more warnings"


def test_a_file_without_appeals_is_told(tmp_path: Path) -> None:
    """Nothing taken is no mistake, but it is said, be the file empty or a header alone."""
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "b.csv").write_text("kind,text\n")
    for name in ("a.jsonl", "b.csv"):
        done = run(tmp_path, "intake", name)
        assert done.returncode == 0
        assert f"0 in quarantine; {name} holds no appeal" in done.stderr


def test_an_encoding_that_is_not_read_is_a_mistake(tmp_path: Path) -> None:
    """Exit code 2, the encodings that are, and the way out; theirs may be written in capitals."""
    (tmp_path / "a.csv").write_bytes("kind,text\ncomplaint,Ёлка\n".encode("cp1251"))
    done = run(tmp_path, "intake", "a.csv", "--encoding", "koi8")
    assert done.returncode == 2
    told = " ".join(done.stderr.replace("│", " ").split())
    assert "'--encoding': 'koi8' is not read; write utf-8 or cp1251, or save the file as UTF-8" in told
    assert run(tmp_path, "intake", "a.csv", "--encoding", "CP1251").returncode == 0


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """Exit code 2, and a sentence."""
    done = run(tmp_path, "intake", "none.csv")
    assert done.returncode == 2
    assert "none.csv: cannot be read: No such file or directory" in done.stderr
