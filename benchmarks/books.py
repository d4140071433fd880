"""A contender's journal seen from outside: who serves it, its bytes, and what is asked of it."""

import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from harness import Contender
from psycopg import sql

from tests.services.postgres import Postgres

_PARTS = """SELECT c.relname, coalesce(i.indrelid::regclass::text, c.relname), pg_table_size(c.oid)
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace"""
_CALLS = """SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0)
FROM pg_stat_statements JOIN pg_database ON oid = dbid WHERE datname = {}"""
_SYSCALLS = ("fsync", "fdatasync", "recvfrom")


class OnSqlite:
    """A journal in a file."""

    def __init__(self, journal: str) -> None:
        self.path = journal.removeprefix("sqlite:///")

    def servers(self) -> list[psutil.Process]:
        return []

    def size(self) -> int:
        return int(self._ask("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")[0][0])

    def parts(self) -> list[tuple[str, str, int]]:
        """Each table and index: its name, that of its table, its bytes."""
        return self._ask(
            "SELECT d.name, coalesce(tbl_name, d.name), d.pgsize FROM dbstat d LEFT JOIN sqlite_master m USING (name)"
            " WHERE d.aggregate = TRUE"
        )

    def statements(self) -> tuple[int, int]:
        return 0, 0

    def _ask(self, statement: str) -> list[Any]:
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


class OnPostgres:
    """A journal in a database of its own."""

    def __init__(self, postgres: Postgres, journal: str) -> None:
        self.postgres, self.database = postgres, journal.rpartition("/")[2]
        self.name = sql.Literal(self.database)

    def servers(self) -> list[psutil.Process]:
        """The server's processes that its connections have."""
        chosen = sql.SQL("SELECT pid FROM pg_stat_activity WHERE datname = {}").format(self.name)
        return [psutil.Process(pid) for (pid,) in self.postgres.execute(chosen)]

    def size(self) -> int:
        return int(self.postgres.execute(sql.SQL("SELECT pg_database_size({})").format(self.name))[0][0])

    def parts(self) -> list[tuple[str, str, int]]:
        """Each table and index: its name, that of its table, its bytes."""
        return self.postgres.execute(_PARTS, self.database)

    def statements(self) -> tuple[int, int]:
        """How many statements so far, and how many of them were commits; wants pg_stat_statements."""
        statements, commits = self.postgres.execute(sql.SQL(_CALLS).format(self.name))[0]
        return int(statements), int(commits)


Books = OnSqlite | OnPostgres


def server_cpu(books: Books) -> float:
    """Seconds of CPU so far of the processes that serve the journal."""
    return sum(each.user + each.system for each in (process.cpu_times() for process in books.servers()))


def resident(contender: Contender) -> tuple[float, float]:
    """Megabytes of all its processes: as each counts alone, and with what they share divided among them."""
    kilobytes = {"Rss": 0, "Pss": 0}
    for process in contender.processes():
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in kilobytes:
                kilobytes[name] += int(rest.split()[0])
    return kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024


@contextmanager
def traced(processes: list[psutil.Process]) -> Iterator[dict[str, int]]:
    """Count what these processes ask of the kernel meanwhile, where there is strace; known when it is over."""
    counts = dict.fromkeys(_SYSCALLS, 0)
    if not processes or shutil.which("strace") is None:
        yield counts
        return
    with tempfile.NamedTemporaryFile("r") as told:
        pids = [part for process in processes for part in ("-p", str(process.pid))]
        command = ["strace", "-f", "-c", "-U", "calls,errors,name", "-o", told.name, "-e", ",".join(_SYSCALLS), *pids]
        strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert strace.stderr is not None
        for _ in processes:
            strace.stderr.readline()  # it says of each that it is attached
        try:
            yield counts
        finally:
            strace.send_signal(signal.SIGINT)
            strace.communicate(timeout=30)
            for line in told.read().splitlines():
                words = line.split()
                if words and words[-1] in counts:
                    counts[words[-1]] = int(words[0]) - (int(words[1]) if len(words) > 2 else 0)
