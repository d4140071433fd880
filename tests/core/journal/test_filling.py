"""A journal of release 0.1.0 is brought to ours in batches, which may be interrupted anywhere."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from appealbus.core.errors import JournalError
from appealbus.core.journal import documents, figures, migrations, schema, store
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.migrations import filling
from appealbus.schemas.outcome import OutcomeKind
from tests.services.forms import form

NOW = datetime(2026, 11, 24, tzinfo=UTC)
STATES = ("idle", "parked", "ready", "suspect", "held", "idle")
PERSON = {"type": "gbdfl.Person", "iin": "120101500013", "surname": "Серіков", "patronymic": None, "gender": None}
THING = {"type": "acme.Thing", "size": 5, "none": None, "parts": [{"name": "Бөлік", "none": None}]}
TRAIL = {
    "source": "acme", "connector": "shep", "plugin": "acme", "plugin_version": "1", "purpose": "p", "legal_basis": "b",
    "question_id": "q1", "message_id": None, "asked_at": "2026-11-24T10:00:00Z", "observed_at": "2026-11-24T10:00:01Z",
}  # fmt: skip
_INSERT = {
    "appeal": "id channel message_id number accepted_at accepted_by urgency state due_at version completeness "
    "changed_at document deaths held_by held_reason",
    "lookup": "appeal_id lookup key kind code reason attempts runs asked_at ended_at next_attempt_at inputs record "
    "provenance",
    "dossier": "appeal_id version completeness created_at document",
    "outbox": "appeal_id receiver version attempts next_attempt_at sent_at",
}


def json(value: object) -> bytes:
    return orjson.dumps(value)


def appeal_of(number: int) -> dict[str, object]:
    return {
        "message_id": f"m{number}",
        "channel": "files",
        "number": f"N-{number}",
        "kind": "complaint",
        "applicant": {"type": "person", "iin": None, "surname": "Серіков", "name": None},
        "text": "Жер учаскесі туралы",
        "category": None,
    }


def dossier_of(number: int, version: int) -> bytes:
    return json({"number": f"N-{number}", "version": version, "outcomes": [], "facts": [], "appeal": appeal_of(number)})


def rows_of(count: int) -> dict[str, list[tuple[object, ...]]]:
    """Return rows as release 0.1.0 wrote them, of appeals in all states."""
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in _INSERT}
    for i in range(1, count + 1):
        state = STATES[i % len(STATES)]
        version = 0 if state == "ready" else 1 + i % 2
        rows["appeal"].append(
            (i, "files", f"m{i}", f"N-{i}", 0, "x", 9, state, 5 if state == "parked" else None, version,
             "partial" if version else None, 0, json(appeal_of(i)), 1 if state == "suspect" else None,
             "me" if state == "held" else None, "so" if state == "held" else None)
        )  # fmt: skip
        for lookup, kind, record in (
            ("a.found", "found", PERSON),
            ("b.found", "found", THING),
            ("c.none", "not_found", None),
        ):
            rows["lookup"].append(
                (i, lookup, "k", kind, "code", "", 1, 1, None, 7, 9 if state == "parked" else None, None,
                 record and json(record), record and json(TRAIL))
            )  # fmt: skip
        rows["dossier"] += [(i, each, "partial", 3, dossier_of(i, each)) for each in range(1, version + 1)]
        rows["outbox"] += [(i, "out", each, 0, 0, None if each == version else 1) for each in range(1, version + 1)]
    return rows


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    """The URL of a journal of release 0.1.0, and how many appeals it has."""
    url = f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("database")
    count = form(40, 3000)
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for table, rows in rows_of(count).items():
            names = _INSERT[table].split()
            marks = ", ".join(f":{name}" for name in names)
            connection.execute(
                text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"),
                [dict(zip(names, row, strict=True)) for row in rows],
            )
        connection.execute(text(f"INSERT INTO counter VALUES ('appeal', {count})"))
    engine.dispose()
    return url, count


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(filling, "_BATCH", form(7, 500))


async def reads_as_before(url: str, count: int) -> None:
    """Everything is there, and its past is said to be none."""
    async with await Journal.open(url) as journal:
        cases = {case.appeal_id: case for case in await journal.ask(journal_cases.cases, range(1, count + 1))}
        assert len(cases) == count
        for i, case in cases.items():
            state = STATES[i % len(STATES)]
            assert (case.appeal.message_id, case.appeal.applicant.surname) == (f"m{i}", "Серіков")
            person, thing, none = case.states
            assert (person.kind, person.record.surname, person.provenance.question_id) == (
                OutcomeKind.FOUND,
                "Серіков",
                "q1",
            )
            assert thing.record.model_dump(exclude_none=True)["parts"][0]["name"] == "Бөлік"
            assert (none.record, none.provenance, none.fact) == (None, None, None)
            (body,) = (await journal.ask(documents.bodies, i, [case.content])).values()
            assert (case.size, b"null" in body) == (len(body), False)
            assert (await journal.ask(documents.whole, f"N-{i}") is None) == (state == "ready")
            if case.version:
                assert await journal.ask(documents.whole, f"N-{i}", 1) == dossier_of(i, 1)
        due = await journal.ask(deliveries.undelivered, "out", NOW, count)
        assert [row.dossier for row in due] == [dossier_of(row.appeal_id, row.version) for row in due]
        assert len(due) == sum(STATES[i % len(STATES)] != "ready" for i in range(1, count + 1))
        counts = await journal.ask(figures.counts)
        assert [counts.ready, counts.parked, counts.suspect, counts.held] == [
            sum(STATES[i % len(STATES)] == state for i in range(1, count + 1))
            for state in ("ready", "parked", "suspect", "held")
        ]
    engine = create_engine(url)
    with engine.connect() as connection:
        log = "log_entry" if url.startswith("sqlite") else "log_unplaced"
        ((what, detail),) = connection.execute(text(f"SELECT what, detail FROM {log}")).all()
        assert (what, orjson.loads(detail)) == ("migrated", {"revision": "0006", "rows": count})
        assert connection.scalar(text("SELECT count(*) FROM counter WHERE name LIKE 'filled%'")) == 0
        assert connection.scalar(text("SELECT count(*) FROM document")) == 3 * count
    engine.dispose()


class Stop(Exception):
    """The process ends here."""


@pytest.mark.proof
async def test_it_goes_on_after_every_stop(old):
    """However often whoever migrates it ends between two batches, the next one goes on, and nothing is done twice."""
    url, count = old
    told = []

    def stop(progress):
        told.append(progress.done)
        raise Stop

    for _ in range(3):
        with pytest.raises(Stop):
            store.open_store(url, read_only=False, how=schema.How(tell=stop))
    assert told == [form(7, 500) * each for each in (1, 2, 3)]
    await reads_as_before(url, count)


_KILLED = """
import pathlib, sys
from appealbus.core.journal import store
from appealbus.core.journal.migrations import filling
filling._BATCH = 7
store.open_store(sys.argv[1], key=pathlib.Path(sys.argv[2]), read_only=False)
"""


def key_of(url: str) -> Path:
    return Path(f"{url.removeprefix('sqlite:///')}.key") if url.startswith("sqlite") else store.UNNAMED_KEY


def killed(url: str) -> int:
    environment = {**os.environ, "APPEALBUS_FAILPOINT": "journal.filling:3"}
    line = [sys.executable, "-c", _KILLED, url, str(key_of(url))]
    return subprocess.run(line, env=environment, check=False, timeout=60).returncode


@pytest.mark.proof
async def test_a_kill_in_a_batch_loses_that_alone(old):
    """What is committed stays; the rest is moved when the journal is opened again."""
    url, count = old
    assert await asyncio.to_thread(killed, url) == -signal.SIGKILL
    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT value FROM counter WHERE name = 'filled.count'")) == 14
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0005"
    engine.dispose()
    await reads_as_before(url, count)


@pytest.mark.proof
async def test_several_that_start_together_take_turns(old):
    """All of them get the journal, and each row is moved once."""
    url, count = old
    failed = []

    def open_it():
        try:
            opened = store.open_store(url, read_only=False)
            with opened.lock:
                opened.writing.dispose()
            opened.close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failed == []
    await reads_as_before(url, count)


DEEP = b"[" * 900 + b"]" * 900
"""No program that reads it by recursion comes to its end, and a stored reply may have it."""
NO_APPEALS = (b"{", b"[]", b"5", DEEP, b'{"applicant": [1]}', b'{"parcels": [1]}', b'{"category": {"code": {}}}')
NO_RECORDS = (b"{", b"null", b"[]", b'{"type": ["a"]}', b'{"type": "acme.Thing", "a": ' + DEEP + b"}")


async def test_what_is_damaged_stays_as_it_is(old):
    """An appeal or a record that cannot be read stops nothing, and is not made into something else."""
    url, count = old
    rows = [("appeal SET document", "id", raw) for raw in NO_APPEALS]
    rows += [("lookup SET record", "appeal_id", raw) for raw in NO_RECORDS]
    rows += [("lookup SET provenance", "appeal_id", raw) for raw in (b"{", DEEP)]
    engine = create_engine(url)
    with engine.begin() as connection:
        for i, (column, which, raw) in enumerate(rows, 3):
            connection.execute(text(f"UPDATE {column} = :it WHERE {which} = {i}"), {"it": raw})
        # A version is handed over as it is.
        connection.execute(text("UPDATE dossier SET document = :it WHERE appeal_id = 20"), {"it": b'"signals":5}'})
    engine.dispose()
    async with await Journal.open(url) as journal:
        read = {case.appeal_id for case in await journal.ask(journal_cases.cases, range(1, count + 1))}
        assert set(range(1, count + 1)) - read == set(range(3, 3 + len(rows)))
        for i in (3, 3 + len(NO_APPEALS)):
            with pytest.raises(JournalError, match="damaged"):
                await journal.ask(journal_cases.case, f"N-{i}")
