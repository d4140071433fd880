"""A small registry: mirrors the dossiers that it may see into SQLite, and goes on where it was, whatever happened.

    python registry.py https://bus.example mirror.db < token

What makes it right is one transaction: the versions of a page and the cursor behind it are written together. Killed
before, it reads the page once more; killed after, it reads the next one.
"""

import argparse
import json
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from appealbus.client import (
    Client,
    Damaged,
    FeedEntry,
    FeedRestart,
    Problem,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    Unknown,
    Unreachable,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS dossier (
    appeal TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    completeness TEXT,
    made_at TEXT NOT NULL,
    document TEXT,                  -- NULL: the bus had let go of this version before it was read
    PRIMARY KEY (appeal, epoch, version)
);
CREATE TABLE IF NOT EXISTS place (  -- one row: up to where the feed is read
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cursor TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS restart (
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    refused TEXT,
    cursor TEXT NOT NULL
);
-- What counts of an appeal: the greatest epoch, then the greatest version.
CREATE VIEW IF NOT EXISTS newest AS
    SELECT * FROM dossier AS mine WHERE NOT EXISTS (
        SELECT 1 FROM dossier AS later WHERE later.appeal = mine.appeal
        AND (later.epoch, later.version) > (mine.epoch, mine.version));
"""
Row = tuple[str, int, int, str | None, str, str | None]


class Mirror:
    """The registry's own database."""

    def __init__(self, file: Path) -> None:
        self._db = sqlite3.connect(file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    @property
    def cursor(self) -> str | None:
        """Up to where the feed is read; None: not begun."""
        row = self._db.execute("SELECT cursor FROM place").fetchone()
        return None if row is None else str(row[0])

    def write(self, rows: Iterable[Row], cursor: str) -> None:
        """Write the versions of a page, and the cursor behind it: both or neither."""
        with Transaction(self._db):
            # The same version may come twice, and after a restart it may say something else: the later counts.
            self._db.executemany("INSERT OR REPLACE INTO dossier VALUES (?, ?, ?, ?, ?, ?)", rows)
            self._move(cursor)

    def start_again(self, cursor: str) -> None:
        """Note that the bus had us start again, and where. Nothing is deleted: versions of a later epoch count more."""
        with Transaction(self._db):
            self._db.execute("INSERT INTO restart (refused, cursor) VALUES (?, ?)", (self.cursor, cursor))
            self._move(cursor)

    def _move(self, cursor: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", (cursor,))


class Transaction:
    """A block that is written whole or not at all."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def follow(bus: Client, mirror: Mirror, stop: threading.Event, *, wait: int, limit: int) -> bool:
    """Read one page and write it; return whether more follows at once."""
    cursor = mirror.cursor
    try:
        page = bus.feed(cursor, wait=wait, limit=limit)
    except FeedRestart as error:
        print(f"the bus cannot go on from {cursor}; starting again from {error.restart}", file=sys.stderr)
        mirror.start_again(error.restart)
        return True
    rows = []
    for entry in page.entries:
        if stop.is_set():
            return False  # what is not written is read once more
        rows.append(read(bus, entry))
    if page.next != cursor:
        mirror.write(rows, page.next)
    return page.lag > 0 or bool(rows)


def read(bus: Client, entry: FeedEntry) -> Row:
    """Read the version that an entry tells of."""
    try:
        document = json.dumps(bus.dossier(entry.id, entry.version).document, ensure_ascii=False)
    except Unknown:
        document = None  # superseded and let go of, or no longer ours to see: a newer one comes, or none
    except Damaged:
        print(f"version {entry.version} of {entry.id} is damaged at the bus: its operator has to look", file=sys.stderr)
        document = None
    return entry.id, entry.epoch, entry.version, entry.completeness, entry.at, document


def main() -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(description="Mirror dossiers into SQLite. The token comes on standard input.")
    parser.add_argument("url", help="of the bus: https://bus.example")
    parser.add_argument("database", type=Path)
    parser.add_argument("--purpose", help="what the dossiers are read for")
    parser.add_argument("--limit", type=int, default=50, help="versions that are read and written together")
    parser.add_argument("--until-idle", action="store_true", help="end where nothing is new")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    mirror, pause, wait = Mirror(given.database), 1.0, 0 if given.until_idle else 20
    with Client(given.url, sys.stdin.readline().strip(), purpose=given.purpose) as bus:
        print(f"following the feed from {mirror.cursor or 'its beginning'}", file=sys.stderr, flush=True)
        while not stop.is_set():
            try:
                more = follow(bus, mirror, stop, wait=wait, limit=given.limit)
            except (Unreachable, Unavailable, TooManyRequests, UnexpectedAnswer) as error:
                print(f"{error}; again in {pause:g} seconds", file=sys.stderr)
                stop.wait(pause)
                pause = min(60.0, pause * 2)
            except Problem as error:
                print(f"{error}; nothing that trying again would mend", file=sys.stderr)
                return 1
            else:
                pause = 1.0
                if given.until_idle and not more:
                    break
    return 0


if __name__ == "__main__":
    sys.exit(main())
