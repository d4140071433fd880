"""What is counted follows the journal: each appeal once, and again when something of it changes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError, Cursor
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.plugins.report.fact import fact_of
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Followed, Store
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from appealbus.schemas import Appeal
from appealbus.schemas.change import Change
from tests.services.asking import instead, through
from tests.services.journals import sqlite_journal

NOON = datetime(2026, 11, 2, 12, tzinfo=KAZAKHSTAN)


def new(name: str) -> NewAppeal:
    """Return an appeal to an akim about land."""
    about = {"addressee": {"name": "Аппарат акима"}, "category": {"code": "10"}, "place": {"kato": "275200000"}}
    return NewAppeal(Appeal.model_validate({"message_id": name, **about}), NOON, "appealbus")


def change(name: str, of: str, kind: str, **said: Any) -> NewChange:
    """Return a change of an appeal, a day later."""
    given = {"message_id": name, "appeal_message_id": of, "kind": kind, "dated_at": NOON + timedelta(days=1), **said}
    return NewChange(Change.model_validate(given), NOON + timedelta(days=1), "appealbus")


def counts(store: Store) -> list[int | None]:
    """Return what the total says: registered, on local bodies about land, considered, redirected, open."""
    span = ReportSpan(date(2026, 1, 1), date(2026, 12, 31))
    total = make_table(store, ReportSettings(), span, By.BODY, date(2026, 12, 31)).total
    columns = (Column.REGISTERED, Column.LAND, Column.CONSIDERED, Column.REDIRECTED, Column.OPEN)
    return [total.count(each) for each in columns]


def over_journal(folder: Path, use: Callable[[Journal], Awaitable[None]]) -> None:
    """Use an empty journal."""

    async def work() -> None:
        async with await Journal.open(sqlite_journal(folder / "journal.db")) as journal:
            await use(journal)

    asyncio.run(work())


def test_what_comes_and_changes_is_counted(tmp_path: Path) -> None:
    """Appeals of before, appeals of later, and changes of both are counted; a second look changes nothing."""

    async def use(journal: Journal) -> None:
        store = Store(tmp_path / "report.db")
        await asyncio.gather(*(journal.accept(new(f"m{at}")) for at in range(3)))
        await journal.do(targets.Changing(change("c0", "m0", "answered", result="refused")))
        await follow(journal, "J", store)
        assert counts(store) == [3, 3, 1, 0, 2]
        await journal.accept(new("m3"))
        await journal.do(targets.Changing(change("c1", "m1", "redirected", to={"name": "Управление"})))
        await journal.do(targets.Changing(change("c2", "m3", "withdrawn")))
        for _ in range(2):
            await follow(journal, "J", store)
            assert counts(store) == [4, 4, 2, 1, 1]
        store.close()

    over_journal(tmp_path, use)


def test_what_was_read_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second report reads the appeals alone of which the log says something new."""

    async def use(journal: Journal) -> None:
        store, read = Store(None), []

        ask = through(journal, cases.outlines)

        async def watched(ids: Any) -> Any:
            read.extend(ids)
            return await ask(ids)

        instead(monkeypatch, journal, cases.outlines, watched)
        await asyncio.gather(*(journal.accept(new(f"m{at}")) for at in range(3)))
        await follow(journal, "J", store)
        read.clear()
        await follow(journal, "J", store)
        await journal.do(targets.Changing(change("c1", "m1", "answered")))
        await follow(journal, "J", store)
        assert len(read) == 1

    over_journal(tmp_path, use)


def test_after_a_restore_all_is_read_again(tmp_path: Path) -> None:
    """Where nobody can go on from the cursor, what the journal holds is counted anew, and what it lost no more."""

    async def use(journal: Journal) -> None:
        store = Store(None)
        await journal.accept(new("m0"))
        await follow(journal, "J", store)
        key = await journal.keyed()
        store.begin(Followed("J", key.check), Cursor(1, 10_000), 10_000)
        (outline,) = await journal.ask(cases.outlines, [1])
        store.put([replace(fact_of(outline, key.mark), appeal_id=7_000)])
        assert counts(store)[0] == 2
        await follow(journal, "J", store)
        assert counts(store)[0] == 1

    over_journal(tmp_path, use)


def test_of_two_reports_at_once_the_one_behind_writes_nothing(tmp_path: Path) -> None:
    """What it has read is older; it goes on from where the other one is."""

    async def use(journal: Journal) -> None:
        store = Store(None)
        await journal.accept(new("m0"))
        await follow(journal, "J", store)
        (behind,) = await journal.ask(cases.outlines, [1])
        key = await journal.keyed()
        followed = Followed("J", key.check)
        since = store.cursor(followed)
        await journal.do(targets.Changing(change("c0", "m0", "answered")))
        await follow(journal, "J", store)
        ahead = store.cursor(followed)
        assert since is not None
        assert since != ahead
        assert store.follow(followed, [fact_of(behind, key.mark)], since, since) == ahead
        assert (store.cursor(followed), counts(store)) == (ahead, [1, 1, 1, 0, 0])

    over_journal(tmp_path, use)


def test_another_journal_has_a_file_of_its_own(tmp_path: Path) -> None:
    """A file in which another journal is counted is refused, with what to do."""

    async def use(journal: Journal) -> None:
        store = Store(None)
        await follow(journal, "J", store)
        with pytest.raises(ConfigError, match=r"give plugins\.report\.file a file of its own"):
            await follow(journal, "K", store)

    over_journal(tmp_path, use)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """What is no file of SQLite is told with its name."""
    (tmp_path / "report.db").write_bytes(b"x" * 5000)
    with pytest.raises(ConfigError, match=r"report\.db, cannot be used: SQLITE_NOTADB"):
        Store(tmp_path / "report.db")
