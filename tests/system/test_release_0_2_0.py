"""A journal that release 0.2.0 left behind: install this release, start, and everything is there and goes on."""

import asyncio
import gzip
import hashlib
import json
import shutil
import sqlite3
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from appealbus.core.enrichment.carrying import Before, whole
from appealbus.core.journal import clients, documents, figures
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.changes import changes
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.journal import Journal
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.planning.plan import Plan
from appealbus.schemas.stored import DOSSIER
from tests.core.journal.release_0_2_0 import make
from tests.core.journal.release_0_2_0.make import LEFT, UNKNOWN, Old
from tests.services.forms import form
from tests.system.installation import Agencies, letters
from tests.system.program import appealbus

pytestmark = [pytest.mark.system, pytest.mark.proof]
HERE = Path(make.__file__).parent
BATCH = 50
"""Letters that come together."""
TOLD: dict[str, Any] = json.loads(gzip.decompress((HERE / "told.json.gz").read_bytes()))


def dump(name: str) -> str:
    return gzip.decompress((HERE / f"{name}.sql.gz").read_bytes()).decode()


def moved(clock: int) -> list[str]:
    """Return statements after which its worker stopped a minute ago, whenever this runs."""
    by = time.time_ns() // 1000 - clock - 60_000_000
    return [
        f"UPDATE {table} SET {', '.join(f'{name} = {name} + {by}' for name in names)}"
        for table, names in TOLD["moments"].items()
    ]


class Left(Old):
    """The folder and the journal of it; receivers now take what they are given."""

    kind = ""

    def configure(self, **tables: dict[str, Any]) -> None:
        """Write the configuration of 0.2.0, but for the receiver that took nothing."""
        deliveries = {name: {"kind": "files", "path": f"{name}.jsonl"} for name in ("registry", "away")}
        super().configure(**{"deliveries": deliveries, **tables})


@pytest.fixture(params=form(["sqlite"], ["sqlite", "postgresql"]))
def left(request: pytest.FixtureRequest, tmp_path: Path, agencies: Agencies) -> Left:
    kind: str = request.param
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'journal.db'}"
        with sqlite3.connect(tmp_path / "journal.db") as connection:
            connection.executescript(dump(kind))
            for statement in moved(connection.execute("SELECT clock FROM standing").fetchone()[0]):
                connection.execute(statement)
        connection.close()
    else:
        url = request.getfixturevalue("database")
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(dump(kind))  # type: ignore[call-overload]
            server.execute("SET search_path TO public")
            for statement in moved(server.execute("SELECT clock FROM standing").fetchone()[0]):  # type: ignore[index]
                server.execute(statement)  # type: ignore[call-overload]
    shutil.copy(HERE / f"{kind}.key", tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    made = Left(tmp_path, agencies, url)
    made.kind = kind
    return made


def now_told(here: Left) -> dict[str, Any]:
    return asyncio.run(_told(here.journal, here.folder / "key"))


async def _told(url: str, key: Path) -> dict[str, Any]:
    """Return what is told now, as `make.told` has asked 0.2.0."""
    async with await Journal.open(url, key=key, read_only=True) as journal:
        told: dict[str, Any] = {}
        for row in await journal.ask(lists.appeals, limit=2000):
            number = row.number
            versions = [await journal.ask(documents.whole, number, at) for at in range(1, row.version + 1)]
            told[number] = {
                "state": row.state.value,
                "closed": row.closed,
                "held": row.held_reason,
                "versions": [hashlib.sha256(each or b"").hexdigest() for each in versions],
                "states": len(await journal.ask(cases.states, number)),
                "changes": [each.message_id for each in await journal.ask(changes.changes, number) or ()],
                "deliveries": len(await journal.ask(deliveries.deliveries, number)),
            }
        counts = await journal.ask(figures.counts)
        names = [client.name for client, _ in await journal.ask(clients.all_clients)]
        return {"appeals": told, "waiting_changes": counts.waiting_changes, "clients": names}


def test_everything_is_there_and_goes_on(left: Left) -> None:
    """Each appeal, version, question, change and delivery as 0.2.0 told it; then what was left is worked, once."""
    before = TOLD[left.kind]
    appealbus(left.folder, "check")
    # Whoever writes first migrates; nothing here knows the journal yet, as where 0.2.0 had no checkpoint.
    assert "appealbus enrol" in appealbus(left.folder, "client", "add", "another", "--role", "ops", expect=4).err
    left.do("enrol", "--yes")
    left.do("client", "add", "another", "--role", "ops")
    now = now_told(left)
    assert now["appeals"] == before["appeals"]
    assert (now["waiting_changes"], now["clients"]) == (UNKNOWN, ["another", *before["clients"]])

    left.do("run", "--until-idle")
    after = now_told(left)
    for number, was in before["appeals"].items():
        row = after["appeals"][number]
        # Nothing of what was told is told otherwise, and only what had not begun has a version more.
        assert row["versions"][: len(was["versions"])] == was["versions"]
        assert len(row["versions"]) - len(was["versions"]) == (was["state"] == "ready"), number
        assert (row["held"], row["closed"], row["changes"]) == (was["held"], was["closed"], was["changes"])
        assert row["state"] == (was["state"] if was["state"] in ("held", "parked") else row["state"])
    assert not [row for row in after["appeals"].values() if row["state"] in ("ready", "in_work", "suspect")]
    assert after["waiting_changes"] == UNKNOWN

    got = {name: _received(left.folder / f"{name}.jsonl") for name in ("registry", "away")}
    every = {(number, at + 1) for number, row in after["appeals"].items() for at in range(len(row["versions"]))}
    new = {(number, 1) for number, row in before["appeals"].items() if row["state"] == "ready"}
    assert len(new) == LEFT
    assert got["registry"] == Counter(new)
    assert got["away"].keys() <= every
    assert set(got["away"].values()) == {1}
    # Of versions that waited together a receiver gets the newest.
    assert got["away"].keys() >= {(number, len(row["versions"])) for number, row in after["appeals"].items()}


def test_it_goes_on_under_load(left: Left) -> None:
    """While letters go on coming, and a worker is killed amid the old work, nothing of either is lost."""
    before = TOLD[left.kind]
    # It migrates, and takes nothing from a journal that it does not know yet.
    appealbus(left.folder, "client", "add", "another", "--role", "ops", expect=4)
    left.do("enrol", "--yes")
    lines = [letter.model_dump_json(exclude_unset=True) for letter in letters(4 * BATCH, skip=5000)]
    batches = [lines[at : at + BATCH] for at in range(0, len(lines), BATCH)]
    with left.start("run") as program:
        left.put_in(batches[0])
        program.until(lambda: _begun(left, before) > LEFT // 5, "a part of the old ones is worked")
        program.kill()
    left.put_in(batches[1])
    with left.start("run") as program:
        left.put_in(batches[2])
        left.put_in(batches[3])
        program.until(lambda: _begun(left, before) == LEFT, "all the old ones are worked")
        assert program.stop().code == 0
    left.do("run", "--until-idle")

    after = now_told(left)
    assert not [row for row in after["appeals"].values() if row["state"] in ("ready", "in_work", "suspect")]
    new = after["appeals"].keys() - before["appeals"].keys()
    assert len(new) == len(lines)
    assert all(after["appeals"][number]["versions"] for number in new)
    for number, was in before["appeals"].items():
        versions = after["appeals"][number]["versions"]
        assert versions[: len(was["versions"])] == was["versions"]
        assert len(versions) - len(was["versions"]) == (was["state"] == "ready"), number
    # A kill may have a version delivered twice, and none not at all.
    registry = _received(left.folder / "registry.jsonl")
    began = {number for number, row in before["appeals"].items() if row["state"] == "ready"}
    assert {number for number, _ in registry} == began | new


def _begun(here: Left, before: dict[str, Any]) -> int:
    ready = {number for number, row in before["appeals"].items() if row["state"] == "ready"}
    return sum(row.version > 0 for row in here.rows() if row.number in ready)


async def test_each_record_that_it_told_is_led_to_by_what_is_on_record(tmp_path: Path) -> None:
    """Where nobody asks anything now, all that its newest versions tell stays: inputs and paths are there."""
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.executescript(dump("sqlite"))
    connection.close()
    shutil.copy(HERE / "sqlite.key", tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    nothing, facts = CompletenessContract(Plan([]), frozenset(), 1.0), 0
    async with await Journal.open(f"sqlite:///{tmp_path / 'journal.db'}", key=tmp_path / "key") as journal:
        for row in await journal.ask(lists.appeals, limit=form(100, 1000)):
            raw, case = await journal.ask(documents.whole, row.number), await journal.ask(cases.case, row.number)
            if raw is None or case is None:
                continue
            was = DOSSIER.read(raw)
            now = whole(replace(case, appeal=was.appeal), {}, nothing, Before(), journal.now())
            there = {(each.lookup, each.key) for each in was.facts}
            assert {(each.lookup, each.key) for each in now.states if each.record is not None} == there, row.number
            facts += len(there)
    assert facts > form(100, 1000)


def _received(path: Path) -> Counter[tuple[str, int]]:
    dossiers = map(json.loads, path.read_text().splitlines())
    return Counter((dossier["number"], dossier["version"]) for dossier in dossiers)
