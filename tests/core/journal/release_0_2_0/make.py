"""Makes a journal as release 0.2.0 left it. Run it with the code of that release alone: see README.md."""

import asyncio
import gzip
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appealbus.core import __version__
from appealbus.core.journal.drivers.encoding import Moment
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import metadata
from tests.services.postgres import Postgres, programs
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import Program, appealbus

WORKED, AWAY, LEFT = 700, 200, 100
"""Appeals that are worked whole; while ЕГКН is away; that no worker has begun."""
KINDS = ("corrected", "redirected", "extended", "answered", "withdrawn", "closed", "due", "registered")
CHANGED, UNKNOWN = 160, 25
"""Changes of appeals that are here; of such as never came."""
HELD = 6
REASON = "Қолмен тексеріледі"
AWAY_PLUGIN = """
from appealbus.core import Delivery, Factory, NoSettings, hookimpl

class Away(Delivery[NoSettings]):
    async def deliver(self, batch):
        return ["away" for _ in batch]

@hookimpl
def register_deliveries():
    return [Factory("away", NoSettings, Away)]
"""
"""A receiver that takes nothing yet."""


class Old(Installation):
    """An installation of 0.2.0 with a journal of this address."""

    def __init__(self, folder: Path, agencies: Agencies, journal: str) -> None:
        self.journal = journal
        (folder / "away.py").write_text(AWAY_PLUGIN)
        super().__init__(folder, agencies)

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write the configuration: nobody asks again by himself while this is made."""
        usual: dict[str, dict[str, Any]] = {
            "bus": {
                "journal": self.journal,
                "key": "key",
                "accepted_by": "0.2.0",
                "changes_from": ["register"],
                "plugins": ["./away.py"],
            },
            "retry": {"first": "1h", "factor": 1, "max": "1h"},
            "log": {"level": "warning", "format": "json"},
            "deliveries": {
                "registry": {"kind": "files", "path": "dossiers.jsonl"},
                "away": {"kind": "away"},
            },
        }
        super().configure(**{name: {**usual.get(name, {}), **tables.get(name, {})} for name in usual | tables})

    def do(self, *arguments: str) -> str:
        """Run a command; return what it prints."""
        return appealbus(self.folder, *arguments).out

    def do_to_many(self, *arguments: str) -> None:
        """Run a command on many appeals, with the hash that its preview shows."""
        shown = json.loads(self.do(*arguments, "--json"))
        self.do(*arguments, "--yes", shown["hash"])

    def put_in(self, lines: Sequence[str], *options: str, expect: int = 0) -> None:
        """Put messages in from a file."""
        path = self.folder / "in.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines))
        appealbus(self.folder, "intake", path.name, *options, expect=expect)


def changes(numbers: Sequence[str]) -> Iterator[str]:
    """Write changes of the appeals with these numbers, and of some that never came."""
    for index in range(CHANGED + UNKNOWN):
        kind = KINDS[index % len(KINDS)]
        change: dict[str, Any] = {"type": "change", "kind": kind, "message_id": f"change-{index}"}
        change["number"] = numbers[index] if index < CHANGED else f"ЖТ-2026-{index:08d}"
        match kind:
            case "corrected":
                change["corrected"] = {"text": f"Мәтін түзетілді {index}"}
            case "redirected":
                change["to"] = {"kato": "750000000"}
            case "extended" | "due":
                change["due_on"] = "2027-03-01"
            case "answered":
                change["result"] = "explained"
        yield json.dumps(change, ensure_ascii=False)


def life(here: Old, agencies: Agencies) -> None:
    """Let everything happen that a journal has to remember."""
    lines = [each.model_dump_json(exclude_unset=True) for each in letters(WORKED + AWAY + LEFT)]
    here.do("client", "add", "portal", "--role", "channel", "--channel", "portal")
    here.do("client", "add", "register", "--role", "registry", "--place", "750000000")
    here.put_in(lines[:WORKED])
    here.do("run", "--until-idle")
    agencies.misbehave(egkn={"http_502": 1})
    here.put_in(lines[WORKED : WORKED + AWAY])
    here.do("run", "--until-idle")
    agencies.misbehave()
    numbers = [row.number for row in here.rows()]
    here.put_in(list(changes(numbers)), "--channel", "register")
    here.do("run", "--until-idle")
    for number in numbers[200 : 200 + HELD]:
        here.do("hold", number, "--reason", REASON)
    here.do("release", numbers[200])
    here.do("retry", numbers[WORKED + 1])
    here.do("refresh", numbers[300])
    here.do_to_many("hold", "--kind", "proposal", "--reason", REASON)
    here.do(
        "source", "pause", "gbdul", "--until", f"{datetime.now(tz=UTC).date() + timedelta(days=20)}", "--reason", REASON
    )
    here.do("run", "--until-idle")
    here.put_in(['{"message_id": "x", "kind": ', '{"kind": 7'], expect=1)
    here.put_in(lines[WORKED + AWAY :])


async def told(url: str, key: Path) -> dict[str, Any]:
    """Return what 0.2.0 itself tells of its journal."""
    async with await Journal.open(url, key=key, read_only=True) as journal:
        rows, after = [], 0
        while page := await journal.appeals(after, 1000):
            rows += page
            after = page[-1].appeal_id
        appeals: dict[str, Any] = {}
        for row in rows:
            versions = [await journal.dossier(row.number, version) for version in range(1, row.version + 1)]
            appeals[row.number] = {
                "state": row.state.value,
                "closed": row.closed,
                "held": row.held_reason,
                "versions": [hashlib.sha256(each or b"").hexdigest() for each in versions],
                "states": len(await journal.states(row.number)),
                "changes": [each.message_id for each in await journal.changes(row.number)],
                "deliveries": len(await journal.deliveries(row.number)),
            }
        counts = await journal.counts()
        clients = [client.name for client, _ in await journal.clients()]
        return {"appeals": appeals, "waiting_changes": counts.waiting_changes, "clients": clients}


def moments() -> dict[str, list[str]]:
    """Return the columns that are moments, by table: whoever opens the journal later moves them."""
    found = {
        table.name: [column.name for column in table.columns if isinstance(column.type, Moment)]
        for table in metadata.sorted_tables
    }
    return {name: columns for name, columns in found.items() if columns}


def _write(name: str, text: str) -> None:
    with gzip.GzipFile(Path(__file__).with_name(name), "wb", mtime=0) as file:
        file.write(text.encode())


@contextmanager
def _lived(url: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Program(folder, "simulate", "--port", "0") as program:
            agencies = Agencies(program)
            here = Old(folder, agencies, url or f"sqlite:///{folder}/journal.db")
            life(here, agencies)
        yield folder


def main() -> None:
    """Make both."""
    assert __version__ == "0.2.0", __version__
    about: dict[str, Any] = {"moments": moments()}
    with _lived("") as folder:
        about["sqlite"] = asyncio.run(told(f"sqlite:///{folder}/journal.db", folder / "key"))
        shutil.copy(folder / "key", Path(__file__).with_name("sqlite.key"))
        with sqlite3.connect(folder / "journal.db") as connection:
            _write("sqlite.sql.gz", "\n".join(connection.iterdump()))
    with Postgres(fsync=False) as server:
        name = server.database()
        with _lived(server.url(name)) as folder:
            about["postgresql"] = asyncio.run(told(server.url(name), folder / "key"))
            shutil.copy(folder / "key", Path(__file__).with_name("postgresql.key"))
        found = programs()
        assert found is not None
        command = [str(found / "pg_dump"), "--no-owner", "--no-acl", "--rows-per-insert=50", server.url(name)]
        dumped = subprocess.run(command, check=True, capture_output=True, env={**os.environ, "LC_ALL": "C"})
        _write("postgresql.sql.gz", re.sub(r"(?m)^(\\.*|--.*|)\n", "", dumped.stdout.decode()))
    _write("told.json.gz", json.dumps(about, ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    main()
