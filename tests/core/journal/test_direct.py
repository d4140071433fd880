"""Hot statements, sent straight through the driver: what they return, when errors come, and how often is waited."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import bindparam, select, update

from appealbus.core.errors import JournalError
from appealbus.core.journal import access, bulk, direct, keeping, pipeline
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.replies import reply
from appealbus.core.journal.tables import appeal, counter
from appealbus.schemas.dossier import Completeness

_SOME = select(appeal.c.id, appeal.c.number, appeal.c.content, appeal.c.due_at, appeal.c.accepted_at)
_SOME = _SOME.where(direct.among(appeal.c.message_id, "ids")).order_by(appeal.c.id)
_COUNT = select(counter.c.value).where(counter.c.name == bindparam("which"))
_MORE = update(counter).where(counter.c.name == bindparam("which")).values(value=counter.c.value + 1)


async def within(journal, do):
    """Do something in a transaction of the writer."""
    return await journal._write.submit(lambda connection, items: [do(connection)], None)


@pytest.mark.parametrize("count", [0, 1, 3, 70])
async def test_a_list_has_any_length(journal, make, count):
    """Rows come with moments, bytes and what is missing, whatever the database; none for an empty list."""
    at = make.now + timedelta(microseconds=7)
    await asyncio.gather(*(journal.accept(make.new(f"м{each}", at=at)) for each in range(count + 1)))
    ids = [f"м{each}" for each in range(count)]
    (rows,) = await within(journal, lambda connection: direct.ask(connection, (_SOME, {"ids": ids})))
    assert len(rows) == count
    for row in rows:
        assert row.number.startswith("AB-2026-")
        assert (row.due_at, row.accepted_at, len(row.content)) == (None, at, 32)


async def test_what_is_run_is_there_for_whoever_asks_next(journal):
    """For a question beside it, and for SQLAlchemy's statements on the same connection."""

    def do(connection):
        bulk.insert(connection, counter, [{"name": "n", "value": 1}])
        direct.run(connection, _MORE, {"which": "n"})
        ((first,),) = direct.ask(connection, (_COUNT, {"which": "n"}))
        direct.run(connection, _MORE, {"which": "n"})
        return first.value, connection.scalar(_COUNT, {"which": "n"})

    assert await within(journal, do) == (2, 3)


async def test_bytes_of_any_kind_go_in_and_come_out(journal, make):
    """Zeros, quotes and separators, and an array in which something is missing."""
    one = await journal.accept(make.new())
    packed = bytes(range(256)) * 2
    row = {"appeal_id": one.appeal_id, "lookup": "l", "key": 'қ "{,}\\', "source": "s", "question_id": "q"}
    row |= {"at": make.now, "until": make.now, "head": "", "packed": packed}
    await within(journal, lambda connection: bulk.insert(connection, reply, [row, {**row, "head": "\x1f"}]))
    got = await within(journal, lambda connection: connection.execute(select(reply)).mappings().all())
    assert [{name: each[name] for name in row} for each in got] == [row, {**row, "head": "\x1f"}]


async def test_an_error_of_what_is_run_fails_its_transaction(journal, make):
    """In our words, wherever it comes; nothing of the transaction stays, and the next one is done."""

    def twice(connection):
        bulk.insert(connection, counter, [{"name": "n", "value": 1}])
        bulk.insert(connection, counter, [{"name": "n", "value": 2}])

    for _ in range(2):
        with pytest.raises(JournalError) as caught:
            await within(journal, twice)
        assert caught.value.code == "constraint"
    assert await within(journal, lambda connection: connection.scalar(_COUNT, {"which": "n"})) is None
    assert (await journal.accept(make.new())).new


async def test_statements_are_prepared_anew_where_a_table_has_changed(journal_database):
    """The driver has the database forget all that is prepared then."""

    def add(connection):
        bulk.insert(connection, counter, [{"name": "n", "value": 1}])
        direct.ask(connection, (_COUNT, {"which": "n"}))
        for text in ("CREATE TABLE gone (id INTEGER)", *["SELECT 1 FROM gone"] * 6, "DROP TABLE gone"):
            connection.exec_driver_sql(text)
        ((row,),) = direct.ask(connection, (_COUNT, {"which": "n"}))
        direct.run(connection, _MORE, {"which": "n"})
        return row.value

    async with await Journal.open(journal_database) as journal:
        assert await within(journal, add) == 1


class Waits:
    """Counts how often a journal waits for PostgreSQL."""

    def __init__(self, monkeypatch):
        self.count, wait = 0, pipeline.PipelinedConnection.wait

        def counting(*given, **more):
            self.count += 1
            return wait(*given, **more)

        monkeypatch.setattr(pipeline.PipelinedConnection, "wait", counting)

    async def of(self, *writes):
        """Return how many all together take."""
        before = self.count
        await asyncio.gather(*writes)
        return self.count - before


async def test_each_hot_write_waits_as_often_as_it_must(journal_database, make, monkeypatch):
    """Once where nothing is read; once more for each kind that reads. What is queued goes with the commit."""
    async with await Journal.open(journal_database) as journal:
        cases = [await journal.accept(make.new(name), owner="me") for name in "abc"]
        waits = Waits(monkeypatch)
        assert await waits.of(journal.do(access.Asking([make.access("n", "q1"), make.access("n", "q2")]))) == 1
        assert await waits.of(journal.do(keeping.Keep(cases[0].appeal_id, make.state(), owner="me"))) == 2
        assert await waits.of(conclude(journal, cases[1])) == 2
        assert (
            await waits.of(
                *(journal.post(keeping.Keep(cases[2].appeal_id, make.state(), owner="me")), conclude(journal, cases[2]))
            )
            == 3
        )
        assert len(await journal.ask(journal_cases.states, cases[2].receipt.number)) == 1


def conclude(journal, case):
    return journal.conclude(
        Conclusion(
            case.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.COMPLETE,
            receivers=["out"],
            due_at=None,
            owner="me",
        )
    )
