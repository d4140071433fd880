"""An SQLite file of a plugin, beside the journal."""

import errno
import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from appealbus.core.errors import ConfigError

_PATIENCE = 60.0
"""Seconds to wait for another writer, which takes milliseconds."""


def make_private(path: Path) -> None:
    """Create an empty SQLite file readable by its owner only, unless it exists.

    An existing file is not opened: closing it would release this process's locks on it, and other processes would take
    this one for gone (POSIX locks; sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None


class OwnFile:
    """The file. Every method raises ConfigError if it cannot be read or written."""

    if_damaged = ""  # what to do then, as the end of a sentence

    def __init__(self, path: Path | None, plugin: str, script: str) -> None:
        """Open or create it, readable by its owner only; without a path in memory.

        `plugins.<plugin>.file` is the setting that names it. The script runs at each opening and creates missing
        tables.
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
        self._connection.close()

    def check(self) -> None:
        """Check the integrity: damage may be in pages that are seldom read."""
        with self._errors():
            if (result := self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(result)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write in one transaction."""
        with self._errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def belongs_to(self, journal: str, noted: str) -> None:
        """Bind it to one journal. Raises ConfigError if it is bound to another."""
        if noted != journal:
            text = f"{self.name} counts another journal; give plugins.{self._plugin}.file a file of its own"
            raise ConfigError(text)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            damaged = "SQLITE_CORRUPT" if type(error) is sqlite3.DatabaseError else None
            code = error.strerror if isinstance(error, OSError) else getattr(error, "sqlite_errorname", damaged)
            text = f"plugins.{self._plugin}.file, {self.name}, cannot be used: {code or type(error).__name__}"
            text += self.if_damaged if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT") else ""
            raise ConfigError(text) from None


def refuse_another_s(connection: sqlite3.Connection, name: str, plugin: str, script: str) -> None:
    """Raise ConfigError if the file has tables, but none of the script's."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.executescript(script)
        ours = _tables(empty)
    if (there := _tables(connection)) and not there & ours:
        text = f"{name} is not a file of {plugin}: it has the tables {', '.join(sorted(there)[:3])} …"
        raise ConfigError(f"{text}; give plugins.{plugin}.file a file of its own")


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return {name for (name,) in rows}
