"""Processes that die at any moment: what was acknowledged is there, nothing is there by half."""

import asyncio
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from appealbus.core.journal import access, documents, events, log, store
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from tests.services import scripts
from tests.services.processes import PATIENCE

VICTIM = Path(__file__).with_name("victim.py")


async def start(url, run, total, failpoint=""):
    process = await scripts.start(
        VICTIM, url, run, total, store.UNNAMED_KEY, environment={"APPEALBUS_FAILPOINT": failpoint}
    )

    async def rest():
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        return [tuple(line.split()) for line in out.decode().split("\n")[:-1]]

    return process, rest


async def check(path, said):
    """Compare a journal with what victims said of it."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        halves = """
            SELECT a.number, a.version,
                (SELECT count(*) FROM dossier d WHERE d.appeal_id = a.id),
                (SELECT count(*) FROM outbox o WHERE o.appeal_id = a.id),
                (SELECT count(*) FROM lookup l WHERE l.appeal_id = a.id)
            FROM appeal a"""
        for number, version, dossiers, deliveries, states in connection.execute(halves):
            assert (dossiers, deliveries) == (version, 2 * version), number
            assert states >= version, number
    finally:
        connection.close()
    async with await Journal.open(f"sqlite:///{path}") as journal:
        appeals = {row.message_id: row for row in await journal.ask(lists.appeals, limit=10**6)}
        numbers = sorted(row.number for row in appeals.values())
        assert numbers == [f"{number[:8]}{index:08d}" for index, number in enumerate(numbers, 1)]
        versions = {row.number: row.version for row in appeals.values()}
        await check_log(journal, versions)
        questions = {row.question_id for row in await journal.ask(access.access_rows, limit=10**6)}
        for what, *words in said:
            if what == "accepted":
                assert appeals[words[0]].number == words[1]
            elif what == "access":
                assert words[0] in questions
            elif what == "concluded":
                assert versions[words[0]] >= int(words[1])
                assert await journal.ask(documents.whole, words[0], int(words[1])) == f"{words[0]}/{words[1]}".encode()


async def check_log(journal, versions):
    """Compare the log with what is there: each appeal once, each version once, positions without gaps."""
    while await journal.do(events.Placing()):
        pass
    entries, after, lag = [], None, 1
    while lag:
        page = await journal.ask(log.page, after, 1000)
        entries, after, lag = entries + list(page.entries), page.next, page.lag
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    accepted = [entry.number for entry in entries if entry.what == "accepted"]
    assert sorted(accepted) == sorted(versions)
    made = [(entry.number, entry.detail["version"]) for entry in entries if entry.what == "version"]
    assert sorted(made) == sorted((number, version + 1) for number, last in versions.items() for version in range(last))


@pytest.mark.parametrize("place", ["journal.before_commit:9", "journal.after_commit:9", "log.moved:2"])
async def test_whoever_dies_on_postgresql_leaves_a_log_without_gaps(journal_database, place):
    """Also in the middle of giving positions: all that is committed gets one, and nothing gets two."""
    process, rest = await start(journal_database, "a", 200, place)
    said = await rest()
    assert process.returncode == -9
    async with await Journal.open(journal_database) as journal:
        versions = {row.number: row.version for row in await journal.ask(lists.appeals, limit=10**6)}
        assert len(versions) >= len([words for words in said if words[0] == "accepted"])
        await check_log(journal, versions)


@pytest.mark.parametrize("count", [2, 3, 7])  # the first is that of the look at the clock
@pytest.mark.parametrize("place", ["journal.before_commit", "journal.after_commit"])
async def test_dying_at_a_commit_loses_nothing_acknowledged(tmp_path, place, count):
    """Killed right before the first commit nothing is there; right after, all of it, though nobody heard."""
    path = tmp_path / "journal.db"
    process, rest = await start(f"sqlite:///{path}", "a", 200, f"{place}:{count}")
    said = await rest()

    assert process.returncode == -9
    await check(path, said)
    if count == 2:
        assert said == []
        async with await Journal.open(f"sqlite:///{path}") as journal:
            assert bool(await journal.ask(lists.appeals)) == (place == "journal.after_commit")


@pytest.mark.proof
async def test_dying_again_and_again_at_random(tmp_path):
    """Each life goes on with the file that the last one left."""
    path, said, dice = tmp_path / "journal.db", [], random.Random(5)
    for life in range(4):
        process, rest = await start(f"sqlite:///{path}", f"life{life}", 10**6)
        first = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        await asyncio.sleep(dice.uniform(0, 0.3))
        process.kill()
        said += [tuple(first.decode().split()), *await rest()]
        assert process.returncode == -9
        await check(path, said)
    assert Counter(words[0] for words in said)["accepted"] > 4


async def test_two_processes_share_a_journal(tmp_path):
    """Both write at the same time: numbers stay consecutive over both, neither starves, nothing is damaged."""
    path = tmp_path / "journal.db"
    victims = [await start(f"sqlite:///{path}", run, 300) for run in ("a", "b")]
    both = await asyncio.gather(*(rest() for _, rest in victims))

    assert [said[-1] for said in both] == [("done",), ("done",)]
    await check(path, both[0][:-1] + both[1][:-1])
