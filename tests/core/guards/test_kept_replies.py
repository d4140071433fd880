"""What comes of a source is kept as it came, with the question that it came for."""

import asyncio
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, OutcomeKind, RawReply, Reply, Request, packing
from appealbus.core.domain.case import KeptAnswer, KeptReplies
from appealbus.core.guards import conversation
from appealbus.core.guards.conversation import Came, Failed, NotKept, unpack
from appealbus.core.guards.question import Ended
from tests.core.guards.conftest import START, Bench, Thing, ThingLookup, found

BODY = "<reply>Жер</reply>".encode()


def bench_of(*script: object, **settings: Any) -> Bench:
    """Return a guard that keeps replies for a day."""
    bench = Bench(script or (answer(),), **settings)
    bench.guard.context.keep_replies = 86400.0
    return bench


def answer(body: bytes = BODY, failed: CallFailed | None = None, seconds: float = 0.0) -> Callable[..., Any]:
    """Return a step of a script: a reply comes, which the wire hands over and then may refuse."""

    async def step(request: Request, call: Call) -> Reply:
        await asyncio.sleep(seconds)
        assert call.came is not None
        call.came(RawReply(body, "200", START))
        if failed is not None:
            raise failed
        return Reply({}, "ab" * 32, START)

    return step


def bodies(ended: Ended) -> list[object]:
    """Return what is kept: bodies of replies, codes of calls to which none came."""
    assert ended.replies is not None
    steps = unpack(ended.replies.head, ended.replies.packed).steps
    return [step.reply.body if isinstance(step, Came) else step.code for step in steps]


class Twice(ThingLookup):
    """Asks twice, and goes on where the first call fails."""

    async def ask(self, query: Any, source: Any) -> Any:
        with suppress(CallFailed):
            await source.call(Request({}))
        return self.read(await source.call(Request({})))


DOWN = CallFailed(OutcomeKind.UNAVAILABLE, "test.down", "down")


def test_what_came_is_kept_byte_for_byte(virtual: Callable[..., Any]) -> None:
    """A reply is kept under the question's id, with what its wire needs to read it."""

    async def scenario() -> None:
        bench = bench_of()
        ended = await bench.ask()
        kept = ended.replies
        assert kept is not None
        assert (kept.source, kept.seconds, kept.at) == ("test", 86400.0, START)
        assert kept.question_id == bench.access.rows[0].question_id
        told = unpack(kept.head, kept.packed)
        assert told == conversation.Conversation(
            kept.question_id, bench.guard.context.now(), (Came(RawReply(BODY, "200", START)),)
        )

    virtual(scenario)


def test_nothing_is_kept_where_nobody_says_so(virtual: Callable[..., Any]) -> None:
    """Without the setting a wire is asked as ever."""

    async def step(request: Request, call: Call) -> Reply:
        assert call.came is None
        return Reply({}, "ab" * 32, START)

    async def scenario() -> None:
        assert (await Bench([step]).ask()).replies is None

    virtual(scenario)


def test_the_reply_to_a_failed_question_is_kept(virtual: Callable[..., Any]) -> None:
    """One that its wire refuses, one that the lookup cannot read, and one over which the lookup raises."""

    async def scenario() -> None:
        broken = CallFailed(OutcomeKind.INVALID, "reply.schema", "broken")
        assert bodies(await bench_of(answer(failed=broken)).ask()) == [BODY]
        bench = bench_of()
        bench.lookup = ThingLookup(lambda reply: 1 / 0)
        assert bodies(await bench.ask()) == [BODY]

    virtual(scenario)


def test_of_several_attempts_the_last_that_brought_anything_counts(virtual: Callable[..., Any]) -> None:
    """A source that then says nothing takes nothing away; nothing at all leaves nothing."""

    async def scenario() -> None:
        busy = CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "busy")
        ended = await bench_of(answer(b"1", busy), answer(b"2", busy), DOWN, attempts=3).ask()
        assert bodies(ended) == [b"2"]
        assert (await bench_of(DOWN, attempts=2).ask()).replies is None

    virtual(scenario)


def test_several_calls_of_a_question_are_kept_in_their_order(virtual: Callable[..., Any]) -> None:
    """With the ids of their messages, and with the calls to which nothing came."""

    async def scenario() -> None:
        bench = bench_of(answer(b"login"), answer(b"page"))
        bench.lookup = Twice()
        ended = await bench.ask()
        assert bodies(ended) == [b"login", b"page"]
        assert ended.replies is not None
        first, second = unpack(ended.replies.head, ended.replies.packed).steps
        assert isinstance(first, Came)
        assert isinstance(second, Came)
        assert (first.message_ids, second.message_ids) == (
            bench.wire.calls[0].message_ids,
            bench.wire.calls[1].message_ids,
        )
        bench = bench_of(DOWN, answer(b"page"))
        bench.lookup = Twice()
        assert bodies(await bench.ask()) == ["test.down", b"page"]

    virtual(scenario)


def test_a_question_that_is_shared_or_remembered_has_its_own_copy(virtual: Callable[..., Any]) -> None:
    """Each appeal's is under its own access row, and says under which id the question left."""

    async def scenario() -> None:
        bench = bench_of(answer(seconds=1.0), fresh=60)
        ended = await asyncio.gather(bench.ask(), bench.ask(number="N-2"))
        ended.append(await bench.ask(number="N-3"))
        kept = [each.replies for each in ended]
        assert all(isinstance(each, KeptReplies) for each in kept)
        assert {each.question_id for each in kept if each} == {row.question_id for row in bench.access.rows}
        assert {unpack(each.head, each.packed).asked_as for each in kept if each} == {bench.wire.calls[0].question_id}

    virtual(scenario)


def test_an_answer_that_comes_later_is_kept(virtual: Callable[..., Any]) -> None:
    """It is read with what its wire had kept beside it."""

    async def scenario() -> None:
        bench = bench_of(0.0)
        late = KeptAnswer("q-1", "test.thing", "1", START, START + timedelta(hours=1), '{"a": 1}', BODY)
        ended = await bench.ask(answer=late)
        assert ended.read
        assert ended.replies is not None
        told = unpack(ended.replies.head, ended.replies.packed)
        assert told.late
        assert told.steps == (Came(RawReply(BODY, '{"a": 1}', late.answered_at)),)

    virtual(scenario)


def test_too_much_is_not_kept(virtual: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is what a wire does not hand over; the question ends as ever."""

    async def scenario() -> None:
        monkeypatch.setattr(conversation, "MOST_BYTES", 10)
        ended = await bench_of(answer(b"x" * 11)).ask()
        assert (ended.outcome.kind, ended.replies) == (OutcomeKind.FOUND, None)
        assert (await bench_of(0.0).ask()).replies is None

    virtual(scenario)


def test_large_replies_are_not_remembered(virtual: Callable[..., Any]) -> None:
    """An answer from memory is given all the same."""

    async def scenario() -> None:
        bench = bench_of(answer(os.urandom(10_000)), fresh=60)
        assert (await bench.ask()).replies is not None
        again = await bench.ask()
        assert (again.outcome, again.replies) == (found(Thing()), None)

    virtual(scenario)


def test_what_an_older_release_kept_is_read() -> None:
    """It packed by zlib."""
    whole = conversation.Conversation("q", START, (Came(RawReply(BODY, "200", START), ("m",)),))
    kept = asyncio.run(conversation.pack(whole, "test", 1.0))
    older = zlib.compress(BODY, 1)
    assert unpack(kept.head, older) == whole
    for damaged in (older[:-1], older + b"x", older[:8] + b"\0" + older[9:]):
        with pytest.raises(NotKept):
            unpack(kept.head, damaged)


@pytest.mark.parametrize("body", [b"x\x01 begins like zlib", packing.pack(BODY, packing.REPLIES), b"", b"no XML"])
def test_whatever_a_reply_begins_with_it_is_kept(body: bytes) -> None:
    """Also like what is packed."""
    whole = conversation.Conversation("q", START, (Came(RawReply(body, "200", START), ("m",)),))
    kept = asyncio.run(conversation.pack(whole, "test", 1.0))
    assert unpack(kept.head, kept.packed) == whole


def test_damage_is_told() -> None:
    """Whatever became of a row: a code of ours, and no exception of a library."""
    whole = conversation.Conversation(
        "q", START, (Came(RawReply(BODY, "200", START), ("m",)), Failed(DOWN.kind, "c", "r"))
    )
    kept = asyncio.run(conversation.pack(whole, "test", 1.0))
    assert unpack(kept.head, kept.packed) == whole
    bomb = asyncio.run(conversation.pack(replace(whole, steps=(Came(RawReply(bytes(9 << 20), "", START)),)), "t", 1.0))
    for head, packed in (
        (kept.head, kept.packed[:-1]),
        (kept.head, kept.packed + b"x"),
        (kept.head, b""),
        (kept.head, b"\0" * 20),
        ("{}", kept.packed),
        ("[]", kept.packed),
        ("", kept.packed),
        (kept.head.replace('"size":', '"size":1'), kept.packed),
        (kept.head.replace("2026", "year"), kept.packed),
        (bomb.head, bomb.packed),
    ):
        with pytest.raises(NotKept):
            unpack(head, packed)
