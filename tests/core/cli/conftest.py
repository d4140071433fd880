"""The real program in a folder of its own, and a journal there to look into."""

import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from appealbus.core.journal.appeals.accepting import Accepted, NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from tests.services import commands
from tests.services.journals import sqlite_journal

Program = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run `appealbus` with the arguments given, in the test's folder."""

    return partial(commands.run, tmp_path)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """The journal of that folder."""
    async with await Journal.open(sqlite_journal(tmp_path / "appealbus.db")) as opened:
        yield opened


@pytest.fixture
async def accepted(journal: Journal) -> Accepted:
    """An appeal that somebody works on."""
    content = Appeal(message_id="m1", channel="files", kind=AppealKind.COMPLAINT, applicant=PersonApplicant(), text="")
    return await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"), owner="me")
