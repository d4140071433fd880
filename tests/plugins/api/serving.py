"""A server of the API over a journal that a bus works, as another process would have it, and its clients."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import orjson

from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.loading import from_document
from appealbus.core.domain.client import Client, Credential, Role
from appealbus.core.journal import clients
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.rights.credentials import new_token
from appealbus.core.rights.policy import Policy, read_policy
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.security import context
from appealbus.plugins.api.server import run
from appealbus.plugins.api.settings import ApiSettings
from tests.services.processes import PATIENCE

JSON = {"Content-Type": "application/json"}


class Served:
    """A server that answers, and the journal behind it."""

    def __init__(self, api: Api, port: int) -> None:
        self.api = api
        self.port = port
        self.url = f"http{'s' if api.settings.tls_certificate else ''}://127.0.0.1:{port}"
        self._clients: list[httpx.AsyncClient] = []

    @property
    def journal(self) -> Journal:
        return self.api.journal

    @property
    def connections(self) -> int:
        """How many connections the server has."""
        return int(self.api.metrics.registry.get_sample_value("appealbus_api_connections") or 0)

    async def token(self, role: Role | str, name: str = "", **given: Any) -> str:
        """Add a client; return its token."""
        token, mark, digest = new_token()
        role, now = Role(role), self.journal.now()
        usual = {"channel": "test" if role is Role.CHANNEL else "", "places": (), "kinds": (), "per_minute": None}
        credential = Credential(mark, "token", now, now + given.pop("lasts", timedelta(days=1)))
        client = Client(name or role.value, role, **{**usual, **given}, created_at=now, created_by="person:test")
        await self.journal.do(clients.NewClient(client, credential, digest))
        return token

    async def client(self, role: Role | str, name: str = "", **given: Any) -> httpx.AsyncClient:
        """Add a client; return what speaks for it."""
        return self.speaking(await self.token(role, name, **given))

    def speaking(self, token: str | None = None, tls: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """Return what speaks with a token, or without."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # Without TLS it needs no authorities, which take as long to read as three answers.
        trusts = tls or self.url.startswith("https")
        made = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=PATIENCE, verify=trusts)
        self._clients.append(made)
        return made

    async def raw(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send bytes as they are over a connection of their own; return all that comes until it ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause)
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._clients:
            await each.aclose()


@asynccontextmanager
async def served(
    url: str,
    folder: Path,
    *,
    policy: Policy | None = None,
    bus: dict[str, Any] | None = None,
    host: Host | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """Serve a journal that is there, with these settings of `[plugins.api]`, and plugins, or none."""
    loaded = from_document({"bus": {"journal": url, "grace": 2, **(bus or {})}}, folder)
    host = host or Host(lambda name, model: model())
    async with await Journal.open(url, key=loaded.settings.bus.key_file(), parts=host.journal_parts) as journal:
        policy = policy or read_policy(loaded, host)
        reception = Reception(journal, loaded.settings.bus, policy=policy)
        api = Api(ApiSettings(**settings), loaded, policy, journal, reception, host)
        told = asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            running = asyncio.create_task(run(api, context(api.settings), listener, told))
            try:
                async with Served(api, listener.getsockname()[1]) as made:
                    yield made
            finally:
                told.set()
                async with asyncio.timeout(PATIENCE):
                    await running
                await reception.aclose()


def letter(message_id: str = "m-1", **given: Any) -> bytes:
    """Return an appeal as a channel sends it."""
    return orjson.dumps({"message_id": message_id, "kind": "complaint", "applicant": {"type": "person"}, **given})


def kind_of(answer: httpx.Response) -> str:
    """Return the type of problem that an answer is, and hold it to its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert {"type", "title", "status", "detail"} <= told.keys()
    assert told["status"] == answer.status_code
    return str(told["type"]).removeprefix("/problems/")
