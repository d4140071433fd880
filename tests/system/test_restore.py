"""An old copy of the journal is put in place: by the steps of the page nothing is numbered twice, nothing missing."""

import json
import sqlite3
import subprocess
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from appealbus.core.journal import state
from appealbus.schemas import Dossier
from tests.services.forms import form
from tests.services.postgres import Postgres, programs
from tests.services.recomputed import check_the_past
from tests.system.installation import HURRY, SENDER, Agencies, Installation, letters
from tests.system.program import appealbus

pytestmark = [pytest.mark.system, pytest.mark.proof]

COUNT = form(40, 80)


class Sqlite(Installation):
    """On its file."""

    def back_up(self) -> None:
        """Make a copy, as the page says."""
        source = f"file:{self.folder / 'journal.db'}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as connection, connection:
            connection.execute("VACUUM INTO ?", [str(self.folder / "backup.db")])

    def restore(self) -> None:
        """Put the copy in place, as the page says."""
        for end in ("-wal", "-shm"):
            Path(f"{self.folder / 'journal.db'}{end}").unlink(missing_ok=True)
        (self.folder / "backup.db").rename(self.folder / "journal.db")


class Postgresql(Installation):
    """On a database."""

    def __init__(self, folder: Path, agencies: Agencies, server: Postgres, url: str) -> None:
        self.server, self.url, self.database = server, url, make_url(url).database or ""
        self.journal = url
        super().__init__(folder, agencies)

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write the configuration: the checkpoint is a file on this machine."""
        super().configure(
            **tables, bus={"journal": self.url, "checkpoint": "checkpoint.json", "plugins": [SENDER, *HURRY]}
        )

    def back_up(self) -> None:
        """Make a copy, as the page says."""
        self._tool("pg_dump", "--format=custom", f"--file={self.folder / 'backup'}", self._name)

    def restore(self) -> None:
        """Put the copy into an empty database, as the page says."""
        self.server.drop(self.database)
        self.server.execute(f"CREATE DATABASE {self.database} TEMPLATE template0")  # type: ignore[arg-type]
        self._tool("pg_restore", "--exit-on-error", f"--dbname={self._name}", str(self.folder / "backup"))

    @property
    def _name(self) -> str:
        return f"host=127.0.0.1 port={self.server.port} user=postgres dbname={self.database}"

    def _tool(self, name: str, *arguments: str) -> None:
        subprocess.run([str((programs() or Path()) / name), *arguments], check=True, timeout=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def here(request: pytest.FixtureRequest, tmp_path: Path, agencies: Agencies) -> Installation:
    """An installation whose journal can be backed up and restored."""
    if request.param == "sqlite":
        return Sqlite(tmp_path, agencies)
    server, url = request.getfixturevalue("postgres"), request.getfixturevalue("database")
    return Postgresql(tmp_path, agencies, server, url)


def test_a_copy_is_restored_in_mid_run(here: Sqlite | Postgresql, agencies: Agencies) -> None:
    """No number on two appeals, no delivery id on two contents, every receiver has every dossier."""
    agencies.misbehave(egkn={"latency": "400ms", "http_502": 0.2}, gbdfl={"latency": "50ms"})
    sent = here.write(letters(COUNT))
    here.with_sender(together=2, gate="copied", completeness={"default": {"wait": "2s"}})
    with here.start("run") as bus:
        bus.until(lambda: len(here.acknowledged()) >= 15 and delivered(here), "some are delivered")
        here.back_up()
        (here.folder / "copied").touch()
        before, told = len(here.acknowledged()), len(delivered(here))
        copied = here.read(lambda journal: journal.ask(state.how_it_stands)).beat
        bus.until(lambda: here.read(lambda journal: journal.ask(state.how_it_stands)).beat > copied + 2, "time goes by")
        bus.until(lambda: len(here.acknowledged()) > before + 5, "receipts are given that the copy does not know")
        bus.until(lambda: len(delivered(here)) > told + 3, "and dossiers delivered")
        bus.kill()
    lost = {receipt["message_id"]: receipt["number"] for receipt in here.acknowledged()}
    here.restore()

    refused = appealbus(here.folder, "run", expect=4)
    assert "an older copy" in refused.err
    assert "appealbus restored" in refused.err
    assert "epoch 2" in appealbus(here.folder, "restored", "--yes").out
    agencies.misbehave()
    first = here.receipts.rename(here.folder / "before.jsonl")
    here.write(reversed(letters(COUNT)))  # in another order, or a number given twice would meet the same message
    appealbus(here.folder, "run", "--until-settled", timeout=60)

    numbers = defaultdict(set)
    for receipt in [*map(json.loads, first.read_text().splitlines()), *here.acknowledged()]:
        numbers[receipt["number"]].add(receipt["message_id"])
    assert [number for number, messages in numbers.items() if len(messages) > 1] == []
    again = {receipt["message_id"]: receipt["number"] for receipt in here.acknowledged()}
    assert again.keys() == set(sent)
    assert sum(again[message] != number for message, number in lost.items()) >= 5, (
        "nothing was lost, so nothing is shown"
    )
    contents = delivered(here)
    assert [name for name, lines in contents.items() if len(lines) > 1] == []
    dossiers = here.dossiers()
    assert dossiers.keys() == set(sent)
    assert {dossier.message_id for dossier in dossiers.values()} <= contents.keys()
    check_the_past(here.journal)


def delivered(here: Installation) -> dict[str, set[bytes]]:
    """Return what the receiver has, by delivery id."""
    contents: dict[str, set[bytes]] = defaultdict(set)
    if here.delivered.exists():
        for line in here.delivered.read_bytes().split(b"\n")[:-1]:
            contents[Dossier.model_validate_json(line).message_id].add(line)
    return contents
