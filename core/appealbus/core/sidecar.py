"""A file of SQLite that a plugin keeps beside the journal, for what is its own."""

import errno
import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from appealbus.core.errors import ConfigError

_PATIENCE = 60.0
"""Seconds that one waits while another one writes, which takes milliseconds."""


def make_private(path: Path) -> None:
    """Make a file of SQLite, empty and for its owner's eyes alone, where there is none.

    One that is there is not opened: to close it again would take the locks of this process on it away, and another
    process would then take this one for gone (POSIX locks; sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None


class OwnFile:
    """The file. Every method raises ConfigError where it cannot be read or written."""

    if_damaged = ""  # what to do then, as the end of a sentence

    def __init__(self, path: Path | None, plugin: str, script: str) -> None:
        """Open it, or make it, for its owner's eyes alone.

        Args:
            path: None: in memory, for as long as this lives.
            plugin: whose it is: `plugins.<plugin>.file` is the setting that names it.
            script: what is carried out first, each time; it makes the tables where they are not there.

        """
        self.name = str(path) if path else ":memory:"
        self._plugin = plugin
        with self._errors():
            # Not in WAL mode: a write and a checkpoint of two processes may damage that before SQLite 3.51.3.
            if path is not None:
                make_private(path)
            self._connection = sqlite3.connect(self.name, timeout=_PATIENCE, check_same_thread=False)
            weakref.finalize(self, self._connection.close)  # one that is forgotten leaves no file open
            self._connection.row_factory = sqlite3.Row
            try:
                refuse_another_s(self._connection, self.name, plugin, script)
                self._connection.executescript(script)
            except (sqlite3.Error, ConfigError):
                self._connection.close()
                raise

    def close(self) -> None:
        """Close it. Idempotent."""
        self._connection.close()

    def check(self) -> None:
        """Look whether it is whole: damage is in pages that nobody may read for long."""
        with self._errors():
            if (found := self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read."""
        with self._errors():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction."""
        with self._errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def belongs_to(self, journal: str, noted: str) -> None:
        """Hold it to one journal.

        Raises:
            ConfigError: another one is noted.

        """
        if noted != journal:
            told = f"{self.name} counts another journal; give plugins.{self._plugin}.file a file of its own"
            raise ConfigError(told)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            damaged = "SQLITE_CORRUPT" if type(error) is sqlite3.DatabaseError else None
            code = error.strerror if isinstance(error, OSError) else getattr(error, "sqlite_errorname", damaged)
            told = f"plugins.{self._plugin}.file, {self.name}, cannot be used: {code or type(error).__name__}"
            told += self.if_damaged if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT") else ""
            raise ConfigError(told) from None


def refuse_another_s(connection: sqlite3.Connection, name: str, plugin: str, script: str) -> None:
    """Raise ConfigError where a file is another's: of the tables that it has the script makes none."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.executescript(script)
        mine = _tables(empty)
    if (there := _tables(connection)) and not there & mine:
        told = f"{name} is not a file of {plugin}: it has the tables {', '.join(sorted(there)[:3])} …"
        raise ConfigError(f"{told}; give plugins.{plugin}.file a file of its own")


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in rows}
