"""Several workers on one PostgreSQL journal: who waits for whom, and who does it again."""

import asyncio
import threading
import time
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import create_engine, event
from structlog.testing import capture_logs

from appealbus.core.journal import access, keeping, postgresql
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import claiming, leases, lists, numbering
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.drivers import bulk, encoding
from appealbus.core.journal.drivers.direct import postgresql_driver
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from tests.services.processes import PATIENCE


@pytest.fixture
def url(journal_database):
    return journal_database


@pytest.mark.proof
@pytest.mark.parametrize("where", ["update", "commit"])
async def test_who_stands_still_in_a_transaction_does_it_again(url, make, monkeypatch, where):
    """The database has ended it meanwhile: nothing of it is there, so it is done once more; nobody hears of it."""
    monkeypatch.setattr(postgresql, "_WRITING_IDLE_SECONDS", 1)
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new("before"), owner="me")
        stood = []
        update = bulk.update

        def stand_still(*given):
            if not stood:
                stood.append(given)
                time.sleep(2)

        def update_later(*given):
            stand_still()
            update(*given)

        if where == "update":
            monkeypatch.setattr(bulk, "update", update_later)
        else:
            event.listen(journal._opened.writing, "commit", stand_still)
        with capture_logs() as logs:
            await asyncio.gather(
                journal.accept(make.new("after")),
                journal.do(access.Asking([make.access("n")])),
                journal.post(keeping.Keep(one.appeal_id, make.state(), owner="me")),
                journal.conclude(
                    Conclusion(
                        one.appeal_id,
                        dossier=b"{}",
                        version=1,
                        completeness=Completeness.COMPLETE,
                        receivers=["out"],
                        due_at=None,
                    )
                ),
            )
        assert stood
        assert [(line["event"], line["code"]) for line in logs] == [("journal.tried_again", "unreachable")]
        assert [row.number for row in await journal.ask(lists.appeals)] == ["AB-2026-00000001", "AB-2026-00000002"]
        assert (
            len(await journal.ask(access.access_rows))
            == len(await journal.ask(journal_cases.states, one.receipt.number))
            == 1
        )
        assert len(await journal.ask(lists.versions, one.receipt.number)) == 1


async def test_nobody_takes_an_appeal_over_while_a_state_of_it_is_being_written(url, make, monkeypatch):
    """Whose it is does not change between the look and the write, however long the owner stands there."""
    looked, go_on = threading.Event(), threading.Event()
    upsert = bulk.upsert

    def stand_still(connection, table, rows):
        if table.name == "lookup" and not looked.is_set():
            looked.set()
            assert go_on.wait(PATIENCE)
        upsert(connection, table, rows)

    monkeypatch.setattr(postgresql, "_WRITING_IDLE_SECONDS", round(PATIENCE))
    async with await Journal.open(url) as old, await Journal.open(url) as new:
        accepted = await old.accept(make.new(), owner="old", lease_seconds=60)
        monkeypatch.setattr(bulk, "upsert", stand_still)
        await old.post(keeping.Keep(accepted.appeal_id, make.state(kind=OutcomeKind.TIMED_OUT), owner="old"))
        assert await asyncio.to_thread(looked.wait, 10)
        assert await claiming.claim(new, claiming.Claim("new", make.later(61), 10, 60)) == []
        go_on.set()
        await old.do(access.Asking([make.access("n")]))
        (case,) = await claiming.claim(new, claiming.Claim("new", make.later(61), 10, 60))
        assert [state.kind for state in case.states] == [OutcomeKind.TIMED_OUT]


async def test_leases_are_renewed_in_the_order_in_which_others_lock(journal, make, url):
    """A renewal that waits for the first appeal holds none of the later ones."""
    for name in ("a", "b"):
        await journal.accept(make.new(name), owner="me")
    with psycopg.connect(url) as other:
        other.execute("UPDATE appeal SET changed_at = changed_at + 1 WHERE id = 1")  # now it lies behind the second
        other.commit()
        other.execute("SELECT 1 FROM appeal WHERE id = 1 FOR UPDATE")
        renewal = asyncio.ensure_future(journal.do(leases.Renewal("me", [1, 2], make.now, 60)))
        await asyncio.sleep(0.5)
        assert not renewal.done()
        other.execute("SELECT 1 FROM appeal WHERE id = 2 FOR UPDATE NOWAIT")
    assert await renewal == {1, 2}


@pytest.mark.proof
async def test_a_deadlock_is_tried_again(journal, make, url):
    """The database ends one of two that wait for each other; that one is done once more."""
    first, second = [(await journal.accept(make.new(name))).appeal_id for name in ("a", "b")]
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    touch = "UPDATE appeal SET changed_at = changed_at + 1 WHERE id = {}"
    tries = []

    with engine.connect() as other:
        other.exec_driver_sql("SET deadlock_timeout = '20s'")  # so that it is the journal which is ended
        other.exec_driver_sql(touch.format(second))

        def crossing(connection, items):
            tries.append(connection)
            connection.exec_driver_sql(touch.format(first))
            if len(tries) == 1:
                waits = asyncio.run_coroutine_threadsafe(
                    asyncio.to_thread(other.exec_driver_sql, touch.format(first)), loop
                )
                waits.add_done_callback(lambda _: other.commit())
            connection.exec_driver_sql(touch.format(second))
            return items

        loop = asyncio.get_running_loop()
        assert await asyncio.wait_for(journal._write.submit(crossing, 7), PATIENCE) == 7
    engine.dispose()
    assert len(tries) == 2


@pytest.mark.proof
async def test_many_workers_accept_side_by_side(url, make):
    """Numbers stay consecutive and unique, also from the first one on; the same message by two is one appeal."""
    journals = await asyncio.gather(*(Journal.open(url) for _ in range(4)))
    with capture_logs() as logs:
        messages = [(at, journals[(at + copy) % 4]) for at in range(200) for copy in (0, 1)]
        accepted = await asyncio.gather(*(one.accept(make.new(f"m{at}")) for at, one in messages))
    assert [line for line in logs if line["event"] == "journal.group_failed"] == []
    assert sum(one.new for one in accepted) == 200
    assert {one.receipt.number for one in accepted} == {f"AB-2026-{at:08d}" for at in range(1, 201)}

    claimed = await asyncio.gather(
        *(claiming.claim(one, claiming.Claim(str(at), make.now, 80, 60)) for at, one in enumerate(journals))
    )
    ids = [case.appeal_id for cases in claimed for case in cases]
    assert len(ids) == len(set(ids)) == 200
    for one in journals:
        await one.close()


async def test_who_accepts_waits_for_the_database_twice(url, make):
    """For all that it has to know, and for all that it writes with the commit: others wait meanwhile."""
    async with await Journal.open(url) as journal:
        await journal.accept(make.new("before"))
        line = journal._writer._connection.connection.dbapi_connection
        waits, wait = [], line.wait

        def waiting(*given):
            waits.append(given)
            return wait(*given)

        line.wait = waiting
        new = [make.new(f"m{at}", number=None if at % 3 else f"N-{at}") for at in range(60)]
        await asyncio.gather(*(journal.accept(each, owner="me") for each in new))
        assert len(waits) == 2


@pytest.mark.proof
@pytest.mark.parametrize("size", [1, 1_000_000])
async def test_who_stands_still_while_it_sends_holds_up_nobody(url, make, monkeypatch, size):
    """However much that is: what has left is followed by a Sync."""
    monkeypatch.setattr(postgresql, "_WRITING_IDLE_SECONDS", 1)
    stands, go_on = threading.Event(), threading.Event()

    class Standing(encoding.Command):
        @property
        def formats(self):
            stands.set()
            assert go_on.wait(20)
            return ()

    def add(connection, items):
        numbering.Numbers.locked(connection, [], ["appeal"])
        for _ in range(2):
            postgresql_driver(connection).queue(encoding.command(b"SELECT $1::text", [encoding.one("x" * size)]))
        postgresql_driver(connection).queue(Standing(b"SELECT 1"))
        return items

    async with await Journal.open(url) as journal, await Journal.open(url) as other:
        await journal.accept(make.new("before"))
        adding = asyncio.ensure_future(journal._write.submit(add, 7))
        assert await asyncio.to_thread(stands.wait, 10)
        assert (await asyncio.wait_for(other.accept(make.new("others")), PATIENCE)).receipt.number == "AB-2026-00000002"
        go_on.set()
        with suppress(OutcomeUnknown):  # the line may be gone before it is read what the database has said of it
            assert await adding == 7
