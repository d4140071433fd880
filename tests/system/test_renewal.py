"""A key that is renewed, and an epoch that begins, beside servers that take appeals: who has a receipt is found."""

import asyncio
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from appealbus.core.cli.exits import EXIT_OUTLIVED
from appealbus.core.journal.journal import Journal
from tests.services.asking import appeals_of
from tests.services.forms import form
from tests.services.journals import sqlite_journal
from tests.services.processes import PATIENCE, free_port
from tests.system.program import Program, appealbus

pytestmark = [pytest.mark.system, pytest.mark.proof]

IIN = "120101500016"
CONFIGURATION = """
bus = {{ journal = "{journal}", key = "key", checkpoint = "checkpoint", grace = "2s" }}
plugins.api = {{ listen = "127.0.0.1:{port}" }}
log = {{ format = "json" }}
"""


class Channel(threading.Thread):
    """Sends appeals of one person, each until it has a receipt."""

    def __init__(self, port: int, token: str) -> None:
        super().__init__(daemon=True)
        self.taken: dict[str, str] = {}
        """Numbers by message id."""
        self.refused: set[int] = set()
        self.over = False
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"})

    def run(self) -> None:
        while not self.over:
            message_id = f"m{len(self.taken)}"
            body = {"message_id": message_id, "kind": "complaint", "applicant": {"type": "person", "iin": IIN}}
            with suppress(httpx.TransportError):
                answer = self._client.post("/v1/appeals", json=body)
                if answer.status_code in (200, 201):
                    self.taken[message_id] = answer.json()["number"]
                else:
                    self.refused.add(answer.status_code)
            time.sleep(0.01)
        self._client.close()


class Supervised(threading.Thread):
    """Starts the server, and again whenever it ends with the code for that."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self.codes: list[int] = []
        self.err = ""
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            with Program(self._folder, "serve") as server:
                while server.running and not self.stopping.is_set():
                    time.sleep(0.05)
                ended = server.ended() if not self.stopping.is_set() else server.stop(PATIENCE)
            self.codes.append(ended.code)
            self.err += ended.err


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nobody_is_lost_to_a_renewal_or_a_restore(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """The server ends and says why, is started again, and goes on with the new key; a channel is told to send again."""
    sqlite = database == "sqlite"
    journal = f"sqlite:///{tmp_path}/journal.db" if sqlite else str(request.getfixturevalue("journal_database"))
    if sqlite:
        sqlite_journal(tmp_path / "journal.db")
        (tmp_path / "journal.db.key").rename(tmp_path / "key")
    port = free_port()
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION.format(journal=journal, port=port))
    token = appealbus(tmp_path, "client", "add", "portal", "--role", "channel", "--channel", "portal").out.strip()
    channel, server = Channel(port, token), Supervised(tmp_path)
    server.start()
    channel.start()

    def takes(more: int) -> None:
        wanted, ends = len(channel.taken) + more, time.monotonic() + PATIENCE
        while len(channel.taken) < wanted:
            assert time.monotonic() < ends, (channel.refused, server.codes, server.err[-3000:])
            time.sleep(0.05)

    takes(form(5, 50))
    appealbus(tmp_path, "key", "renew", "--yes", timeout=PATIENCE)
    takes(form(5, 50))
    appealbus(tmp_path, "restored", "--yes", timeout=PATIENCE)
    takes(form(5, 50))
    channel.over = True
    channel.join(PATIENCE)
    server.stopping.set()
    server.join(PATIENCE)
    assert server.codes[-1] == 0
    assert set(server.codes[:-1]) == {EXIT_OUTLIVED}
    assert channel.refused <= {503}
    assert '"journal.superseded"' in server.err
    assert '"renewed"' in server.err

    async def found() -> set[str]:
        async with await Journal.open(journal, key=tmp_path / "key", read_only=True) as opened:
            return {row.message_id for row in await appeals_of(opened, "iin", IIN, limit=100_000)}

    assert set(channel.taken) <= asyncio.run(found())
    assert len(set(channel.taken.values())) == len(channel.taken)
    epochs = {number.count("-") for number in channel.taken.values()}
    assert epochs == {2, 3}
