"""Eight that write at the same time, and a reader that is killed again and again: nothing missed, nothing twice."""

import asyncio
import contextlib
import random
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal import events, store
from tests.services import scripts
from tests.services.forms import form
from tests.services.processes import PATIENCE

READER = Path(__file__).with_name("log_reader.py")
WRITERS = 8


class Writing:
    """Threads that note events in transactions which overlap, end out of order, and are rolled back now and then."""

    def __init__(self, url, transactions):
        self.url = url
        self.committed = []
        self.over = threading.Event()
        self.writers = [threading.Thread(target=self.write, args=(n, transactions)) for n in range(WRITERS)]
        placers = range(2) if url.startswith("postgresql") else ()
        self.placers = [threading.Thread(target=self.place, args=(n,)) for n in placers]

    def write(self, writer, transactions):
        dice, opened = random.Random(writer), store.open_store(self.url, read_only=False)
        with opened.writing.connect() as connection:
            for index in range(transactions):
                marks = [f"{writer}-{index}-{each}" for each in range(dice.randint(1, 3))]
                with opened.lock:  # as the writer does: on SQLite nobody starves
                    transaction = connection.begin()
                    events.note(connection, [Event(EventType.REPEATED, None, f"w{writer}", mark) for mark in marks])
                    connection.exec_driver_sql("SELECT 1")  # till then it is not in the database
                    time.sleep(dice.expovariate(500))
                    if dice.random() < 0.05:
                        transaction.rollback()
                    else:
                        transaction.commit()
                        self.committed += marks
        opened.writing.dispose()
        opened.close()

    def place(self, number):
        """Give positions, as two workers of which each takes the other for dead; each dies now and then."""
        dice, opened = random.Random(number), store.open_store(self.url, read_only=False)
        found = 1
        while found or not self.over.is_set():
            with opened.writing.connect() as connection:
                (found,) = events.place(connection, [events.Placing(dice.randint(1, 50))])
                if dice.random() < 0.1:
                    connection.invalidate()
                    found = 1
                else:
                    connection.commit()
            time.sleep(dice.expovariate(300))
        opened.writing.dispose()
        opened.close()

    def start(self):
        for each in (*self.writers, *self.placers):
            each.start()

    def end(self):
        for each in self.writers:
            each.join()
        self.over.set()
        for each in self.placers:
            each.join()


@pytest.mark.proof
async def test_a_reader_that_is_killed_misses_nothing_and_sees_nothing_twice(url, tmp_path):
    """It goes on from the cursor that it kept with what it read; positions follow one another."""
    kept, dice = tmp_path / "kept.db", random.Random(3)
    writing = Writing(url, form(15, 1000))
    writing.start()
    lives = 0
    while lives < form(1, 20) or any(each.is_alive() for each in writing.writers):
        await live(url, kept, dice.uniform(0, form(0.2, 1.0)))
        lives += 1
    await asyncio.to_thread(writing.end)
    await live(url, kept)

    with contextlib.closing(sqlite3.connect(kept)) as connection:
        seen = connection.execute("SELECT position, mark FROM seen ORDER BY rowid").fetchall()
    assert [position for position, _ in seen] == list(range(1, len(writing.committed) + 1))
    assert sorted(mark for _, mark in seen) == sorted(writing.committed)


async def live(url, kept, seconds=None):
    """Read for so long and be killed; without a time, up to the end of the log."""
    what = "on" if seconds is not None else "end"
    reader = await scripts.start(READER, url, kept, what)
    assert await asyncio.wait_for(reader.stdout.readline(), PATIENCE) == b"reads\n"
    if seconds is None:
        assert await asyncio.wait_for(reader.wait(), PATIENCE) == 0
    else:
        await asyncio.sleep(seconds)
        reader.kill()
        await reader.wait()
