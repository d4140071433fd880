"""What a plugin of a third party keeps in the journal, on every database."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import JSON, BigInteger, Column, MetaData, String, Table, inspect, text

from appealbus.core.bus.duties import filling
from appealbus.core.bus.duties.filling import fill_next
from appealbus.core.domain.document import FormDocument, appeal_document
from appealbus.core.errors import ConfigError
from appealbus.core.journal import part_rows, parts, retention
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.part_rows import Kept
from appealbus.core.journal.view import PublicJournal
from appealbus.schemas.dossier import Completeness
from tests.core.journal.acme import Bad, Capitals, Hangs, Raises, Words
from tests.core.journal.acme import make as make_tables
from tests.core.journal.test_filling import key_of
from tests.services.journals import engine_of

ROOT = Path(__file__).parents[3]


async def opened(url, *parts, keeps=True):
    journal = await Journal.open(url, parts=parts)
    journal.keeper.parts = parts if keeps else ()
    return journal


def read(connection, table):
    return [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))]


async def rows(journal):
    view = PublicJournal(journal)
    return await view.ask(read, "acme_length"), await view.ask(read, "acme_word")


async def conclude(journal, appeal_id, **given):
    given = {"dossier": b"{}", "version": 1, "completeness": Completeness.COMPLETE, **given}
    await journal.conclude(Conclusion(appeal_id, **given))


async def test_rows_come_with_the_form_and_go_with_the_appeal(url, make):
    """Those of a former form go as the next one comes, though its plugin is not loaded; nobody keeps any then."""
    async with await opened(url, Words()) as journal:
        one, two = [await journal.accept(make.new(name, text=said)) for name, said in (("1", "ab cd"), ("2", "ef"))]
        assert await rows(journal) == ([(1, 5), (2, 2)], [(1, "ab"), (1, "cd"), (2, "ef")])
        form = make.new("1", text="new").appeal
        await conclude(journal, one.appeal_id, form=FormDocument(form, appeal_document(form)))
        assert await rows(journal) == ([(1, 3), (2, 2)], [(1, "new"), (2, "ef")])
    async with await Journal.open(url) as journal:
        form = make.new("2", text="gone").appeal
        await conclude(journal, two.appeal_id, form=FormDocument(form, appeal_document(form)))
        assert await rows(journal) == ([(1, 3)], [(1, "new")])
        assert (await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1))))["appeals"] == 2
        assert await rows(journal) == ([], [])


async def test_appeals_of_before_get_their_rows_later(url, make):
    """Once, and a damaged one as if it said nothing; whose plugin raises keeps nothing, and is accepted."""
    async with await opened(url) as journal:
        await journal.accept(make.new("1", text="ab"))
    async with await opened(url, Raises()) as journal:
        for name, said in (("2", "cd"), ("3", "other"), ("4", "none")):
            assert (await journal.accept(make.new(name, text=said))).new
    part = Words()
    async with await opened(url, part) as journal:
        assert await rows(journal) == ([], [])
        filled = await fill_next(journal, part, 0)
        assert (len(filled.rows), filled.upto) == (4, 4)
        lengths, words = await rows(journal)
        assert lengths == [(1, 2), (2, 2), (3, 5), (4, 4)]
        assert words == [(1, "ab"), (2, "cd"), (3, "other"), (4, "none")]
        assert (await fill_next(journal, part, 0)).rows == []
        assert await fill_next(journal, part, 4) is None


_KILLED = """
import asyncio, pathlib, sys
sys.path.insert(0, sys.argv[3])
from appealbus.core.journal.journal import Journal
from tests.core.journal.acme import Capitals
asyncio.run(Journal.open(sys.argv[1], key=pathlib.Path(sys.argv[2]), parts=[Capitals()], ends_workers=True))
"""


def killed(url, passes):
    environment = {**os.environ, "APPEALBUS_FAILPOINT": f"journal.part_migrated:{passes}"}
    line = [sys.executable, "-c", _KILLED, url, str(key_of(url)), str(ROOT)]
    return subprocess.run(line, env=environment, check=False, timeout=60).returncode


@pytest.mark.proof
async def test_a_second_migration_is_done_whole_or_not_at_all(url, make):
    """Whoever is killed in it leaves the first version as it was, and the next one brings it to the second."""
    assert await asyncio.to_thread(killed, url, 1) == -signal.SIGKILL
    async with await opened(url, Words()) as journal:
        await journal.accept(make.new("1", text="Ab"))
    assert await asyncio.to_thread(killed, url, 1) == -signal.SIGKILL
    engine = engine_of(url)
    with engine.connect() as connection:
        assert read(connection, "acme_length") == [(1, 2)]
        assert read(connection, "journal_part") == [("acme", 1, "acme_length acme_word")]
    engine.dispose()
    async with await opened(url, Capitals()) as journal:
        await journal.accept(make.new("2", text="Cd EF"))
        assert (await rows(journal))[0] == [(1, 2, -1), (2, 5, 3)]
    with pytest.raises(ConfigError, match="newer plugin wrote the part acme"):
        await opened(url, Words())


@pytest.mark.parametrize(
    "given",
    [
        {"acme_length": [{"characters": "five"}]},
        {"acme_length": [{"characters": 1 << 40}]},
        {"acme_length": [{"characters": True}]},
        {"acme_word": [{"word": None}]},
        {"acme_word": [{"word": "a\0b"}]},
        {"acme_word": [{"word": "\ud800"}]},
        {"acme_word": [{"word": str(at)} for at in range(200_000)]},
        {"acme_word": [{"word": "x" * (4 << 20)}]},
        {"acme_wrod": [{"word": "x"}]},
        {"acme_word": 5},
    ],
    ids=["text", "large", "bool", "null", "nul", "surrogate", "rows", "size", "table", "number"],
)
async def test_bad_rows_cost_nothing_but_themselves(url, make, given):
    """The appeal is accepted, others with it keep theirs, and the defect is counted."""
    async with await opened(url, Bad(given)) as journal:
        texts = {"1": "good", "2": "bad", "3": "fine"}
        await asyncio.gather(*(journal.accept(make.new(name, text=said)) for name, said in texts.items()))
        lengths, words = await rows(journal)
        assert ([row[1] for row in lengths], sorted(row[1] for row in words)) == ([4, 4], ["fine", "good"])
        assert journal.keeper.defects["journal_part.acme"] == 1


def refuse(url):
    """Have the database refuse a word, as a bound that no type tells."""
    engine = engine_of(url)
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            raising = "WHEN NEW.word = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END"
            connection.execute(text(f"CREATE TRIGGER acme_no BEFORE INSERT ON acme_word {raising}"))
        else:
            connection.execute(text("ALTER TABLE acme_word ADD CHECK (word <> 'bad')"))
    engine.dispose()


async def test_rows_that_only_the_database_refuses(url, make):
    """Their appeal is accepted, formed anew and filled without them; what shares its transaction keeps its own."""
    async with await opened(url, keeps=False) as journal:
        for name, said in (("1", "bad"), ("2", "old")):
            await journal.accept(make.new(name, text=said))
    part = Words()
    async with await opened(url, part) as journal:
        refuse(url)
        texts = {"3": "good", "4": "bad", "5": "fine"}
        done = await asyncio.gather(*(journal.accept(make.new(name, text=said)) for name, said in texts.items()))
        assert all(one.new for one in done)
        form = make.new("3", text="very bad").appeal
        await conclude(journal, done[0].appeal_id, form=FormDocument(form, appeal_document(form)))
        assert [row[1] for row in (await rows(journal))[1]] == ["fine"]
        assert journal.keeper.defects["journal_part.acme"] == 2
        filled = await fill_next(journal, part, 0)
        assert (len(filled.rows), filled.upto) == (4, 5)
        assert sorted(row[1] for row in (await rows(journal))[1]) == ["fine", "old"]


async def test_a_row_that_is_too_large_for_an_index(url, make):
    """A letter with one word of nine thousand characters is accepted; PostgreSQL indexes none of that size."""
    async with await opened(url, Words()) as journal:
        word = "".join(map(chr, range(0x4E00, 0x4E00 + 9000)))
        assert (await journal.accept(make.new("1", text=word))).new
        assert [row[0] for row in (await rows(journal))[1]] == ([1] if url.startswith("sqlite") else [])


async def test_a_part_that_hangs(url, make):
    """It holds up one appeal for half a second, in a thread for a while, and is left out for some time then."""
    async with await opened(url, Hangs()) as journal:
        began = time.monotonic()
        for name in ("1", "2", "3"):
            assert (await journal.accept(make.new(name, text="x"))).new
        assert time.monotonic() - began < 2.0
        assert journal.keeper.defects["journal_part.acme"] == 1


async def test_a_part_that_hangs_in_a_thread(url, make, monkeypatch):
    """Nobody waits for it a second time, and it fills nothing meanwhile."""
    monkeypatch.setattr(part_rows, "_PATIENCE", 0.2)
    monkeypatch.setattr(filling, "_PATIENCE", 0.2)
    async with await opened(url, keeps=False) as journal:
        part = Hangs()
        await journal.accept(make.new("0", text="x"))
    async with await opened(url, part) as journal:
        began = time.monotonic()
        for name in ("1", "2"):
            assert (await journal.accept(make.new(name, text="x" * 20_000))).new
        assert await fill_next(journal, part, 0) is None
        assert time.monotonic() - began < 2.0
        assert not journal.keeper.is_ready(part)


def fails(connection):
    connection.execute(text("CREATE TABLE acme_third (appeal_id BIGINT)"))
    raise KeyError("three")


def named(name, *columns):
    return Table(name, MetaData(), Column("appeal_id", BigInteger, primary_key=True), *columns)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ((named("appeal"),), "the journal's or another part's"),
        ((named("log_entry"),), "the journal's or another part's"),
        ((named("acme_word"),), "the journal's or another part's"),
        ((named("two words"),), "no word of a-z"),
        ((named("beta", Column("said", String(20))),), "type of beta.said"),
        ((named("beta", Column("said", JSON)),), "type of beta.said"),
    ],
)
async def test_a_part_with_tables_that_it_must_not_have(url, tables, told):
    """The journal is not opened, and has what it had."""
    async with await opened(url, Words()):
        pass
    part = Words()
    part.name, part.tables, part.migrations = "beta", tables, (lambda connection: None,)
    with pytest.raises(ConfigError, match=told):
        await opened(url, Words(), part)


async def test_a_migration_that_raises_changes_nothing(url, make):
    """Who opens the journal is told which part it is; without the second version it goes on."""
    async with await opened(url, Words()) as journal:
        await journal.accept(make.new("1", text="ab"))
    part = Words()
    part.migrations = (make_tables, fails)
    with pytest.raises(ConfigError, match="migration of the part acme raised KeyError"):
        await opened(url, part)
    async with await opened(url, Words()) as journal:
        assert await rows(journal) == ([(1, 2)], [(1, "ab")])
        part.migrations = (make_tables,)
    engine = engine_of(url)
    assert "acme_third" not in inspect(engine).get_table_names()
    engine.dispose()


async def test_tables_that_somebody_has_dropped(url, make):
    """A plugin is gone, and its tables: appeals are formed anew and pruned; and where it comes back it begins anew."""
    async with await opened(url, Words()) as journal:
        await journal.accept(make.new("1", text="ab"))
    engine = engine_of(url)
    with engine.begin() as connection:
        for name in ("acme_word", "acme_length"):
            connection.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
    async with await Journal.open(url) as journal:
        form = make.new("1", text="new").appeal
        await conclude(journal, 1, form=FormDocument(form, appeal_document(form)))
    part = Words()
    async with await opened(url, part) as journal:
        assert len((await fill_next(journal, part, 0)).rows) == 1
        assert await rows(journal) == ([(1, 3)], [(1, "new")])
        await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1)))
        assert await rows(journal) == ([], [])


async def test_what_changes_while_it_is_filled_gets_no_rows_of_before(url, make):
    """One is pruned and one formed anew between the question and the write: neither has rows of its former form."""
    async with await opened(url, keeps=False) as journal:
        for name in ("1", "2"):
            await journal.accept(make.new(name, text="old"))
    part = Words()
    async with await opened(url, part, keeps=False) as journal:
        found = await journal.ask(parts.lacking, part, 0)
        made = [
            (appeal_id, digest, Kept(part_rows._rows(part, its, journal.key))) for appeal_id, digest, its in found.rows
        ]
        form = make.new("1", text="new").appeal
        await conclude(journal, 1, form=FormDocument(form, appeal_document(form)))
        await journal.do(parts.Fill(part, made))
        assert await rows(journal) == ([(2, 3)], [(2, "old")])
        await conclude(journal, 2)
        assert (await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1))))["appeals"] == 2
        await journal.do(parts.Fill(part, made))
        assert await rows(journal) == ([], [])
