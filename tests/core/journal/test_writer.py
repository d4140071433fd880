"""The writer: groups, failures inside a group, back-pressure, a disk that is full."""

import asyncio
import sqlite3

import pytest
from structlog.testing import capture_logs

from appealbus.core.errors import JournalError
from appealbus.core.journal import access, keeping, quarantine
from appealbus.core.journal import writer as writing
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.lock import FileLock
from appealbus.schemas.dossier import Completeness
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE


@pytest.fixture
def url(tmp_path):
    """SQLite alone: these are about the writer, not about the database."""
    return sqlite_journal(tmp_path / "journal.db")


async def submit(journal, run, item=None):
    return await journal._write.submit(run, item)


async def test_what_waits_goes_into_few_transactions(journal, make):
    """A hundred appeals that come together take a handful of statements of each kind, not a hundred."""
    groups = []

    def counting(connection, items):
        groups.append(len(items))
        return items

    assert await asyncio.gather(*(submit(journal, counting, index) for index in range(1200))) == list(range(1200))
    assert sum(groups) == 1200
    assert len(groups) < 20
    assert max(groups) <= writing._GROUP


async def test_what_is_submitted_in_one_turn_is_one_transaction(journal):
    """However the thread and the loop take turns, it never sees a part of what came together."""
    groups = []

    def counting(connection, items):
        groups.append(len(items))
        return items

    for _ in range(20):
        await asyncio.gather(*(submit(journal, counting, index) for index in range(20)))
    assert groups == [20] * 20


async def test_what_is_posted_shares_the_next_transaction(journal, monkeypatch):
    """It waits for a submit, and goes before it, in the order in which all of them came."""
    monkeypatch.setattr(writing, "_SHARES", 3600.0)
    groups = []

    def counting(connection, items):
        groups.append(list(items))
        return items

    for index in range(3):
        await journal._write.post(counting, index, about=1)
    await asyncio.sleep(0.05)
    assert groups == []
    assert journal.waiting_writes == 3
    await submit(journal, counting, 3)
    assert groups == [[0, 1, 2, 3]]
    assert journal.waiting_writes == 0


async def test_what_is_posted_is_written_though_nothing_follows(journal, make):
    """Some milliseconds later it is on disk by itself, all of it in one transaction."""
    groups, written = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def counting(connection, items):
        groups.append(list(items))
        loop.call_soon_threadsafe(written.set)
        return items

    for index in range(3):
        await journal._write.post(counting, index, about=1)
    async with asyncio.timeout(PATIENCE):
        await written.wait()
    assert groups == [[0, 1, 2]]


async def test_a_commit_reaches_the_disk(journal):
    """The settings that make a receipt outlive a power cut: the log is synced at every commit."""

    def settings(connection, items):
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [[connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]]

    assert await submit(journal, settings) == ["wal", 2, 1]


async def test_a_bad_write_fails_alone(journal, make):
    """Its group is rolled back and done again one by one: the others are on disk, the bad one leaves nothing."""
    rows = [[make.access("N", f"q{index}")] for index in range(20)]
    rows[7] = [make.access("N", "q7"), make.access(None, "broken")]
    results = await asyncio.gather(*(journal.do(access.Asking(row)) for row in rows), return_exceptions=True)

    assert [index for index, result in enumerate(results) if result is not None] == [7]
    assert results[7].code == "constraint"
    questions = {row.question_id for row in await journal.ask(access.access_rows)}
    assert questions == {f"q{index}" for index in range(20)} - {"q7"}


async def test_a_defect_in_a_write_is_an_error_and_not_the_end(journal, make):
    """A write that raises what nobody expected fails; the writer lives on. The text quotes nothing."""

    def defect(connection, items):
        raise ZeroDivisionError("120101500013")

    with pytest.raises(JournalError, match="ZeroDivisionError") as caught:
        await submit(journal, defect)
    assert "120101500013" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert (await journal.accept(make.new())).new


async def test_a_defect_in_a_write_is_told_with_its_place(journal):
    """Of each kind of write once: which one it is, and where it happened; what fails for known reasons is no defect."""

    def one(connection, items):
        raise ZeroDivisionError("120101500013")

    def two(connection, items):
        raise TypeError("120101500013")

    with capture_logs() as logs:
        for run in (one, two, one):
            with pytest.raises(JournalError):
                await asyncio.gather(*(submit(journal, run) for _ in range(5)))
        with pytest.raises(JournalError):
            await journal.conclude(
                Conclusion(9, dossier=b"", version=1, completeness=Completeness.COMPLETE, receivers=[], due_at=None)
            )
    told = [line for line in logs if line["event"] == "journal.write_raised"]
    assert [(line["operation"], line["log_level"]) for line in told] == [("one", "error"), ("two", "error")]
    assert all(line["exc_info"] for line in told)


async def test_errors_quote_nothing_of_what_was_written(journal, make):
    """Neither the text nor what hangs on the error carries personal data."""
    with pytest.raises(JournalError) as caught:
        await journal.do(access.Asking([make.access(None)]))
    seen, error = "", caught.value
    while error is not None:
        seen, error = seen + repr(error), error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert "120101500013" not in seen


async def test_a_full_disk_acknowledges_nothing(journal, make):
    """Everything that waits fails with a clear code; once there is room again, all works."""

    def pages(connection, items):
        used = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={used + items[0]}")
        return items

    before = await journal.accept(make.new("before"))
    await submit(journal, pages, 0)
    big = [make.quarantine(bytes(100_000)) for _ in range(5)]
    results = await asyncio.gather(*(journal.do(one) for one in big), return_exceptions=True)
    assert {result.code for result in results} == {"disk_full"}
    await journal.post(keeping.Keep(before.appeal_id, make.state(key="k" * 20_000)))
    with pytest.raises(JournalError, match="disk is full"):
        await journal.conclude(
            Conclusion(
                before.appeal_id, dossier=b"", version=1, completeness=Completeness.COMPLETE, receivers=[], due_at=None
            )
        )

    await submit(journal, pages, 1000)
    assert await journal.ask(quarantine.quarantined) == []
    assert await journal.do(big[0]) == 1
    assert (await journal.accept(make.new("after"))).receipt.number == "AB-2026-00000002"


async def test_a_commit_that_fails_is_the_last_of_its_kind_only(tmp_path, make, monkeypatch):
    """The disk fails in the midst of a commit: the write fails, nothing of it is there, and the next one is done."""
    original = sqlite3.Connection.commit
    failing = False

    class Connection(sqlite3.Connection):
        def commit(self):
            if failing:
                raise sqlite3.OperationalError("disk I/O error")
            original(self)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, **more, factory=Connection))
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        failing = True
        with pytest.raises(JournalError):
            await journal.accept(make.new("a"))
        failing = False
        accepted = await journal.accept(make.new("a"))
        assert accepted.new
        assert [row.message_id for row in await journal.ask(lists.appeals)] == ["a"]


async def test_a_full_queue_makes_writers_wait(journal, make):
    """However many write and however slow the disk, only so many writes are in memory; none is lost."""
    gate, queued = writing.threading.Event(), []

    def slow(connection, items):
        gate.wait(10)
        return items

    first = asyncio.ensure_future(submit(journal, slow))

    async def post(index):
        await journal._write.post(access.write, access.Asking([make.access("N", f"q{index}")], "bus"), about=1)
        queued.append(index)

    many = asyncio.gather(*(post(index) for index in range(writing._QUEUE + 500)))
    await asyncio.sleep(0.1)
    assert len(queued) == writing._QUEUE - 1
    gate.set()
    await asyncio.gather(first, many)
    await submit(journal, lambda connection, items: items)
    assert len(await journal.ask(access.access_rows, limit=10**6)) == writing._QUEUE + 500


async def test_closing_writes_what_is_queued(url, make):
    """States that were queued and never awaited are on disk after close."""
    async with await Journal.open(url) as journal:
        accepted = await journal.accept(make.new())
        for index in range(700):
            await journal.post(keeping.Keep(accepted.appeal_id, make.state(key=str(index))))
    async with await Journal.open(url) as journal:
        assert len(await journal.ask(cases.states, accepted.receipt.number)) == 700


async def test_a_cancelled_writer_does_not_disturb_its_group(journal, make):
    """Who stops waiting gets no answer; the write is done all the same and the others hear of theirs."""
    impatient = asyncio.ensure_future(journal.accept(make.new("a")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await journal.accept(make.new("b"))).new
    assert not (await journal.accept(make.new("a"))).new


async def test_a_lock_that_is_never_free_is_an_error(journal, make, tmp_path):
    """Another process that holds the write lock makes writes fail with a clear text, not hang; reads go on."""
    other = FileLock(tmp_path / "journal.db.lock")
    journal._opened.lock._timeout = 0.05
    with other:
        with pytest.raises(JournalError, match="write lock") as caught:
            await journal.accept(make.new())
        assert await journal.ask(lists.appeals) == []
    assert caught.value.code == "locked"
    assert (await journal.accept(make.new())).receipt.number == "AB-2026-00000001"
    other.close()
