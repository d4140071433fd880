"""What the demonstration ends with is counted: a table that adds up, and the alarm of what was planted."""

from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from appealbus.demo import oversight
from appealbus.demo.show import _oversee
from tests.services.journals import sqlite_journal


async def shown(folder: Path, width: int = 80) -> tuple[str, Counter[str]]:
    """Return what is shown on so many columns, and the categories of all appeals in the journal."""
    text = StringIO()
    async with await Journal.open(sqlite_journal(folder / "journal.db")) as journal:
        await _oversee(Console(file=text, width=width), journal, folder)
        rows = await journal.ask(lists.appeals, 0, 10_000)
        cases = await journal.ask(journal_cases.cases, [row.appeal_id for row in rows])
    return text.getvalue(), Counter(case.appeal.category.code or "" for case in cases if case.appeal.category)


@pytest.mark.proof
async def test_the_table_adds_up_and_the_planted_week_is_the_alarm(tmp_path: Path) -> None:
    """Of all appeals, on eighty columns; one alarm, with what the neighbours share."""
    told, counted = await shown(tmp_path)
    assert max(map(len, told.splitlines())) <= 80
    (registered,) = [line.split() for line in told.splitlines() if line.strip().startswith("registered")]
    largest = [count for _, count in counted.most_common(3)]
    assert [int(each) for each in registered[1:]] == [counted.total(), *largest, counted.total() - sum(largest)]
    assert told.count("nobody has it") == 1
    assert "category 110 (ОХРАНА ПРИРОДЫ), КАТО 2746:" in told
    assert "24 name the parcel 081187708946" in told


@pytest.mark.proof
async def test_without_a_surge_there_is_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm is found, and not printed because it belongs there."""
    monkeypatch.setattr(oversight, "_NEIGHBOURS", 0)
    told, _ = await shown(tmp_path, 100)
    assert "registered" in told
    assert "nobody has it" not in told
