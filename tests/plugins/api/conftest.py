"""What the tests of the API share: a journal on each database, and a server of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plugins.api.serving import Served, served
from tests.services.journals import sqlite_journal


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.proof)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    """A server of an SQLite journal that no bus works."""
    async with served(sqlite_journal(tmp_path / "journal.db"), tmp_path, patience=1) as made:
        yield made
