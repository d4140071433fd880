"""A private PostgreSQL: own data, port and socket; never the database of the machine."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql

from tests.services.processes import PATIENCE, DidNotStart, forget, free_port, scratch, spawn, until

_HOMES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "log_min_messages": "warning",
    "max_wal_size": "256MB",
    # Tells when a row was committed, not only what it says of itself.
    "track_commit_timestamp": "on",
}


def programs() -> Path | None:
    """Return the folder of initdb and postgres, or None where PostgreSQL is not installed."""
    for pattern in _HOMES:
        for folder in sorted(Path("/").glob(pattern[1:]), key=_version, reverse=True):
            if (folder / "initdb").exists():
                return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class Postgres:
    """One database server. `start`, `stop`, `kill` and `start` again keep port and data."""

    def __init__(
        self, *, fsync: bool = True, preload: str = "", follows: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        """Make its data.

        Args:
            environment: beside the tests' own, such as another clock.
            follows: the port of a server whose standby it is, until it is promoted.
            fsync: without it nothing survives a power cut, but a killed server loses nothing either way.
            preload: a library that it loads at start.

        """
        found = programs()
        if found is None:
            raise DidNotStart("PostgreSQL is not installed")
        self._programs = found
        self._environment = environment or {}
        self._user = _ordinary_user()
        self.folder = scratch("ab-pg-", self._user)
        self.log = self.folder / "server.log"
        self.port = free_port()
        self._serial = 0
        self._settings = {**_SETTINGS, "unix_socket_directories": str(self.folder), "fsync": "on" if fsync else "off"}
        self._settings["shared_preload_libraries"] = preload
        self._process: subprocess.Popen[bytes] | None = None
        data = ["-D", str(self.folder / "data"), "-U", "postgres", "--no-sync"]
        make = [str(found / "initdb"), *data, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions"]
        if follows:
            make = [str(found / "pg_basebackup"), *data, "-h", "127.0.0.1", "-p", str(follows), "-R", "-c", "fast"]
        if self._spawn(make).wait(PATIENCE):
            raise DidNotStart(f"it has no data\n{self.log.read_text()[-4000:]}")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Its first process, of which the others are children; None where it has not been started."""
        return None if self._process is None else self._process.pid

    def url(self, database: str = "postgres") -> str:
        return self.url_at(self.port, database)

    def url_at(self, port: int, database: str = "postgres") -> str:
        """Return the URL of a database behind another port, such as a proxy's."""
        return f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def start(self) -> None:
        """Start it where it does not run, and wait until it answers."""
        if self.running:
            return
        options = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        data = str(self.folder / "data")
        command = [str(self._programs / "postgres"), "-D", data, "-p", str(self.port), *options]
        self._process = self._spawn(command)
        until(self._answers, "the database answers")

    def promote(self) -> None:
        """Make a standby a server of its own."""
        self.execute("SELECT pg_promote(true, 60)")

    def stop(self) -> None:
        """Stop it in order, whoever is connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut does. Its children would go on for a moment, and finish what they do."""
        if self._process is not None and self.running:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self._end(signal.SIGKILL)
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)

    def restart(self, *, kill: bool = False) -> None:
        """Stop or kill it, and start it again."""
        (self.kill if kill else self.stop)()
        self.start()

    def execute(self, statement: LiteralString | sql.Composed, database: str = "postgres") -> list[Any]:
        """Run one statement on a connection of its own, without a transaction; return its rows."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        """Make an empty database that nobody else uses; return its name."""
        self._serial += 1
        name = f"test_{self._serial}"
        self.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return name

    def own(self, database: str, role: str) -> None:
        """Give a database to an ordinary role, which is made where it is not there."""
        name = sql.Identifier(role)
        if not self.execute(sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(sql.Literal(role))):
            self.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        self.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), name))

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def cut_off(self, database: str) -> int:
        """End all sessions of a database from the server's side; return how many there were."""
        chosen = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
        return len(self.execute(chosen.format(sql.Literal(database))))

    def remove(self) -> None:
        """End it and forget its data."""
        self._end(signal.SIGKILL)
        forget(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        env = (
            {key: value for key, value in os.environ.items() if not key.startswith("PG")}
            | {"LC_ALL": "C"}
            | self._environment
        )
        return spawn(command, self.log, env=env, cwd=self.folder, user=self._user)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            # After a kill the children of the old server may still be on their way out: it is tried again.
            if "shared memory block" not in self.log.read_text()[-1000:]:
                raise DidNotStart(f"postgres ended\n{self.log.read_text()[-4000:]}")
            self._process = self._spawn(list(self._process.args)[5:])  # type: ignore[arg-type]
        try:
            return self.execute("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(how)
            self._process.wait(PATIENCE)


def _ordinary_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DidNotStart("root has neither a user postgres nor nobody to run PostgreSQL as")


def _version(folder: Path) -> int:
    return int("".join(letter for letter in folder.parent.name if letter.isdigit()) or 0)
