"""Threads that write versions of dossiers in transactions which overlap, end out of order, and are rolled back."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson

from appealbus.core.journal import events, store
from appealbus.core.journal.appeals import concluding
from appealbus.core.journal.appeals.concluding import Concluding, Conclusion
from appealbus.schemas import Completeness
from tests.core.rights.made import FIELDS, dossier, value

SEEN, HIDDEN = "appeal.text", "appeal.applicant.phone"
"""What a version changes: a field that the masked reader sees, or one that is hidden from it."""
_USUAL = orjson.dumps(dossier({path: value(kind, 1) for path, kind in FIELDS.items()}))

Key = tuple[str, int, int]
"""Of a version: the public id of its appeal, its number, its epoch."""


@dataclass
class Written:
    """An appeal and its versions that are committed, each with what it shows to the masked reader."""

    appeal_id: int
    public_id: str
    versions: list[tuple[int, int]] = field(default_factory=list)
    """Of each version its epoch, and the number of its text."""

    def keys(self, *, masked: bool = False) -> set[Key]:
        """Return the versions; `masked`: those alone that look different from the one before."""
        last, found = None, set()
        for version, (epoch, text) in enumerate(self.versions, 1):
            if not masked or (epoch, text) != last:
                found.add((self.public_id, version, epoch))
            last = (epoch, text)
        return found


def write(url: str, key: Path, appeals: Sequence[Written], epoch: int, versions: int) -> None:
    """Make so many versions of all appeals together, and give them positions; return once all have one."""
    over = threading.Event()
    with ThreadPoolExecutor(6) as threads:
        opened = partial(store.open_store, url, read_only=False, key=key)
        writing = [
            threads.submit(_write, opened(), appeals[first::4], epoch, versions // 4, random.Random(first))
            for first in range(4)
        ]
        positions = [
            threads.submit(_place, opened(), over, random.Random(number))
            for number in range(2 if url.startswith("postgresql") else 0)
        ]
        wait(writing)
        over.set()
        for each in (*writing, *positions):
            each.result()


def _write(
    opened: store.OpenedDatabase, appeals: Sequence[Written], epoch: int, versions: int, dice: random.Random
) -> None:
    assert opened.writing is not None
    with opened.writing.connect() as connection:
        while versions > 0:
            some = dice.sample(appeals, min(dice.randint(1, 3), len(appeals), versions))
            now = datetime.now(UTC)
            new = [(each, _next(each, epoch, dice)) for each in some]
            items = [Concluding(_conclusion(each, *made), None, now, now, epoch, ()) for each, made in new]
            with opened.lock:  # as the writer does: on SQLite nobody starves
                transaction = connection.begin()
                assert not any(isinstance(each, Exception) for each in concluding.conclude(connection, items))
                time.sleep(dice.expovariate(500))
                if dice.random() < 0.1:
                    transaction.rollback()
                    continue
                transaction.commit()
            for each, made in new:
                each.versions.append(made)
            versions -= len(new)
    opened.writing.dispose()
    opened.close()


def _next(appeal: Written, epoch: int, dice: random.Random) -> tuple[int, int]:
    text = appeal.versions[-1][1] if appeal.versions else 0
    return epoch, text + (dice.random() < 0.5)


def _conclusion(appeal: Written, epoch: int, text: int) -> Conclusion:
    version = len(appeal.versions) + 1
    made = orjson.loads(_USUAL) | {"version": version, "epoch": epoch}
    made["appeal"] |= {"text": f"text {text}"}
    made["appeal"]["applicant"] |= {"phone": f"+7 701 {version:07}"}
    return Conclusion(appeal.appeal_id, dossier=orjson.dumps(made), version=version, completeness=Completeness.COMPLETE)


def _place(opened: store.OpenedDatabase, over: threading.Event, dice: random.Random) -> None:
    """Give positions, as a worker that takes the other one for dead; it dies now and then."""
    found = 1
    assert opened.writing is not None
    while found or not over.is_set():
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
