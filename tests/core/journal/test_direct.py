"""Hot writes of the journal: their errors, and how often they wait for the database."""

import asyncio

import pytest
from sqlalchemy import select

from appealbus.core.errors import JournalError
from appealbus.core.journal import access, keeping
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.drivers import bulk, pipeline
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import counter
from appealbus.schemas.dossier import Completeness

_COUNT = select(counter.c.value).where(counter.c.name == "n")


async def within(journal, do):
    """Do something in a transaction of the writer."""
    return await journal._write.submit(lambda connection, items: [do(connection)], None)


async def test_an_error_of_what_is_run_fails_its_transaction(journal, make):
    """In our words, wherever it comes; nothing of the transaction stays, and the next one is done."""

    def twice(connection):
        bulk.insert(connection, counter, [{"name": "n", "value": 1}])
        bulk.insert(connection, counter, [{"name": "n", "value": 2}])

    for _ in range(2):
        with pytest.raises(JournalError) as caught:
            await within(journal, twice)
        assert caught.value.code == "constraint"
    assert await within(journal, lambda connection: connection.scalar(_COUNT)) is None
    assert (await journal.accept(make.new())).new


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
