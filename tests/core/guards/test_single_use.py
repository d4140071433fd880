"""A signed answer counts once: the guard asks before a lookup reads it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from appealbus.core import Call, CallFailed, JournalError, OutcomeKind, Reply, Request, SingleUse, Source
from appealbus.core.testing import ScriptedWire


class Notes:
    """What the journal notes, in memory; `down` while it cannot be written."""

    def __init__(self):
        self.used = {}
        self.down = False

    async def __call__(self, once, message_id):
        if self.down:
            raise JournalError("away", "unreachable")
        return self.used.setdefault(once.key, message_id) == message_id


class Line(ScriptedWire):
    doubts = 0

    def doubt(self):
        self.doubts += 1


@pytest.fixture
def signed(kit):
    def make(key):
        return Reply({"key": key}, "ab" * 32, kit.start, once=SingleUse(key, kit.start + timedelta(minutes=10)))

    return make


async def test_another_message_gets_it_not(signed):
    """Whether it brings a record or a last word, the second message hears that it was repeated, and reads nothing."""
    notes = Notes()
    last_word = CallFailed(OutcomeKind.REFUSED, "shep.refused", "no right", once=signed("b").once)
    line = Line([signed("a"), signed("a"), last_word, last_word, signed("c")])
    source = Source("s", line, Call("q", "N", 1.0), use_once=notes)
    codes = []
    for _ in range(5):
        try:
            codes.append((await source.call(Request({}))).body["key"])
        except CallFailed as failed:
            codes.append(failed.code)
    assert codes == ["a", "reply.repeated", "shep.refused", "reply.repeated", "c"]
    assert [reply.body["key"] for reply in source.replies] == ["a", "c"]
    assert line.doubts == 2
    assert len(set(notes.used.values())) == 3


async def test_read_again(signed):
    """An answer that came by itself may be read again after a crash: it is the same question's."""
    notes = Notes()
    for question, code in (("q", None), ("q", None), ("other", "reply.repeated")):
        source = Source("s", Line([signed("a")]), Call(question, "N", 1.0), use_once=notes)
        if code is None:
            assert (await source.call(Request({}))).body == {"key": "a"}
        else:
            with pytest.raises(CallFailed, match=code):
                await source.call(Request({}))


async def test_while_nothing_can_be_noted(signed):
    """Nobody knows then whether it came before, so it does not count, and the question is put again."""
    notes = Notes()
    notes.down = True
    with pytest.raises(CallFailed) as caught:
        await Source("s", Line([signed("a")]), Call("q", "N", 1.0), use_once=notes).call(Request({}))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.UNAVAILABLE, "reply.not_noted")


async def test_what_is_not_signed(signed):
    """It has nothing that it could be known again by, and is never held up by the journal."""
    notes = Notes()
    notes.down = True
    line = Line([replace(signed("a"), once=None)] * 2)
    source = Source("s", line, Call("q", "N", 1.0), use_once=notes)
    assert [(await source.call(Request({}))).body["key"] for _ in range(2)] == ["a", "a"]
