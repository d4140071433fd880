"""What a plugin of a third party keeps in the journal, on every database."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from appealbus.core.bus.duties.filling import fill_next
from appealbus.core.domain.document import FormDocument, appeal_document
from appealbus.core.errors import ConfigError
from appealbus.core.journal import retention
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.view import PublicJournal
from appealbus.schemas.dossier import Completeness
from tests.core.journal.acme import Capitals, Raises, Words
from tests.core.journal.test_filling import key_of
from tests.services.journals import engine_of

ROOT = Path(__file__).parents[3]


async def opened(url, *parts, keeps=True):
    journal = await Journal.open(url, parts=parts)
    journal.keeping = parts if keeps else ()
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
