"""PostgreSQL as the journal's database: what is refused in which words, and what happens when it goes away."""

import asyncio
import threading
import time
from functools import partial

import psycopg
import pytest
from services.proxy import FaultProxy
from sqlalchemy import create_engine, event, make_url
from structlog.testing import capture_logs

from appealbus.core.config.types import Secret
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import bulk, postgresql, writer
from appealbus.core.journal import journal as journals
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes import accepting
from appealbus.core.journal.writes.concluding import Conclusion
from appealbus.schemas.outcome import OutcomeKind


@pytest.fixture
def url(database):
    return database


@pytest.fixture
def proxy(postgres):
    with FaultProxy(postgres.port) as between:
        yield between


@pytest.fixture
def behind(proxy, postgres, database):
    """The database's URL, through the proxy."""
    return postgres.url_at(proxy.port, make_url(database).database)


@pytest.fixture
def hasty(monkeypatch):
    """Give up sooner, so that a test need not wait."""
    monkeypatch.setattr(writer, "_PATIENCE", 0.5)


async def refused(url, password=None, **given):
    with pytest.raises((ConfigError, JournalError)) as caught:
        await Journal.open(url, password, **given)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


async def test_what_a_person_has_to_mend_is_said(url, postgres):
    """A missing database or role, a parameter that does not exist: a wrong configuration, with what to do."""
    error = await refused(postgres.url("nowhere"))
    assert isinstance(error, ConfigError)
    assert "database nowhere, role postgres: there is no such database; create it" in str(error)
    error = await refused(url.replace("postgres@", "nobody@"))
    assert isinstance(error, ConfigError)
    assert "no such role; create it" in str(error)
    assert "a parameter that does not exist" in str(await refused(f"{url}?colour=red"))
    assert "check sslmode and sslrootcert" in str(await refused(f"{url}?sslmode=require"))
    assert "write postgresql://" in str(await refused(url.replace("postgresql:", "postgresql+asyncpg:")))


async def test_a_database_that_is_away_is_unreachable(postgres, url):
    """It may come back: not the configuration's fault."""
    error = await refused("postgresql://postgres@127.0.0.1:1/x")
    assert isinstance(error, JournalError)
    assert error.code == "unreachable"
    assert "127.0.0.1:1, database x: the journal failed: the database cannot be reached" in str(error)


async def test_the_password_is_asked_for_and_never_shown(url, postgres, tmp_path):
    """A wrong one is said in words; one that was changed in its file is right at the next connection."""
    postgres.execute("CREATE ROLE locked LOGIN PASSWORD 'hunter2'")
    hba = postgres.folder / "data" / "pg_hba.conf"
    before = hba.read_text()
    database = make_url(url).database
    try:
        hba.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
        postgres.execute("SELECT pg_reload_conf()")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("GRANT CREATE ON SCHEMA public TO locked")
        theirs = url.replace("postgres@", "locked@")
        file = tmp_path / "password"
        file.write_text("hunter2x\n")
        secret = Secret(file=file)
        for given in (None, secret):
            assert "the password is wrong or missing; set bus.journal_password" in str(await refused(theirs, given))
        file.write_text("hunter2\n")
        async with await Journal.open(theirs, secret) as journal:
            await journal.counts()
            postgres.execute("ALTER ROLE locked PASSWORD 'hunter3'")
            file.write_text("hunter3\n")
            postgres.cut_off(database)
            assert (await journal.counts()).ready == 0
            await journal.access([])
    finally:
        hba.write_text(before)
        postgres.execute("SELECT pg_reload_conf()")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("DROP OWNED BY locked")
        postgres.execute("DROP ROLE locked")


async def test_a_role_without_rights_is_told_which(url, postgres):
    """It cannot make the tables: the text says whose they must be."""
    postgres.execute("CREATE ROLE poor LOGIN")
    try:
        error = await refused(url.replace("postgres@", "poor@"))
        assert isinstance(error, ConfigError)
        assert "make it the owner of the database" in str(error)
        async with await Journal.open(url):
            pass
        assert "make it the owner" in str(await refused(url.replace("postgres@", "poor@"), read_only=True))
    finally:
        postgres.execute("DROP ROLE poor")


async def test_a_missing_driver_is_named(monkeypatch):
    """The text says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    assert "pip install 'appealbus[postgres]'" in str(await refused("postgresql://u@h/d"))


async def test_no_wait_is_endless(journal):
    """The session's own limits, on both sides of the line."""

    def settings(connection, items):
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
        info = connection.connection.dbapi_connection.info.get_parameters()
        return [([connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names], info)]

    shown, line = await journal._write.submit(settings, None)
    assert shown == ["20s", "10s", "3s", "appealbus write"]
    assert {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count"} <= line.keys()
    assert line["tcp_user_timeout"] == "15000"


@pytest.mark.parametrize("kill", [False, True])
async def test_a_restart_is_waited_out(journal, make, postgres, kill):
    """What is asked while the database is away is done when it is back; nobody hears of it."""
    await journal.accept(make.new("before"))
    (postgres.kill if kill else postgres.stop)()
    waiting = asyncio.ensure_future(journal.accept(make.new("during")))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    postgres.start()
    assert (await waiting).new
    assert [row.message_id for row in await journal.appeals()] == ["before", "during"]


async def test_a_database_that_stays_away_fails_what_waits(journal, make, postgres, hasty):
    """After its patience the journal says so, at once from then on; when the database is back all works again."""
    one = await journal.accept(make.new("before"))
    postgres.stop()
    with capture_logs() as logs, pytest.raises(JournalError) as caught:
        await journal.accept(make.new("lost"))
    assert caught.value.code == "unreachable"
    assert caught.value.passes
    assert {line["event"] for line in logs} == {"journal.tried_again", "journal.group_failed"}
    began = time.monotonic()
    await journal.keep(one.appeal_id, make.state())
    with pytest.raises(JournalError):
        await journal.counts()
    results = await asyncio.gather(
        *(journal.access([make.access("n", str(at))]) for at in range(50)), return_exceptions=True
    )
    assert {result.code for result in results} == {"unreachable"}
    assert time.monotonic() - began < 20

    postgres.start()
    with pytest.raises(JournalError):
        await conclude(journal, one)  # a state of it was lost
    await conclude(journal, one)
    assert await journal.access_rows() == []
    assert not (await journal.accept(make.new("before"))).new


async def test_a_state_that_was_lost_concerns_one_run_only(journal, make, postgres, hasty):
    """Whoever was told, or begins anew from what is on disk, is not told of it once more."""
    told, anew = [await journal.accept(make.new(name), owner="me", lease_seconds=60) for name in ("told", "anew")]
    postgres.stop()
    results = await asyncio.gather(
        journal.keep(told.appeal_id, make.state(), owner="me"),
        journal.keep(anew.appeal_id, make.state(), owner="me"),
        conclude(journal, told),
        return_exceptions=True,
    )
    assert [getattr(result, "code", None) for result in results] == [None, None, "unreachable"]

    postgres.start()
    await conclude(journal, told)
    assert [case.appeal_id for case in await journal.claim("me", make.later(61), 10, 60)] == [anew.appeal_id]
    await conclude(journal, anew)


async def conclude(journal, accepted):
    from appealbus.schemas.dossier import Completeness

    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.COMPLETE,
            receivers=["out"],
            due_at=None,
        )
    )


async def test_a_cut_connection_is_made_anew(journal, make, postgres, url):
    """Sessions that the server ends are no error to anybody, neither in writes nor in reads."""
    for index in range(3):
        assert (await journal.accept(make.new(str(index)))).new
        assert postgres.cut_off(make_url(url).database) >= 1
        assert len(await journal.appeals()) == index + 1
        postgres.cut_off(make_url(url).database)


async def test_an_unheard_commit_is_told_as_such(journal, make, postgres, url):
    """Whether it is on disk is unknown; the same again finds out, and does nothing twice."""
    await journal.accept(make.new("first"))
    engine = journal._opened.writing

    def committed_and_gone(connection):
        # As if the server had committed and its answer never came.
        for statement in ("COMMIT", "BEGIN"):
            connection.connection.dbapi_connection.execute(statement)
        postgres.cut_off(make_url(url).database)

    event.listen(engine, "commit", committed_and_gone, once=True)
    with pytest.raises(OutcomeUnknown) as caught:
        await journal.accept(make.new("again"))
    assert caught.value.passes
    again = await journal.accept(make.new("again"))
    assert not again.new
    assert again.receipt.number == "AB-2026-00000002"


async def test_a_line_that_swallows_everything_is_given_up(behind, make, proxy, monkeypatch, hasty):
    """No answer within the time is a lost connection: writes and reads fail, and work again once the line does."""
    monkeypatch.setattr(postgresql, "_WAIT_SECONDS", 1.0)
    monkeypatch.setitem(postgresql.CONNECTION_SETTINGS, "connect_timeout", "2")
    async with await Journal.open(behind) as journal:
        await journal.accept(make.new("before"))
        await journal.appeals()
        proxy.blackhole()
        write = asyncio.ensure_future(journal.accept(make.new("swallowed")))
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(journal.appeals(), 30)
        assert caught.value.code == "unreachable"
        with pytest.raises(JournalError) as caught:
            await asyncio.wait_for(write, 30)
        assert caught.value.code == "unreachable"
        proxy.heal()
        await asyncio.wait_for(journal.accept(make.new("swallowed")), 30)
        assert [row.message_id for row in await journal.appeals()] == ["before", "swallowed"]


async def test_a_line_that_swallows_everything_holds_up_no_end(behind, make, proxy):
    """Who waits there is told soon after the journal is closed, writers and readers, and no thread stays."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    await journal.appeals()
    proxy.blackhole()
    waiting = [asyncio.ensure_future(each) for each in (journal.accept(make.new("swallowed")), journal.appeals())]
    await asyncio.sleep(0.5)
    began = time.monotonic()
    with capture_logs() as logs:
        await journal.close()
    assert time.monotonic() - began < 15
    assert "journal.cut_off" in {line["event"] for line in logs}
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {result.code for result in results} == {"unreachable"}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("journal-")]


async def test_what_was_waited_already_counts_at_the_end(behind, make, proxy):
    """A write that has heard nothing for longer than an end waits is called off at once."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    assert journal.silent_for == 0.0
    proxy.blackhole()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(3.5)
    assert journal.silent_for > 3.0
    began = time.monotonic()
    await journal.close()
    assert time.monotonic() - began < 2.0
    assert journal.silent_for == 0.0
    with pytest.raises(JournalError):
        await waiting


async def test_a_long_write_that_hears_of_the_database_is_not_silent(journal):
    """Only the time since its last sign counts."""

    def slow(connection, items):
        time.sleep(0.6)
        return items

    writes = [journal._write.submit(partial(slow), at) for at in range(3)]
    done = asyncio.gather(*writes)
    heard = []
    while not done.done():
        heard.append(journal.silent_for)
        await asyncio.sleep(0.05)
    assert await done == [0, 1, 2]
    assert 0.3 < max(heard) < 1.5


async def test_a_line_that_is_still_being_made_is_cut_too(behind, make, proxy, monkeypatch):
    """The end of the journal does not wait for a connection that nobody needs any more."""
    journal = await Journal.open(behind)
    await journal.accept(make.new("before"))
    proxy.blackhole("down")
    proxy.cut()
    waiting = asyncio.ensure_future(journal.accept(make.new("swallowed")))
    await asyncio.sleep(1.0)
    assert journal._writer._connection is None  # it connects
    monkeypatch.setattr(journals, "_ENDING", 1.2)
    began = time.monotonic()
    await journal.close()
    assert time.monotonic() - began < 3.0
    with pytest.raises(JournalError):
        await waiting


async def test_a_line_that_dies_in_a_transaction_soon_sets_the_others_free(behind, url, make, proxy):
    """What its end of it had locked is unlocked by the database, long before the end itself has noticed."""
    async with await Journal.open(url) as healthy:
        await healthy.accept(make.new("before"))
        journal = await Journal.open(behind)

        def dying(connection, items):
            accepting._lock_counters(connection, {"appeal"})
            proxy.blackhole()
            connection.exec_driver_sql("SELECT 1")
            return items

        dead = asyncio.ensure_future(journal._write.submit(dying, 7))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        assert (await healthy.accept(make.new("others"))).receipt.number == "AB-2026-00000002"
        assert time.monotonic() - began < 6
        await journal.close()
        with pytest.raises(JournalError):
            await dead


@pytest.mark.parametrize("where", ["before_cursor_execute", "commit"])
async def test_who_stands_still_in_a_transaction_does_it_again(url, make, monkeypatch, where):
    """The database has ended it meanwhile: nothing of it is there, so it is done once more; nobody hears of it."""
    monkeypatch.setattr(postgresql, "_WRITING_IDLE_SECONDS", 1)
    async with await Journal.open(url) as journal:
        one = await journal.accept(make.new("before"), owner="me")
        stood = []

        def stand_still(connection, *statement):
            if not stood and (where == "commit" or statement[1].startswith("UPDATE appeal")):
                stood.append(connection)
                time.sleep(2)

        event.listen(journal._opened.writing, where, stand_still)
        with capture_logs() as logs:
            await asyncio.gather(
                journal.accept(make.new("after")),
                journal.access([make.access("n")]),
                journal.keep(one.appeal_id, make.state(), owner="me"),
                conclude(journal, one),
            )
        assert stood
        assert [(line["event"], line["code"]) for line in logs] == [("journal.tried_again", "unreachable")]
        assert [row.number for row in await journal.appeals()] == ["AB-2026-00000001", "AB-2026-00000002"]
        assert len(await journal.access_rows()) == len(await journal.states(one.receipt.number)) == 1
        assert len(await journal.versions(one.receipt.number)) == 1


async def test_nobody_takes_an_appeal_over_while_a_state_of_it_is_being_written(url, make, monkeypatch):
    """Whose it is does not change between the look and the write, however long the owner stands there."""
    looked, go_on = threading.Event(), threading.Event()
    upsert = bulk.upsert

    def stand_still(connection, table, rows):
        if table.name == "lookup" and not looked.is_set():
            looked.set()
            assert go_on.wait(2)
        upsert(connection, table, rows)

    async with await Journal.open(url) as old, await Journal.open(url) as new:
        accepted = await old.accept(make.new(), owner="old", lease_seconds=60)
        monkeypatch.setattr(bulk, "upsert", stand_still)
        await old.keep(accepted.appeal_id, make.state(kind=OutcomeKind.TIMED_OUT), owner="old")
        assert await asyncio.to_thread(looked.wait, 10)
        assert await new.claim("new", make.later(61), 10, 60) == []
        go_on.set()
        await old.access([make.access("n")])
        (case,) = await new.claim("new", make.later(61), 10, 60)
        assert [state.kind for state in case.states] == [OutcomeKind.TIMED_OUT]


async def test_leases_are_renewed_in_the_order_in_which_others_lock(journal, make, url):
    """A renewal that waits for the first appeal holds none of the later ones."""
    for name in ("a", "b"):
        await journal.accept(make.new(name), owner="me")
    with psycopg.connect(url) as other:
        other.execute("UPDATE appeal SET changed_at = changed_at + 1 WHERE id = 1")  # now it lies behind the second
        other.commit()
        other.execute("SELECT 1 FROM appeal WHERE id = 1 FOR UPDATE")
        renewal = asyncio.ensure_future(journal.renew("me", [1, 2], make.now, 60))
        await asyncio.sleep(0.5)
        assert not renewal.done()
        other.execute("SELECT 1 FROM appeal WHERE id = 2 FOR UPDATE NOWAIT")
    assert await renewal == {1, 2}


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
        assert await asyncio.wait_for(journal._write.submit(crossing, 7), 30) == 7
    engine.dispose()
    assert len(tries) == 2


async def test_many_workers_accept_side_by_side(url, make):
    """Numbers stay consecutive and unique, also from the first one on; the same message by two is one appeal."""
    journals = await asyncio.gather(*(Journal.open(url) for _ in range(4)))
    with capture_logs() as logs:
        messages = [(at, journals[(at + copy) % 4]) for at in range(200) for copy in (0, 1)]
        accepted = await asyncio.gather(*(one.accept(make.new(f"m{at}")) for at, one in messages))
    assert [line for line in logs if line["event"] == "journal.group_failed"] == []
    assert sum(one.new for one in accepted) == 200
    assert {one.receipt.number for one in accepted} == {f"AB-2026-{at:08d}" for at in range(1, 201)}

    claimed = await asyncio.gather(*(one.claim(str(at), make.now, 80, 60) for at, one in enumerate(journals)))
    ids = [case.appeal_id for cases in claimed for case in cases]
    assert len(ids) == len(set(ids)) == 200
    for one in journals:
        await one.close()
