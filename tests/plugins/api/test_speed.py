"""What makes the API slow without anybody noticing why."""

import asyncio
import socket
from typing import Any

import pytest

from appealbus.core.rights.masked_version import Looks
from appealbus.plugins.api.connection import Connection
from tests.plugins.api.serving import Served


async def test_an_answer_is_not_held_back_until_its_head_is_acknowledged(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel sends what it is given at once, as a client acknowledges the head 40 ms later."""
    seen = []
    made = Connection.connection_made

    def connection_made(connection: Connection, transport: asyncio.Transport) -> None:
        made(connection, transport)
        own: Any = transport.get_extra_info("socket")
        seen.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(Connection, "connection_made", connection_made)
    assert (await server.speaking().get("/healthz")).status_code == 200
    assert seen
    assert all(seen)


def test_in_another_epoch_nothing_is_remembered_of_versions() -> None:
    """After a restore a version with the same number may say something else."""
    looks = Looks()
    looks.in_epoch(1)
    looks.remember("m", "N", 1, b"look")
    looks.in_epoch(1)
    assert looks.of("m", "N", 1) == b"look"
    looks.in_epoch(2)
    assert looks.of("m", "N", 1) is None
