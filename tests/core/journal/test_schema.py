"""The tables, their migrations and the indexes that keep the journal flat."""

import re
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from appealbus.core import SingleUse
from appealbus.core.domain.event import Cursor
from appealbus.core.domain.operation import Frozen, Operation, Order
from appealbus.core.interfaces.answer import Answer
from appealbus.core.journal import (
    access,
    awaiting,
    documents,
    figures,
    keeping,
    log,
    migrations,
    operations,
    pruning,
    quarantine,
    store,
    workers,
)
from appealbus.core.journal.appeals import cases, claiming, concluding, leases, suspects
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import metadata
from appealbus.schemas.dossier import Completeness
from tests.core.journal.explaining import explain_all

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def nothing(request, tmp_path, migrated):
    """A database of each kind without any table."""
    return f"sqlite:///{tmp_path}/journal.db" if request.param == "sqlite" else request.getfixturevalue("database")


@pytest.mark.proof
async def test_migrations_make_exactly_the_tables(nothing):
    """Alembic finds no difference between what migrations made and what the code declares."""
    await (await Journal.open(nothing)).close()
    engine = create_engine(nothing)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_migrations_make_the_indexes_conditions_too(tmp_path, migrated):
    """Alembic does not compare the conditions of partial indexes: SQLite's own text of them must be the same."""
    made, declared = create_engine(f"sqlite:///{tmp_path}/a.db"), create_engine(f"sqlite:///{tmp_path}/b.db")
    await (await Journal.open(f"sqlite:///{tmp_path}/a.db")).close()
    metadata.create_all(declared)
    assert indexes(made) == indexes(declared)
    assert sum("WHERE" in text for text in indexes(made)) == 30
    made.dispose()
    declared.dispose()


_FIRST = """
INSERT INTO appeal VALUES (1, 'files', 'm1', 'N-1', 0, 'x', 9, 'parked', 5, NULL, NULL, 1, 'partial', 0, {document});
INSERT INTO lookup VALUES (1, 'x.y', 'k', 'not_found', '', '', 1, 1, NULL, 7, NULL, NULL, NULL, NULL);
INSERT INTO dossier VALUES (1, 1, 'partial', 3, {document});
INSERT INTO outbox (appeal_id, receiver, version, attempts, next_attempt_at) VALUES (1, 'out', 1, 0, 0);
INSERT INTO source_state VALUES ('gbdfl', {document});
INSERT INTO counter VALUES ('appeal', 1);
"""


async def test_a_journal_of_the_first_version_is_brought_to_ours(nothing):
    """All that was in it is there and goes on: the appeal, its dossier, what waits for its receiver."""
    document = '{"message_id": "m1", "kind": "report", "applicant": {"type": "person"}}'
    literal = f"CAST('{document}' AS BLOB)" if nothing.startswith("sqlite") else f"convert_to('{document}', 'UTF8')"
    engine = create_engine(nothing)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in _FIRST.replace("{document}", literal).split(";")[:-1]:
            connection.exec_driver_sql(statement)
    engine.dispose()

    async with await Journal.open(nothing) as journal:
        case = await journal.ask(cases.case, "N-1")
        assert (case.appeal.message_id, case.version, [state.key for state in case.states]) == ("m1", 1, ["k"])
        (waiting,) = await journal.ask(deliveries.undelivered, "out", NOW, 10)
        assert (waiting.dossier, waiting.region) == (document.encode(), "")
        assert await journal.ask(workers.source_states) == []
        assert [case.appeal_id for case in await claiming.claim(journal, claiming.Claim("me", NOW, 10, 60))] == [1]
        assert (await journal.ask(figures.counts)).in_work == 1


async def test_an_operation_of_before_goes_on(nothing):
    """What was under way as the journal was migrated has a number, the rows that are left of it and its hash."""
    engine = create_engine(nothing)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0012")
        row = "('aa', 'hold', 0, 5, 'person:aigul', 'why', 3, {}, NULL)"
        empty = "CAST('{}' AS BLOB)" if nothing.startswith("sqlite") else "convert_to('{}', 'UTF8')"
        connection.exec_driver_sql(f"INSERT INTO operation VALUES {row.format(empty)}")
        for part, ids in enumerate(([1, 2], [3])):
            values = {"part": part, "ids": array("q", ids).tobytes()}
            connection.execute(text("INSERT INTO operation_part VALUES ('aa', :part, :ids)"), values)
    engine.dispose()
    async with await Journal.open(nothing) as journal:
        (row,) = await journal.ask(operations.under_way)
        assert (row.id, row.hash, row.by, row.reason, row.seen, row.ended_at) == (
            1,
            "aa",
            "person:aigul",
            "why",
            0,
            None,
        )
        assert (await journal.do(operations.Go("aa"))).verdicts == {"gone": 2}
        assert (await journal.do(operations.Go("aa"))).finished
        begun = await journal.do(operations.Begin(Frozen(Order(Operation.HOLD), array("q", [1])), reason="a"))
        assert begun.id == 2


def test_revisions_are_listed_in_order():
    """The journal knows its revisions without importing Alembic."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == migrations.REVISIONS


# A walk through one of these is one through a few rows; the least position of the log is its first.
_GOOD = re.compile(
    r"USING .*(INDEX|PRIMARY KEY)|SUBQUERY|SCAN (alembic_version|counter|epoch|sqlite_sequence|standing)"
    r"|SEARCH log_entry$|COMPOUND|UNION ALL|LEFT-MOST"
)


_CONCLUSION = concluding.Conclusion(
    1,
    dossier=b"{}",
    version=2,
    completeness=Completeness.COMPLETE,
    receivers=["out"],
    answers_seen=["q"],
    owner="me",
)


@pytest.mark.parametrize(
    "question",
    [
        figures.counts,
        figures.next_due,
        lambda connection: deliveries.undelivered(connection, "out", NOW, 10, 1000),
        lambda connection: cases.case(connection, "N"),
        lambda connection: cases.cases(connection, [1, 2]),
        lambda connection: cases.states(connection, "N"),
        lambda connection: documents.whole(connection, "N", None),
        lambda connection: access.access_rows(connection, "N", 5, 10),
        lambda connection: quarantine.quarantined(connection, 5, 10, include_replayed=False, include_closed=False),
        lambda connection: quarantine.quarantined(
            connection, 5, 10, include_replayed=False, include_closed=False, code="json.malformed"
        ),
        lambda connection: quarantine.quarantine_left(connection, 10, (NOW, 5), closed=False),
        lambda connection: quarantine.quarantine_left(connection, 10, (NOW, 5), closed=True),
        lambda connection: quarantine.quarantine_groups(connection, None),
        lambda connection: awaiting.answers(connection, 1),
        lambda connection: awaiting.answered(connection, [awaiting.Answered("s", Answer("q", b""), NOW, "bus")]),
        lambda connection: concluding.conclude(connection, [concluding.Concluding(_CONCLUSION, (), NOW, NOW, 1, ())]),
        lambda connection: claiming.lease(connection, [claiming.Claim("me", NOW, 10, 60, 1 << 40, True)]),
        lambda connection: leases.release(connection, [leases.Release("me", None)]),
        lambda connection: suspects.next_turn(connection, NOW),
        lambda connection: suspects.bury(connection, [suspects.Burial(None, at=NOW, by="bus")]),
        lambda connection: suspects.hold(connection, [suspects.Hold("N", "me", "so", NOW)]),
        lambda connection: access.left_for_sources(connection, "N"),
        lambda connection: pruning.prune_appeals(connection, [pruning.Idle(NOW, NOW, "bus")]),
        lambda connection: pruning.prune_quarantine(connection, [pruning.OldMessages(NOW, "bus")]),
        lambda connection: log.page(connection, Cursor(1, 0), 10),
        lambda connection: log.page(connection, Cursor(1, 0), 10, number="N", what={"held"}),
        lambda connection: log.history(connection, "N", 0, 10),
        lambda connection: awaiting.use(connection, [awaiting.Use(SingleUse("k", NOW), "m")]),
        lambda connection: awaiting.forget_used(connection, [awaiting.ForgetUsed(NOW)]),
    ],
)
async def test_nothing_walks_through_a_whole_table(tmp_path, question, monkeypatch):
    """The millionth appeal costs what the first did: every question goes by an index that holds what it is about."""
    url = f"sqlite:///{tmp_path}/journal.db"
    await (await Journal.open(url)).close()
    opened = store.open_store(url, read_only=False)
    opened.writing.dispose()
    heard = explain_all(monkeypatch)
    with opened.writing.connect() as connection:
        heard.clear()
        question(connection)
    opened.writing.dispose()
    opened.close()
    assert_no_walk(heard)


async def test_the_way_of_an_appeal_walks_through_no_table(tmp_path, make, monkeypatch):
    """Not one statement from its coming to its delivery, with an attempt that is told anew."""
    heard = explain_all(monkeypatch)
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        heard.clear()
        accepted = await journal.accept(make.new())
        (claimed,) = await claiming.claim(journal, claiming.Claim("me", make.now, 1, 1e9))
        for runs in (1, 2):
            await journal.do(keeping.Keep(claimed.appeal_id, make.state(runs=runs), owner="me"))
        await journal.conclude(replace(_CONCLUSION, appeal_id=accepted.appeal_id, version=1))
        (due,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        await journal.do(delivering.Failed([(due.delivery_id, "x", journal.now())]))
        await journal.do(delivering.Confirmed([due.delivery_id]))
    assert_no_walk(heard)


def assert_no_walk(heard):
    """Hold each plan to the indexes; rows that are inserted walk nowhere."""
    plans = [line for statement, plan in heard if not statement.startswith("INSERT") for line in plan.splitlines()]
    assert plans
    for plan in plans:
        assert _GOOD.search(plan), plan


def indexes(engine):
    with engine.connect() as connection:
        query = (
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name LIKE 'ix_%' ORDER BY name"
        )
        rows = connection.exec_driver_sql(query).scalars().all()
    engine.dispose()
    return rows
