"""A plugin of the simulator for the tests: looks into the journal as each question comes, and notes what it sees there.

`JOURNAL` is the journal's file. In `WITNESSED` a question is a line: its id, and 1 where its access row was durable.
SQLite shows others what a transaction wrote once it is on the disk and not before (`PRAGMA synchronous=FULL`).
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from appealbus.core import Lookup, hookimpl
from appealbus.simulator.service import Stats

_PATIENCE = 60.0
"""Seconds for which somebody may hold the file: who recovers it after a crash does."""
_recorded: set[str] = set()
_last = 0
_count = Stats.question


def _is_recorded(name: str) -> bool:
    """Whether the question is in the access log; opens the journal anew, as who keeps it open keeps up its WAL."""
    global _last  # noqa: PLW0603 - the rows are read once
    path = Path(os.environ["JOURNAL"])
    if name not in _recorded and path.exists():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", _PATIENCE, uri=True)) as journal:
            rows = journal.execute("SELECT id, question_id FROM access WHERE id > ? ORDER BY id", [_last]).fetchall()
        _recorded.update(row[1] for row in rows)
        _last = rows[-1][0] if rows else _last
    return name in _recorded


def _question(stats: Stats, service: str, correlation_id: str | None, message_id: str) -> None:
    name = correlation_id or ""
    recorded = _is_recorded(name)
    with Path(os.environ["WITNESSED"]).open("a") as witnessed:
        witnessed.write(f"{name} {int(recorded)}\n")
    _count(stats, service, correlation_id, message_id)


Stats.question = _question  # type: ignore[method-assign]


@hookimpl
def register_lookups() -> list[Lookup[Any, Any]]:
    """Bring none: but who brings nothing is broken."""
    return []
