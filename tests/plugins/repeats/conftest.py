"""A journal of each kind, and what goes into it."""

from pathlib import Path

import pytest

from tests.core.journal.conftest import Make
from tests.services.journals import sqlite_journal


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


@pytest.fixture
def make() -> Make:
    return Make()
