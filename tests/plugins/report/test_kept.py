"""What the file of reports holds of real dossiers: when they were complete, whose matters they are, and no number."""

import asyncio
import sqlite3
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import ConfigError
from appealbus.core.bus.bus import Bus
from appealbus.core.clocks import day_of, wall
from appealbus.core.domain import change
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.plugins.report import table as tables
from appealbus.plugins.report.fact import districts_of
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.row import ReportSpan, Row
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.words import By, Column
from appealbus.schemas.address import Address
from appealbus.schemas.change import Change
from tests.core.kit import message, running_bus
from tests.plugins.report.making import PERSONS, filled, letter
from tests.services.asking import instead, through
from tests.services.journals import sqlite_journal

TODAY = day_of(wall()) + timedelta(days=365)
"""When all that these tests tell of has happened."""
ALL = ReportSpan(date(2026, 1, 1), TODAY)
NEW = (Column.REVIEWED, Column.COMPLETE_BEFORE, Column.HOURS_SAVED, Column.SETTLED, Column.FIRST_RIGHT)


def total(store: Store, **settings: Any) -> Row:
    return tables.make_table(store, ReportSettings(**settings), ALL, By.BODY, TODAY).total


def figures(store: Store) -> list[int | None]:
    return [total(store).count(each) for each in NEW]


async def tell(bus: Bus, of: str, kind: str, days: float, **said: Any) -> None:
    """Tell the bus what happens to an appeal, so many days from now."""
    at = wall() + timedelta(days=days)
    given = {"message_id": f"{of}-{kind}", "channel": "test", "appeal_message_id": of, "kind": kind, "dated_at": at}
    await bus.journal.do(targets.Changing(NewChange(Change.model_validate({**given, **said}), at, "appealbus")))


async def test_of_real_dossiers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Complete before the first step of a person, but not before an earlier one; the same matter again, and another."""
    monkeypatch.setattr(change, "AHEAD", timedelta(days=60))  # what happens later comes now
    store = Store(tmp_path / "report.db")
    matter = {"applicant": {"type": "person", "iin": PERSONS[0]}, "category": {"code": "10"}}
    async with running_bus(tmp_path) as bus:
        for name, days, said in (("a", 0, matter), ("b", 0, {**matter, "category": {"code": "20"}}), ("c", 40, matter)):
            at = (wall() + timedelta(days=days)).isoformat()
            await bus.accept(message(name, received_at=at, **said))
        await bus.settle()
        await tell(bus, "a", "directed", 1)
        await tell(bus, "a", "answered", 5, result="explained")
        await tell(bus, "b", "directed", -1)
        await tell(bus, "b", "answered", 5, result="explained")
        await follow(bus.journal, "J", store)
        assert figures(store) == [2, 1, 0, 2, 1]
        await tell(bus, "c", "answered", 50, result="silence")
        await follow(bus.journal, "J", store)
        assert figures(store) == [2, 1, 0, 2, 1]
    store.close()
    assert PERSONS[0].encode() not in (tmp_path / "report.db").read_bytes()


def test_after_a_new_key_all_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks of the old key and of the new one are never compared."""
    url = sqlite_journal(tmp_path / "journal.db")

    async def use() -> None:
        store = Store(None)
        read: list[int] = []
        for anew in (False, False, True):
            key = KeyFile(tmp_path / "journal.db.key", anew=anew)
            async with await Journal.open(url, key=key) as journal:
                ask = through(journal, cases.outline_page)

                async def watched(after: int, limit: int, ask: Any = ask) -> Any:
                    read.append(after)
                    return await ask(after, limit)

                instead(monkeypatch, journal, cases.outline_page, watched)
                await follow(journal, "J", store)
        assert len(read) == 2
        store.close()

    asyncio.run(use())


def test_a_file_of_another_release_is_refused(tmp_path: Path) -> None:
    """What counts otherwise is not taken for ours, and is left as it is."""
    with sqlite3.connect(tmp_path / "report.db") as connection:
        connection.execute("CREATE TABLE fact (appeal_id INTEGER PRIMARY KEY, day)")
    connection.close()
    with pytest.raises(ConfigError, match=r"made by another release.*give plugins\.report\.file another file"):
        Store(tmp_path / "report.db")


def test_there_are_no_more_rows_than_people_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest rows are told, the others stand in one that says so; they still add up."""
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    day, before = date(2026, 3, 1), date(2025, 3, 1)
    register = [letter(day, body=f"b{at}", repeat=True) for at in range(6) for _ in range(at + 1)]
    register += [letter(before, body="gone", repeat=True)]
    table = tables.make_table(filled(register), ReportSettings(), ReportSpan(day, day), By.BODY, TODAY)
    told = [
        (Teller(table, Reader(), rounds=False, public=False).name(row), row.count(Column.REGISTERED))
        for row in table.rows
    ]
    assert told == [("b3", 4), ("b4", 5), ("b5", 6), ("others", 6)]
    assert (table.total.count(Column.REGISTERED), table.rows[-1].count(Column.REPEATS_BEFORE)) == (21, 1)


def test_districts_are_called_as_addresses_call_them() -> None:
    """In the reader's language; where no address told it, by the oblast in brackets."""
    step = {"level": {"code": "3"}, "kato": "275200000", "name_ru": "Теректинский район", "name_kk": "Теректі ауданы"}
    street = {"level": {"code": "9"}, "kato": "275230100", "name_ru": "ул. Абая"}
    given = {"rka": "1", "kind": {"code": "1"}, "actual": True, "parts": [step, street]}
    names = tuple(districts_of(Address.model_validate(given)))
    assert names == (("2752", "Теректинский район", "Теректі ауданы"),)
    day = date(2026, 3, 1)
    store = filled([letter(day), letter(day, kato="271000000")])
    with store.writing() as connection:
        connection.execute("INSERT INTO district VALUES (?, ?, ?)", names[0])
    table = tables.make_table(store, ReportSettings(), ReportSpan(day, day), By.DISTRICT, TODAY)
    for language, district in (
        (ReaderLanguage.KAZAKH, "Теректі ауданы"),
        (ReaderLanguage.ENGLISH, "Теректинский район"),
    ):
        teller = Teller(table, Reader(language), rounds=False, public=False)
        assert [teller.name(row) for row in table.rows] == ["2710 (Западно-Казахстанская)", f"2752 {district}"]
