"""A journal that release 0.1.0 left behind: stop, migrate, start, and everything is there and goes on."""

import gzip
import json
import sqlite3
import time
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import psycopg
import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import access as journal_access
from appealbus.core.journal import documents, figures, quarantine, workers
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.journal.deliveries import deliveries as journal_deliveries
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.naming import named_by_appeal, named_by_record
from appealbus.simulator.server import Simulator
from tests.core.journal.release_0_1_0 import make
from tests.core.journal.release_0_1_0.make import LATE, REFUSED, Contour, Registry, ids
from tests.services.asking import appeals_of

HERE = Path(make.__file__).parent
MOMENTS = {
    "appeal": ("accepted_at", "due_at", "lease_until", "changed_at"),
    "lookup": ("asked_at", "ended_at", "next_attempt_at"),
    "dossier": ("created_at",),
    "outbox": ("next_attempt_at", "sent_at", "alone_since", "skipped_at"),
    "access": ("at",),
    "quarantine": ("at", "replayed_at"),
    "worker": ("seen_until",),
    "lease": ("until",),
    "standing": ("clock",),
}
"""Of 0.1.0: so that its worker stopped a minute ago, whenever this runs."""


def dump(name):
    return gzip.decompress((HERE / f"{name}.sql.gz").read_bytes()).decode()


def shift(clock):
    by = time.time_ns() // 1000 - clock - 60_000_000
    return [
        f"UPDATE {table} SET {', '.join(f'{name} = {name} + {by}' for name in names)}"
        for table, names in MOMENTS.items()
    ]


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    """The journal, as it was a minute after its worker had stopped."""
    Registry.got.clear()
    if request.param == "sqlite":
        with sqlite3.connect(tmp_path / "journal.db") as connection:
            connection.executescript(dump("sqlite"))
            (clock,) = connection.execute("SELECT clock FROM standing").fetchone()
            for statement in shift(clock):
                connection.execute(statement)
        connection.close()
        return f"sqlite:///{tmp_path}/journal.db"
    url = request.getfixturevalue("database")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump("postgresql"))
        connection.execute("SET search_path TO public")
        (clock,) = connection.execute("SELECT clock FROM standing").fetchone()
        for statement in shift(clock):
            connection.execute(statement)
    return url


def left(url, question):
    """Ask the database itself, as 0.1.0 left it."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        rows = connection.execute(question).fetchall()
        connection.close()
        return rows
    with psycopg.connect(url) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture(autouse=True)
def given_time():
    """By the database's own clock: nothing is patched here."""


async def rows(journal):
    return {row.number: row for row in await journal.ask(lists.appeals, 0, 1000)}


async def everything(read, *given):
    """Read all pages of something."""
    found, after = [], 0
    while page := await read(*given, after=after, limit=100):
        found += page
        after = page[-1].id
    return found


@pytest.mark.proof
async def test_everything_is_there(old):
    """All appeals, versions, questions, records, deliveries, messages and access rows, each as it was told."""
    appeals = left(old, "SELECT number, state, version, completeness FROM appeal")
    dossiers = left(old, "SELECT number, d.version, d.document FROM dossier d JOIN appeal a ON a.id = d.appeal_id")
    states = left(old, "SELECT number, lookup, kind, code, record, runs FROM lookup JOIN appeal ON id = appeal_id")
    outbox = left(old, "SELECT id, receiver, version, sent_at IS NULL FROM outbox")
    access = left(old, "SELECT question_id FROM access")
    async with await Journal.open(old) as journal:
        now = await rows(journal)
        assert sorted((row.number, row.state, row.version, row.completeness) for row in now.values()) == sorted(appeals)
        for number, version, document in dossiers:
            assert json.loads(await journal.ask(documents.whole, number, version)) == json.loads(bytes(document))
        found = [
            (
                number,
                state.lookup,
                state.kind,
                state.code,
                state.record and state.record.model_dump(mode="json"),
                state.runs,
            )
            for number in now
            for state in await journal.ask(cases.states, number)
        ]
        told = [(*row[:4], row[4] and json.loads(bytes(row[4])), row[5]) for row in states]
        assert sorted(found, key=str) == sorted(told, key=str)
        assert {type(state[4]) for state in found} == {dict, type(None)}
        delivered = [row for number in now for row in await journal.ask(journal_deliveries.deliveries, number)]
        assert sorted((row.id, row.receiver, row.version, row.state != "delivered") for row in delivered) == sorted(
            (*row[:3], bool(row[3])) for row in outbox
        )
        assert sorted(
            row.question_id for row in await everything(partial(journal.ask, journal_access.access_rows))
        ) == sorted(question for (question,) in access)
        kept = await journal.ask(quarantine.quarantined, include_replayed=True)
        assert [(row.id, row.code, row.replayed_at is None) for row in kept] == [
            (1, "json.malformed", True),
            (2, "appeal.invalid", True),
            (3, "message.differs", True),
            (4, "json.malformed", False),
        ]
        assert {state.source for state in await journal.ask(workers.source_states)} == {
            "gbdfl",
            "gbdul",
            "egkn",
            "address",
            "vehicles",
        }
        types = Counter(state[4]["type"] for state in found if state[4])
        assert types.keys() == {"Person", "Organisation", "Parcel", "Address", "vehicles.Vehicles"}
        for number in now:
            case = await journal.ask(cases.case, number)
            assert case.appeal.message_id in (*ids(), "y")


@pytest.mark.proof
async def test_people_and_parcels_are_found(old):
    """By whom appeals and records name, through marks that the migration has made; questions have keyed keys."""
    named = defaultdict(set)
    for number, document in left(old, "SELECT number, document FROM appeal"):
        for kind, value, _ in named_by_appeal(json.loads(bytes(document))):
            named[kind, value].add(number)
    records = left(
        old, "SELECT number, lookup, record FROM lookup JOIN appeal ON id = appeal_id WHERE record IS NOT NULL"
    )
    for number, lookup, record in records:
        for kind, value, _ in named_by_record(json.loads(bytes(record)), lookup):
            named[kind, value].add(number)
    keys = left(old, "SELECT number, lookup, key FROM lookup JOIN appeal ON id = appeal_id")
    async with await Journal.open(old) as journal:
        for (kind, value), numbers in named.items():
            assert {row.number for row in await appeals_of(journal, kind, value)} == numbers
        now = {
            (n, state.lookup, state.key) for n in await rows(journal) for state in await journal.ask(cases.states, n)
        }
        assert now == {(number, lookup, journal.key.question(key)) for number, lookup, key in keys}
        assert now != set(keys)
    columns = left(old, "SELECT kind, applicant, pending FROM appeal")
    assert "complaint" in {kind for kind, _, _ in columns}
    assert {applicant for _, applicant, _ in columns} >= {"person"}
    assert {kind for kind, _ in named} == {"iin", "bin", "cadastral_number"}


@pytest.mark.proof
async def test_it_goes_on(old):
    """What was not ended is worked, what was not delivered is; nothing else is asked, made or delivered again."""
    before = left(old, "SELECT number, state, version FROM appeal")
    unfinished = {number for number, state, _ in before if state in ("ready", "in_work", "suspect")}
    asked = len(left(old, "SELECT id FROM access"))
    last = left(old, "SELECT max(id) FROM outbox")[0][0]
    Registry.away = False
    async with Simulator() as simulator:
        contour = Contour(old, simulator)
        async with await Journal.open(old) as journal:
            await journal.hold_run_lock()
            parked = [number for number, state, _ in before if state == "parked"]
            async with contour.running(journal, "4" * 32) as bus:
                await contour.settled(partial(journal.ask, figures.counts), len(parked))
                again = await contour.take(bus, make.WHOLE[0])
                for number in parked:
                    await journal.do(leases.Retry(number))
                await contour.settled(partial(journal.ask, figures.counts), 0)
                await bus.settle(parked=True)
            now = await rows(journal)
            was = {number: version for number, _, version in before}
            for number, row in now.items():
                # An answer that comes by itself makes a version more.
                grown = (1, 2) if number in unfinished or number in parked else (0,)
                assert row.version - was[number] in grown, number
                assert row.state == (AppealState.HELD if row.held_by else AppealState.IDLE)
            new = [row for row in await everything(partial(journal.ask, journal_access.access_rows)) if row.id > asked]
            assert {row.number for row in new} == unfinished | set(parked)
            for number in parked:
                kinds = {
                    outcome["outcome"] for outcome in json.loads(await journal.ask(documents.whole, number))["outcomes"]
                }
                assert kinds <= {"found", "not_found", "not_applicable", "skipped"}
            assert again in was
            deliveries = Counter((receiver, one.message_id) for receiver, one in Registry.got)
            assert set(deliveries.values()) == {1}
            late = next(row.number for row in now.values() if row.message_id == ids()[LATE - 1])
            expected = {late} | unfinished | set(parked)
            assert {(receiver, one.number) for receiver, one in Registry.got} == {
                (receiver, number) for receiver in ("registry", "archive") for number in expected
            }
            alone = await journal.ask(journal_deliveries.deliveries)
            assert {row.number for row in alone} == {
                row.number for row in now.values() if row.message_id == ids()[REFUSED - 1]
            }
            made = [row.id for number in unfinished for row in await journal.ask(journal_deliveries.deliveries, number)]
            assert min(made) > last
