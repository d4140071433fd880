"""docs/record.md: every table, every setting that says how long something is kept, every word of the log."""

import re
from pathlib import Path

import pytest

import appealbus.core.journal.journal  # noqa: F401 - brings the tables of all subjects
from appealbus.core.config.models import BusSettings, SourceSettings
from appealbus.core.domain.event import EventType
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.journal.tables import metadata
from appealbus.plugins.repeats.tables import TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
KEEPS = re.compile(r"retention|^keep_|^quarantine_|^fresh$|^key$|^checkpoint$|^waiting_")


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table under a heading."""
    part = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    table = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in cells] for cells in table[1:]]


def test_every_table_is_explained() -> None:
    """With what is in it, what of that is personal, and how long it stays."""
    told = {cells[0].strip("`"): cells[1:] for cells in rows("Tables of the journal")}
    assert told.keys() == {*metadata.tables, *(table.name for table in TABLES), "alembic_version"}
    assert all(len(cells) == 3 and all(cells) for cells in told.values())


@pytest.mark.parametrize(("model", "prefix"), [(BusSettings, "bus."), (SourceSettings, ""), (GuardSettings, "guard.")])
def test_every_setting_of_retention_is_named(model: type[BusSettings], prefix: str) -> None:
    """Whoever asks for how long something is kept finds what to set."""
    names = [name for name in model.model_fields if KEEPS.search(name)]
    assert names
    assert [name for name in names if f"`{prefix}{name}`" not in PAGE] == []


def test_every_word_of_the_log_is_explained() -> None:
    """In the order in which the program has them."""
    assert {cells[0].strip("`") for cells in rows("Words of the log")} == {what.value for what in EventType}
