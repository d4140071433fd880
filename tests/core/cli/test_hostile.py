"""Whatever strangers wrote, and wherever it stands, no command of the program sends a terminal what would steer it."""

import asyncio
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer

from appealbus.core.cli.main import Cli, build
from appealbus.core.escaping import escaped, escaped_json, escaped_xml, one_line
from appealbus.core.journal import access, clients, events, quarantine, tables, workers
from appealbus.core.journal import operations as operating
from appealbus.core.journal.changes import changes
from appealbus.core.journal.drivers import encoding
from appealbus.core.journal.journal import Journal

pytestmark = pytest.mark.proof

# A title, a cursor, C1, a change of direction, a line that looks like ours, what nobody sees, and markup.
EVIL = "a\x1b]0;owned\x07\x9b2J\u202eb\rc\nFAKE all is well\u2028FAKE\u200b\u00ad[bold]:smile:\u061c"
NOW = datetime.now(UTC)

ARGUMENTS: dict[str, list[list[str]]] = {
    "status": [[], ["--json"]],
    "appeals": [[], ["--json"], ["--body", EVIL]],
    "dossier": [
        [EVIL],
        [EVIL, "--json"],
        [EVIL, "--format", "xml"],
        ["none" + EVIL],
        [EVIL, "--format", EVIL],
        [EVIL, "--lang", "kk", "--all"],
        [EVIL, "--as", "registry"],
        [EVIL, "--as", "integrator"],
        [EVIL, "--as", "integrator", "--format", "xml"],
        [EVIL, "--as", EVIL],
        [EVIL, "--as", "reviewer", "--purpose", EVIL],
    ],
    "policy": [[], ["--json"]],
    "export": [["dossiers", "--as", "auditor"], ["log", "--as", "auditor", "--after", EVIL], ["log", "--as", EVIL]],
    "why": [
        [EVIL, "--as", "ops"],
        [EVIL],
        [EVIL, "--lang", "ru"],
        [EVIL, "--lang", EVIL],
        [EVIL, "--json"],
        ["none" + EVIL],
    ],
    "explain": [
        [EVIL, "appeal"],
        [EVIL, "appeal", "--lang", "kk"],
        [EVIL, "appeal", "--json"],
        [EVIL, EVIL],
        [EVIL, "evil.lookup/" + EVIL],
        [EVIL, EVIL, "--as", "integrator"],
    ],
    "changes": [[], ["--json"], [EVIL], [EVIL, "--json"], ["none" + EVIL]],
    "reread": [["none" + EVIL, "--dry-run"], ["--source", EVIL, "--dry-run"], [EVIL, "--since", EVIL]],
    "rename": [[EVIL, "--dry-run"], ["none" + EVIL, "--reason", EVIL, "--yes"]],
    "withdraw": [[EVIL, EVIL, "--reason", EVIL], ["none" + EVIL, EVIL, "--reason", EVIL]],
    "history": [[EVIL, "--as", "ops"], [EVIL], [EVIL, "--failed"], [EVIL, "--json"], ["none" + EVIL]],
    "tail": [[], ["--json"], ["--after", EVIL], ["--what", EVIL], ["--actor", EVIL], ["--number", EVIL]],
    "hold": [[EVIL, "--reason", EVIL], ["none" + EVIL, "--reason", EVIL]],
    "release": [[EVIL], ["none" + EVIL]],
    "deliveries list": [[], ["--json"], [EVIL], ["none" + EVIL]],
    "deliveries skip": [["none" + EVIL, "--reason", EVIL], [EVIL, "--receiver", EVIL, "--reason", EVIL]],
    "deliveries resend": [["none" + EVIL], [EVIL, "--receiver", EVIL]],
    "deliveries history": [
        [EVIL, "--from-beginning"],
        ["out", "--after", EVIL],
        ["out", "--yes", EVIL, "--reason", EVIL],
    ],
    "sources": [[], ["--json"]],
    "client add": [
        [EVIL, "--role", "registry"],
        ["desk", "--role", EVIL],
        ["desk", "--role", "registry", "--kind", EVIL],
        ["desk", "--role", "channel", "--channel", EVIL],
        ["desk", "--role", "registry", "--certificate", EVIL],
        ["desk", "--role", "registry", "--place", EVIL],
    ],
    "client list": [[], ["--json"]],
    "client rotate": [["none" + EVIL], ["desk", "--keep-old", EVIL]],
    "client revoke": [["none" + EVIL], [EVIL, "--credential", EVIL]],
    "source pause": [[EVIL, "--until", "18:00", "--reason", EVIL], ["none" + EVIL, "--until", EVIL, "--reason", EVIL]],
    "source impact": [[EVIL, "--until", "18:00"], ["none" + EVIL, "--until", EVIL, "--json"]],
    "source resume": [[EVIL], ["none" + EVIL, "--reason", EVIL]],
    "health": [[], ["--json"]],
    "access list": [[], ["--json"]],
    "access looks": [[EVIL], [EVIL, "--json"], ["none" + EVIL], ["--person-file", EVIL, "--purpose", EVIL]],
    "quarantine list": [[], ["--all", "--json"], ["--all"]],
    "quarantine show": [["1"], ["1", "--json"], [EVIL], ["1", "--output", EVIL]],
    "quarantine replay": [["--all", "--dry-run"], ["--all"], [EVIL]],
    "quarantine close": [["1", "--reason", EVIL], ["1", "99", "--reason", EVIL, "--json"], [EVIL, "--reason", "r"]],
    "check": [[], ["--json"]],
    "plugins": [[], ["--json"]],
    "intake": [[EVIL + ".jsonl"], [EVIL + ".jsonl", "--json"], ["none" + EVIL], ["good.csv", "--channel", EVIL]],
    "topology check": [["--broker", EVIL]],
    "topology apply": [["--broker", EVIL]],
    "topology export": [["--broker", EVIL], [EVIL + "/none"]],
    "asyncapi": [[], [EVIL + "/none"]],
    "simulate": [["--misbehave", EVIL], ["--host", EVIL], ["--amqp", EVIL]],
    "report": [[], ["--format", "html"], ["--format", "csv", "--lang", "kk"], ["--place", EVIL], ["--by", "category"]],
    "surges alarms": [[], ["--all", "--json"]],
    "surges show": [["1"], [EVIL]],
    "surges take": [["1", "--until", EVIL], ["1", "--until", "2126-11-28", "--reason", EVIL]],
    "surges close": [["1", "--as", EVIL, "--done", EVIL], ["1", "--as", "true", "--done", EVIL]],
    "demo": [["--keep", "good.csv"], ["--keep", EVIL + ".jsonl"], ["--port", EVIL], ["--console", "--port", "70000"]],
    "retry": [[EVIL], ["none" + EVIL], ["--source", EVIL], ["--receiver", EVIL, "--json"], ["--yes", EVIL]],
    "assess": [["--unassessed", "--yes", EVIL, "--reason", EVIL], ["--place", EVIL]],
    "refresh": [["none" + EVIL], ["--signal", EVIL, "--yes", EVIL, "--reason", EVIL], ["--place", EVIL]],
    "prune": [["--receiver", EVIL]],
    "clock accept": [[], [EVIL]],
    "key renew": [[EVIL]],
    "enrol": [[EVIL], ["--yes"]],
    "restored": [[EVIL], ["--yes"]],
    "term": [[EVIL], [EVIL, "--json"], [EVIL, "--days", "--lang", "kk"], ["none" + EVIL], [EVIL, "--on", EVIL]],
    "terms apply": [[], [EVIL]],
    "terms preview": [[], ["--calendar", EVIL + ".toml"], ["--norms", "none" + EVIL]],
    "repeats": [[EVIL], [EVIL, "--json"], ["none" + EVIL], [EVIL, "--as", "ops"], [EVIL, "--as", EVIL]],
    "run": [["--until-idle"]],
    "serve": [[EVIL]],
    "surges anew": [["--yes"], [EVIL]],
    "console link": [["--role", EVIL], ["--role", "ops", "--actor", EVIL], ["--role", "ops", "--server", EVIL]],
}


def commands(group: Any, name: str = "") -> Iterator[str]:
    """Yield the name of each command of the program."""
    if not hasattr(group, "list_commands"):
        yield name
        return
    for each in group.list_commands(None):
        yield from commands(group.commands[each], f"{name} {each}".strip())


def row_of(table: sa.Table, **given: Any) -> dict[str, Any]:
    """Return a row in which every text that is not given is a stranger's."""
    values: dict[type, Any] = {encoding.Moment: NOW, sa.Text: EVIL, sa.LargeBinary: b"{}"}
    row = {
        column.name: next((value for kind, value in values.items() if isinstance(column.type, kind)), 1)
        for column in table.columns
    }
    return row | given


DOSSIER = {
    "number": EVIL,
    "version": 1,
    "completeness": "partial",
    "created_at": NOW.isoformat(),
    "receipt": {"number": EVIL, "accepted_at": NOW.isoformat(), "accepted_by": EVIL, "message_id": "m",
                "channel": EVIL},
    "appeal": {
        "message_id": "m",
        "channel": EVIL,
        "kind": "complaint",
        "applicant": {"type": "person", "surname": EVIL},
        "text": EVIL,
        "warnings": [{"field": EVIL, "code": "x", "message": EVIL}],
    },
    "facts": [
        {
            "lookup": "evil.fact" + EVIL,
            "key": EVIL,
            "record": {"type": "evil.Record" + EVIL, EVIL: EVIL, "list": [{EVIL: EVIL}]},
            "provenance": {
                "source": EVIL, "connector": EVIL, "message_id": EVIL, "asked_at": NOW.isoformat(),
                "observed_at": NOW.isoformat(), "plugin": EVIL, "plugin_version": EVIL, "legal_basis": EVIL,
                "purpose": EVIL, "question_id": EVIL,
            },
        }
    ],
    "gaps": [
        {"lookup": "evil.lookup", "key": EVIL, "outcome": "invalid", "reason": EVIL, "code": EVIL, "required": True}
    ],
    "outcomes": [
        {"lookup": "evil.lookup", "key": EVIL, "outcome": "invalid", "ended_at": NOW.isoformat(), "reason": EVIL,
         "inputs": [{"name": EVIL, "value": EVIL, "path": EVIL}]}
    ],
    "signals": [
        {"assessor": EVIL, "code": EVIL, "severity": "warning", "message_ru": EVIL, "message_kk": EVIL,
         "fields": [EVIL]}
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[str], str, int]]:
    """Every command line, what it sent to its terminal, and its exit code, in a place full of hostile text."""
    place = tmp_path_factory.mktemp("place")
    asyncio.run(_made(f"sqlite:///{place}/appealbus.db"))
    document = json.dumps(DOSSIER).encode()
    link = {"name": EVIL, "status": "down", "detail": EVIL, "reconnects": 0, "counts": {}, "warning": True}
    engine = sa.create_engine(f"sqlite:///{place}/appealbus.db")
    soon = NOW + timedelta(hours=1)
    with engine.begin() as connection:
        for table, given in (
            (tables.appeal, {"state": "idle", "completeness": "partial", "lease_owner": None,
                             "content": b"d"}),
            (tables.document, {"digest": b"d", "body": json.dumps(DOSSIER["appeal"]).encode()}),
            (tables.dossier, {"completeness": "partial", "document": document, "parts": None}),
            (tables.lookup, {"kind": "invalid", "inputs": b"[]", "fact": None}),
            (operating.operation, {"name": "hold", "total": 7}),
            (tables.outbox, {"sent_at": None, "skipped_at": None}),
            (tables.outbox, {"id": 2, "receiver": f"2{EVIL}", "sent_at": None, "skipped_at": None,
                             "alone_since": None}),
            (clients.client, {"role": "registry", "places": json.dumps([EVIL]), "kinds": json.dumps([EVIL])}),
            (clients.client_credential, {"client": EVIL}),
            (access.access, {"served": "source"}),
            (events.log_entry, {"detail": json.dumps({EVIL: EVIL}).encode()}),
            (events.log_entry, {"position": 2, "what": "ended", "detail": json.dumps({
                "kind": "invalid", "key": EVIL, "code": EVIL, "tries": [{"kind": EVIL, "code": EVIL}]}).encode()}),
            (events.log_entry, {"position": 3, "what": "held", "detail": json.dumps({"reason": EVIL}).encode()}),
            (changes.change, {"document": json.dumps({
                "message_id": "m", "number": "1", "kind": "answered", "reason": EVIL, "to": {"name": EVIL},
                "corrected": {"text": EVIL}, "removed": [EVIL]}).encode()}),
            (changes.change, {"id": 2, "message_id": "2" + EVIL}),
            (changes.change, {"id": 3, "message_id": "3" + EVIL, "appeal_id": None}),
            (quarantine.quarantine, {"replayed_at": None, "number": None, "raw": b"{\x1b[2J \xc2\x9b" + b"\xff}"}),
            (workers.worker, {"seen_until": soon, "document": json.dumps({
                "name": EVIL, "host": EVIL, "pid": 1, "started_at": NOW.isoformat(), "seen_until": soon.isoformat(),
                "in_flight": 1, "dossiers": 1, "links": [link]}).encode()}),
            (workers.source_state, {"document": json.dumps({
                "source": EVIL, "connector": EVIL, "breaker": "open", "in_flight": 1, "waiting": 1, "rate": 1.0,
                "p50": 1.0, "p95": 1.0, "outcomes": {EVIL: 1}, "last_error": EVIL,
                "last_error_at": NOW.isoformat()}).encode()}),
        ):  # fmt: skip
            connection.execute(table.insert(), row_of(table, **given))
    engine.dispose()
    lines = [{"message_id": "1" + EVIL, "kind": "complaint", "applicant": {"type": "person"}, "number": "N" + EVIL},
             {"message_id": EVIL, EVIL: EVIL}]  # fmt: skip
    (place / f"{EVIL}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (place / "good.csv").write_text(f"kind,text\ncomplaint,x\n{EVIL!r},y\n", encoding="utf-8")
    (place / f"{EVIL}.py").write_text("raise ValueError", encoding="utf-8")
    (place / "appealbus.toml").write_text(f"[bus]\nplugins = [{json.dumps(f'./{EVIL}.py')}]\n", encoding="utf-8")
    (place / f"{EVIL}.toml").write_text(f"[bus]\n{json.dumps(EVIL)} = 1\n", encoding="utf-8")
    asked = [[*name.split(), *arguments] for name, lists in ARGUMENTS.items() for arguments in lists]
    asked += [[*name.split(), f"--{EVIL}"] for name in ARGUMENTS]
    asked += [[EVIL], ["quarantine", EVIL], ["--config", f"{EVIL}.toml", "check"], ["--config", EVIL, "check"]]
    driver = Path(__file__).with_name("on_terminals.py")
    environment = {**os.environ, "PYTHONUTF8": "1", "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("APPEALBUS_CONFIG", None)
    done = subprocess.run(
        [sys.executable, driver, json.dumps(asked)], cwd=place, env=environment, capture_output=True, text=True,
        timeout=240, check=True,
    )  # fmt: skip
    return [(line, *each) for line, each in zip(asked, json.loads(done.stdout), strict=True)]


async def _made(journal: str) -> None:
    await (await Journal.open(journal)).close()


def test_every_command_is_tried() -> None:
    """One that is new is too: give it arguments above that make it show what a stranger wrote."""
    assert set(commands(typer.main.get_command(build(Cli(None))))) == ARGUMENTS.keys()


def hidden_in(text: str) -> set[str]:
    """Return what would steer a terminal or is not seen, beside the colours of our own and the ends of lines."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r\n", "\n").replace("\n", "")
    return {char for char in plain if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}


def test_no_command_lets_hostile_text_through(told: list[tuple[list[str], str, int]]) -> None:
    """In values, names, file names, arguments, errors, tables and JSON; and all of it is shown, on no line of ours."""
    assert len(told) > 60
    for line, sent, code in told:
        assert hidden_in(sent) == set(), (line, sent)
        assert "xml" in line or not re.search(r"^\W*FAKE", sent, re.MULTILINE), (line, sent)
        assert "Traceback" not in sent, (line, sent)
        assert code in {0, 1, 2, 3, 4}, (line, code, sent)
    # Written out for people, escaped for programs: nothing is lost.
    shown_for = {tuple(line): re.sub(r"(?m)^.*plugin\.broken.*\r\n", "", text) for line, text, _ in told}
    for line in (
        ["appeals"],
        ["dossier", EVIL],
        ["why", EVIL],
        ["sources"],
        ["status"],
        ["deliveries", "list"],
        ["plugins"],
        ["access", "list"],
        ["changes", EVIL],
        ["changes"],
        ["history", EVIL],
        ["tail"],
    ):
        assert "owned" in shown_for[tuple(line)], line
    shown = json.loads(shown_for["dossier", EVIL, "--json"])
    assert shown["appeal"]["text"] == EVIL
    assert json.loads(shown_for["quarantine", "list", "--all", "--json"])[0]["position"] == EVIL


def test_documents_for_programs_say_the_same_when_escaped() -> None:
    """JSON and XML have ways of their own to write such characters."""
    text = EVIL.replace("\x1b", "").replace("\x07", "") + "\U000e0041\x7f"
    assert json.loads(escaped_json(json.dumps({text: text}, ensure_ascii=False).encode())) == {text: text}
    document = "<a b='\u202e'>\x9b\U000e0041</a>".encode()
    assert escaped_xml(document) == b"<a b='&#8238;'>&#155;&#917569;</a>"


def test_letters_of_every_language_stay() -> None:
    """Only what has no glyph of its own is written out; newlines and tabs where they may stand."""
    text = "Әлімжанов Ёлкин\u00a0№ 5 — \U0001f642 ٠\tx\ny"
    assert escaped(text) == text
    assert one_line("x\ty\nz\u2028") == "x\\ty\\nz\\u2028"
