"""A folder without `appealbus.toml`: no journal is made there by mistake."""

import json
from pathlib import Path

import pytest

from tests.services.commands import own_environment

APPEAL = {"message_id": "m1", "kind": "complaint", "text": "The road is broken.", "applicant": {"type": "person"}}


@pytest.fixture(autouse=True)
def _appeals(tmp_path: Path) -> None:
    (tmp_path / "appeals.jsonl").write_text(json.dumps(APPEAL))


@pytest.mark.parametrize(
    "command",
    ["intake appeals.jsonl", "run --until-idle", "serve", "prune", "client add portal --role ops", "restored --yes"],
)
def test_no_journal_is_made(program, tmp_path: Path, command: str) -> None:
    """One sentence says what was looked for, where, and what to do; exit code 2, and nothing is written."""
    done = program(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"there is no appealbus.toml in {tmp_path}, and no journal appealbus.db, so none is")
    assert "--config" in done.stderr
    assert "--new" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["appeals.jsonl"]


@pytest.mark.proof
def test_one_is_made_where_somebody_says_so(program, tmp_path: Path) -> None:
    """By `--new`; from then on it is there, and opens as any other."""
    assert program("intake", "--new", "appeals.jsonl").returncode == 0
    assert program("run", "--until-idle").returncode == 0
    assert program("run", "--until-idle", "--new").returncode == 0
    assert program("why", json.loads(program("appeals", "--json").stdout)[0]["number"]).returncode == 0


def test_the_environment_configures_a_journal(program, tmp_path: Path) -> None:
    """A container may have no file: whoever names the journal means it; another setting alone says nothing of it."""
    other = {**own_environment(), "APPEALBUS__BUS__NAME": "south"}
    assert program("intake", "appeals.jsonl", environment=other).returncode == 2
    named = {**own_environment(), "APPEALBUS__BUS__JOURNAL": "sqlite:///south.db"}
    assert program("intake", "appeals.jsonl", environment=named).returncode == 0
    assert (tmp_path / "south.db").exists()


def test_a_file_that_says_nothing_configures_a_journal(program, tmp_path: Path) -> None:
    """It is the file of somebody who means a bus here."""
    (tmp_path / "appealbus.toml").touch()
    assert program("intake", "appeals.jsonl").returncode == 0


def test_check_says_that_nobody_is_asked(program, tmp_path: Path) -> None:
    """What is right there is a bus that hands on what appeals say alone."""
    assert "sources: none is configured: nothing is asked" in program("check").stderr
