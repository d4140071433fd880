"""`appealbus term` and `appealbus terms preview`, over a real journal."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from appealbus.plugins.terms.calendar import raw_of
from tests.plugins.terms.making import HERE, THERE
from tests.services import commands
from tests.services.policies import any_change

MESSAGES = [
    {"message_id": "m1", "number": "A-1", "kind": "application", "received_at": "2026-08-20T10:00:00+05:00"},
    {"message_id": "m2", "number": "A-2", "kind": "application", "received_at": "2026-08-20T10:00:00+05:00",
     "due_on": "2026-09-30"},
    {"message_id": "m3", "number": "A-3", "kind": "application", "received_at": "2026-08-20T10:00:00+05:00"},
    {"message_id": "m4", "number": "A-4", "kind": "application", "received_at": "2026-05-04T10:00:00+05:00"},
    {"message_id": "m5", "number": "A-5", "kind": "application", "received_at": "2021-12-20T10:00:00+05:00"},
    {"type": "change", "message_id": "c1", "number": "A-3", "kind": "answered", "result": "explained",
     "dated_at": "2026-08-25"},
    {"type": "change", "message_id": "c2", "number": "A-4", "kind": "redirected", "to": THERE,
     "dated_at": "2026-05-05T11:00:00+05:00"},
]  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., "CompletedProcess[str]"]:
    """Run the program in a folder whose journal has these appeals."""
    lines = "\n".join(json.dumps({**each, **({} if "type" in each else {"addressee": HERE})}) for each in MESSAGES)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")

    def run(*arguments: str) -> "CompletedProcess[str]":
        return commands.run(tmp_path, *arguments)

    (tmp_path / "appealbus.toml").write_text(any_change(tmp_path, "channels.files"))
    assert run("intake", "a.jsonl").returncode == 0
    return run


def told(done: "CompletedProcess[str]") -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.proof
def test_a_term_is_shown_with_its_proof(program: Callable[..., "CompletedProcess[str]"]) -> None:
    """For programs with every day; for people in their language; and the bus works by the same day."""
    shown = told(program("term", "A-1", "--on", "2026-08-21", "--json"))
    assert (shown["due_on"], shown["outcome"]) == ("2026-09-10", "open")
    assert [each["number"] for each in shown["considered"][0]["term"]["days"] if each["number"]] == [*range(1, 16)]
    russian = program("term", "A-4", "--on", "2026-05-06", "--lang", "ru", "--days").stdout
    assert "органы: Отдел земельных отношений → Управление природных ресурсов" in russian
    assert "2026-05-07  День защитника Отечества" in russian
    assert {row["number"]: row["due_on"] for row in told(program("appeals", "--json"))} == {
        "A-1": "2026-09-10", "A-2": "2026-09-30", "A-3": "2026-09-10", "A-4": "2026-05-28", "A-5": None
    }  # fmt: skip
    at_body = told(program("appeals", "--body", HERE["bin"], "--due-before", "2026-06-01", "--json"))
    assert [(row["number"], row["body"]) for row in at_body] == [("A-4", HERE["bin"])]
    assert told(program("appeals", "--body", THERE["bin"], "--json")) == []  # its redirect was not worked yet


def test_what_cannot_be_counted_is_told(program: Callable[..., "CompletedProcess[str]"]) -> None:
    """No such appeal: 3; a year that the calendar does not have: 1, with what to do."""
    assert program("term", "A-9").returncode == 3
    done = program("term", "A-5")
    assert (done.returncode, "has no year 2021; add its days off" in done.stderr) == (1, True)


@pytest.mark.proof
def test_a_term_is_shown_as_somebody_sees_it(program: Callable[..., "CompletedProcess[str]"]) -> None:
    """The same document as over HTTP; nothing where the mask hides what it follows from; who looks is noted."""
    shown = told(program("term", "A-4", "--as", "registry", "--on", "2026-05-06", "--json"))
    ours = told(program("term", "A-4", "--on", "2026-05-06", "--json"))
    assert (shown["number"], shown["terms"][0]["name"]) == ("A-4", "law")
    assert {"number": "A-4", **shown["terms"][0]["proof"]} == ours
    hidden = program("term", "A-4", "--as", "ops")
    assert (hidden.returncode, hidden.stdout) == (1, "")
    assert told(program("term", "A-4", "--as", "integrator", "--json")) == {"number": "A-4", "due_on": "2026-05-28"}
    hidden = program("term", "A-4", "--as", "integrator")
    assert (hidden.returncode, hidden.stdout) == (1, "")
    assert "hides something that the term follows from" in hidden.stderr
    history = [json.loads(line) for line in program("history", "A-4", "--json").stdout.splitlines()]
    assert [each["detail"]["as"] for each in history if each["what"] == "read"] == ["term"] * 3


@pytest.mark.proof
def test_the_heading_of_a_dossier_has_the_counted_day(program: Callable[..., "CompletedProcess[str]"]) -> None:
    """Where the register gave none; as somebody else sees it, too, and what is said of its gaps."""
    assert program("run", "--until-idle").returncode == 0
    assert "due 10 Sept 2026" in program("why", "A-1").stdout
    for arguments in ((), ("--as", "registry")):
        assert "due 10 Sept 2026" in program("dossier", "A-1", *arguments).stdout
        assert "due 30 Sept 2026" in program("dossier", "A-2", *arguments).stdout


def test_an_earlier_calendar_can_be_counted_by(program: Callable[..., "CompletedProcess[str]"]) -> None:
    """31 August 2026 was off until 18 March."""
    shown = told(program("term", "A-1", "--on", "2026-08-21", "--as-of", "2026-03-17", "--json"))
    assert shown["due_on"] == "2026-09-11"


@pytest.mark.proof
def test_a_preview_says_which_open_terms_move(program: Callable[..., "CompletedProcess[str]"], tmp_path: Path) -> None:
    """Without those that have ended; and what the register says counts on. Nothing is changed by a look."""
    text = raw_of(None, "calendar.toml").decode()
    (tmp_path / "new.toml").write_text(text.partition("[[amended]]\npublished = 2026")[0], encoding="utf-8")
    before = program("appeals", "--json").stdout
    shown = told(program("terms", "preview", "--calendar", "new.toml", "--json"))
    assert (shown["open"], shown["unknown"]) == (4, ["A-5"])
    assert shown["moves"] == [
        {"number": "A-1", "now": "2026-09-10", "then": "2026-09-11", "days": 1, "register": None},
        {"number": "A-2", "now": "2026-09-10", "then": "2026-09-11", "days": 1, "register": "2026-09-30"},
    ]
    assert shown["calendar"]["now"] != shown["calendar"]["then"]
    text = program("terms", "preview", "--calendar", "new.toml").stdout
    assert "2 of 4 open terms move" in text
    assert program("appeals", "--json").stdout == before
    assert program("terms", "preview").returncode == 2
    assert program("terms", "preview", "--norms", "new.toml").returncode == 2


@pytest.mark.proof
def test_terms_are_applied_to_what_nothing_works(
    program: Callable[..., "CompletedProcess[str]"], tmp_path: Path
) -> None:
    """Once the configuration names another calendar; it is said first, is on record, and a second time is nothing."""
    text = raw_of(None, "calendar.toml").decode()
    (tmp_path / "new.toml").write_text(text.partition("[[amended]]\npublished = 2026")[0], encoding="utf-8")
    hash_ = program("terms", "apply").stdout.split("--yes ")[1].split()[0]
    assert program("terms", "apply", "--yes", hash_).stdout.startswith("1 open appeals")  # its redirect was not worked
    shown = told(program("terms", "preview", "--calendar", "new.toml", "--json"))
    (tmp_path / "appealbus.toml").write_text('[plugins.terms]\ncalendar = "new.toml"\n', encoding="utf-8")
    refused = program("terms", "apply", "--yes", hash_)
    assert (refused.returncode, shown["hash"] in refused.stderr) == (1, True)
    assert program("terms", "apply").stdout.splitlines() == [
        f"1 open appeals are due on another day; --yes {shown['hash']} moves them",
        "1 cannot be counted: the calendar does not have their year",
    ]
    assert program("terms", "apply", "--yes", shown["hash"]).returncode == 0
    dues = {row["number"]: row["due_on"] for row in told(program("appeals", "--json"))}
    assert (dues["A-1"], dues["A-2"], dues["A-4"]) == ("2026-09-11", "2026-09-30", "2026-05-29")
    assert program("terms", "apply", "--yes", shown["hash"]).stdout.startswith("0 open appeals")
    history = [json.loads(line) for line in program("history", "A-1", "--json").stdout.splitlines()]
    assert [each["what"] for each in history] == ["accepted", "term_moved"]


EARLIER = """
from datetime import date
from appealbus.core import Terms, hookimpl

class Earlier(Terms):
    name = "earlier"

    def due_on(self, appeal, first, accepted_at, changes):
        if appeal.message_id == "m4":
            raise ValueError
        return {"m1": date(2026, 9, 1), "m5": date(2027, 12, 30)}.get(appeal.message_id)

@hookimpl
def register_terms():
    return [Earlier()]
"""


@pytest.mark.proof
def test_what_other_plugins_count_is_left_to_them(
    program: Callable[..., "CompletedProcess[str]"], tmp_path: Path
) -> None:
    """The command and the bus agree: the earliest day; what others fail over stays as it is, and is told."""
    (tmp_path / "earlier.py").write_text(EARLIER, encoding="utf-8")
    (tmp_path / "appealbus.toml").write_text('[bus]\nplugins = ["./earlier.py"]\n', encoding="utf-8")
    text = raw_of(None, "calendar.toml").decode()
    (tmp_path / "new.toml").write_text(text.partition("[[amended]]\npublished = 2026")[0], encoding="utf-8")
    shown = told(program("terms", "preview", "--calendar", "new.toml", "--json"))
    assert [each["number"] for each in shown["moves"]] == ["A-2"]
    assert (shown["unknown"], shown["failed"]) == ([], ["A-4"])
    first = program("terms", "apply").stdout
    assert "2 open appeals" in first
    assert "1 stay as they are" in first
    assert program("terms", "apply", "--yes", first.split("--yes ")[1].split()[0]).returncode == 0
    assert program("run", "--until-idle").returncode == 0
    dues = {row["number"]: row["due_on"] for row in told(program("appeals", "--json"))}
    assert (dues["A-1"], dues["A-5"]) == ("2026-09-01", "2027-12-30")
    history = [json.loads(line) for line in program("history", "A-1", "--json").stdout.splitlines()]
    assert [each["what"] for each in history].count("term_moved") == 1  # a run over it changes nothing
