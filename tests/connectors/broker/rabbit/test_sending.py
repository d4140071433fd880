"""What leaves over a connection, and in how many pieces."""

import asyncio

import pytest
from pika.adapters.asyncio_connection import AsyncioConnection

from appealbus.connectors.broker.broker import Message, Published
from appealbus.connectors.broker.rabbit import connection
from tests.services.taking import take

from .conftest import Open


async def test_what_leaves_in_one_turn_leaves_in_one_piece(connect: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty messages have 150 frames; in pieces of some bytes at most they arrive whole and in order, too."""
    pieces: list[int] = []
    emit = AsyncioConnection._adapter_emit_data

    def counted(self: AsyncioConnection, data: bytes) -> None:
        pieces.append(len(data))
        emit(self, data)

    broker = await connect()
    await broker.declare_queue("q")
    monkeypatch.setattr(AsyncioConnection, "_adapter_emit_data", counted)
    sent = [Message(str(number).encode(), routing_key="q") for number in range(50)]
    await broker.publish(sent[0])
    del pieces[:]
    results = await asyncio.gather(*(broker.publish(each) for each in sent))
    assert results == [Published.CONFIRMED] * 50
    assert len(pieces) < 10
    monkeypatch.setattr(connection, "_PIECE", 100)
    await asyncio.gather(*(broker.publish(each) for each in sent))
    assert len(pieces) > 20
    assert [int(each.body) for each in await take(broker, "q", 101)] == [0, *range(50), *range(50)]
