"""PostgreSQL as the journal's database: what is refused in which words, and what happens when it goes away."""

import asyncio
import time

import psycopg
import pytest
from sqlalchemy import event, make_url
from structlog.testing import capture_logs

from appealbus.core.config.types import Secret
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.journal import access, documents, figures, keeping, writer
from appealbus.core.journal.appeals import claiming, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.errors import OutcomeUnknown
from appealbus.core.journal.journal import Journal


@pytest.fixture
def url(journal_database):
    return journal_database


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


@pytest.mark.proof
async def test_the_password_is_asked_for_and_never_shown(database, postgres, tmp_path):
    """A wrong one is said in words; one that was changed in its file is right at the next connection."""
    postgres.execute("CREATE ROLE locked LOGIN PASSWORD 'hunter2'")
    hba = postgres.folder / "data" / "pg_hba.conf"
    before = hba.read_text()
    try:
        hba.write_text(f"host all locked 127.0.0.1/32 scram-sha-256\n{before}")
        postgres.execute("SELECT pg_reload_conf()")
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("GRANT CREATE ON SCHEMA public TO locked")
        theirs = database.replace("postgres@", "locked@")
        file = tmp_path / "password"
        file.write_text("hunter2x\n")
        secret = Secret(file=file)
        for given in (None, secret):
            assert "the password is wrong or missing; set bus.journal_password" in str(await refused(theirs, given))
        file.write_text("hunter2\n")
        async with await Journal.open(theirs, secret) as journal:
            await journal.ask(figures.counts)
            postgres.execute("ALTER ROLE locked PASSWORD 'hunter3'")
            file.write_text("hunter3\n")
            postgres.cut_off(make_url(database).database)
            assert (await journal.ask(figures.counts)).ready == 0
            await journal.do(access.Asking([]))
    finally:
        hba.write_text(before)
        postgres.execute("SELECT pg_reload_conf()")
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("DROP OWNED BY locked")
        postgres.execute("DROP ROLE locked")


@pytest.mark.proof
async def test_a_role_without_rights_is_told_which(database, postgres):
    """It cannot make the tables: the text says whose they must be."""
    postgres.execute("CREATE ROLE poor LOGIN")
    try:
        error = await refused(database.replace("postgres@", "poor@"))
        assert isinstance(error, ConfigError)
        assert "make it the owner of the database" in str(error)
        async with await Journal.open(database):
            pass
        assert "make it the owner" in str(await refused(database.replace("postgres@", "poor@"), read_only=True))
    finally:
        postgres.execute("DROP ROLE poor")


async def test_a_missing_driver_is_named(monkeypatch):
    """The text says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    assert "pip install '.[postgres]'" in str(await refused("postgresql://u@h/d"))


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
    assert [row.message_id for row in await journal.ask(lists.appeals)] == ["before", "during"]


@pytest.mark.proof
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
    await journal.post(keeping.Keep(one.appeal_id, make.state()))
    with pytest.raises(JournalError):
        await journal.ask(figures.counts)
    results = await asyncio.gather(
        *(journal.do(access.Asking([make.access("n", str(at))])) for at in range(50)), return_exceptions=True
    )
    assert {result.code for result in results} == {"unreachable"}
    assert time.monotonic() - began < 20

    postgres.start()
    with pytest.raises(JournalError):
        await conclude(journal, one)  # a state of it was lost
    await conclude(journal, one)
    assert await journal.ask(access.access_rows) == []
    assert not (await journal.accept(make.new("before"))).new


@pytest.mark.proof
async def test_a_state_that_was_lost_concerns_one_run_only(journal, make, postgres, hasty):
    """Whoever was told, or begins anew from what is on disk, is not told of it once more."""
    told, anew = [await journal.accept(make.new(name), owner="me", lease_seconds=60) for name in ("told", "anew")]
    postgres.stop()
    results = await asyncio.gather(
        journal.post(keeping.Keep(told.appeal_id, make.state(), owner="me")),
        journal.post(keeping.Keep(anew.appeal_id, make.state(), owner="me")),
        conclude(journal, told),
        return_exceptions=True,
    )
    assert [getattr(result, "code", None) for result in results] == [None, None, "unreachable"]

    postgres.start()
    await conclude(journal, told)
    assert [case.appeal_id for case in await claiming.claim(journal, claiming.Claim("me", make.later(61), 10, 60))] == [
        anew.appeal_id
    ]
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
        assert len(await journal.ask(lists.appeals)) == index + 1
        postgres.cut_off(make_url(url).database)
        assert await journal.ask(documents.whole, "none") is None  # of what goes past SQLAlchemy, too
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


async def test_texts_are_in_utf8_whatever_the_environment_says(journal_database, make, monkeypatch):
    """What is sent straight through the driver, and what SQLAlchemy reads of it."""
    monkeypatch.setenv("PGCLIENTENCODING", "WIN1251")
    async with await Journal.open(journal_database) as journal:
        await journal.accept(make.new("Өтініш"))
        assert [row.message_id for row in await journal.ask(lists.appeals)] == ["Өтініш"]
