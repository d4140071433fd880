"""What was said between a question and its source, kept as it came: noted on the way, packed, and unpacked again."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from appealbus.core import packing
from appealbus.core.domain.case import KeptAnswer
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.answer import RawReply
from appealbus.core.interfaces.notes import ReplyCheck
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.packing import REPLIES
from appealbus.schemas.outcome import OutcomeKind

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of all replies to a question, as they came: twice what a source may send at once by default."""
_MOST_CALLS = 100
"""Calls of a question: a lookup that pages through more asks about a register, not about a person."""
_LARGE = 64 * 1024
"""Bytes of which the compression is worth a thread: it takes a tenth of a millisecond and more."""


class NotKept(AppealBusError):
    """What is kept cannot be read again. The text says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Came:
    """A reply, and the ids of the message that it came for."""

    reply: RawReply
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A call to which no reply came."""

    kind: OutcomeKind
    code: str
    reason: str
    retry_after: float | None = None


Step: TypeAlias = Came | Failed


@dataclass(frozen=True, slots=True)
class Conversation:
    """What came of each call of a question, in their order.

    Attributes:
        asked_as: the id under which the question left; another appeal's may have been shared.
        asked_at: when it left first.
        steps: of each call, what came.
        late: the answer came by itself.

    """

    asked_as: str
    asked_at: datetime
    steps: tuple[Step, ...]
    late: bool = False


class NotingWire(Wire):
    """A wire that notes what comes."""

    def __init__(self, wire: Wire) -> None:
        self.answers_async = wire.answers_async
        self.replies: ReplyCheck = wire.replies
        self._wire = wire
        self._steps: list[Step] = []
        self._size = 0
        self.missed = False
        """Something came that cannot be kept: it is too much, or its wire does not hand it over."""

    async def call(self, request: Request, call: Call) -> Reply:
        """Carry the request."""
        came: list[RawReply] = []
        try:
            reply = await self._wire.call(request, replace(call, came=came.append))
        except CallFailed as failed:
            self._note(came, call, Failed(failed.kind, failed.code, failed.reason, failed.retry_after))
            raise
        self._note(came, call, None)
        return reply

    def _note(self, came: Sequence[RawReply], call: Call, failed: Failed | None) -> None:
        self._size += sum(len(reply.body) for reply in came)
        too_much = self._size > MOST_BYTES or len(self._steps) >= _MOST_CALLS
        self.missed = self.missed or too_much or (not came and failed is None)
        if self.missed:
            self._steps.clear()
        elif came:
            self._steps.append(Came(came[-1], call.message_ids))
        elif failed is not None:
            self._steps.append(failed)

    def conversation(self, asked_as: str, asked_at: datetime) -> Conversation | None:
        """Return what came; None where that was nothing, or more than is kept."""
        if not any(isinstance(step, Came) for step in self._steps):
            return None
        return Conversation(asked_as, asked_at, tuple(self._steps))

    async def health(self) -> Health:
        """Ask the wire."""
        return await self._wire.health()

    def doubt(self) -> None:
        """Tell the wire."""
        self._wire.doubt()


async def pack(conversation: Conversation, source: str, seconds: float) -> KeptReplies:
    """Return what came of a source in a conversation, to be kept for so long."""
    came = [step.reply for step in conversation.steps if isinstance(step, Came)]
    whole = b"".join(reply.body for reply in came)
    packed = (
        await asyncio.to_thread(packing.pack, whole, REPLIES) if len(whole) > _LARGE else packing.pack(whole, REPLIES)
    )
    head = {
        "as": conversation.asked_as,
        "asked": conversation.asked_at,
        "late": conversation.late,
        "calls": [_told(step) for step in conversation.steps],
    }
    return KeptReplies(source, conversation.asked_as, came[-1].at, orjson.dumps(head).decode(), packed, seconds)


def _told(step: Step) -> Mapping[str, Any]:
    if isinstance(step, Failed):
        return {"kind": step.kind.value, "code": step.code, "reason": step.reason, "again": step.retry_after}
    reply = step.reply
    return {"size": len(reply.body), "at": reply.at, "head": reply.head, "ids": step.message_ids}


def unpack(head: str, packed: bytes) -> Conversation:
    """Return the conversation again.

    Raises:
        NotKept: it is damaged, or another version of the bus kept it in a way that this one does not know.

    """
    try:
        told = orjson.loads(head)
        whole = packing.unpack(packed, MOST_BYTES) if packing.is_packed(packed) else _undone(packed)
        if len(whole) > MOST_BYTES or len(whole) != sum(each.get("size", 0) for each in told["calls"]):
            raise NotKept("what is kept of the reply is damaged")
        steps: list[Step] = []
        begins = 0
        for each in told["calls"]:
            if "size" not in each:
                steps.append(Failed(OutcomeKind.stored(each["kind"]), each["code"], each["reason"], each["again"]))
                continue
            body = whole[begins : begins + each["size"]]
            begins += each["size"]
            reply = RawReply(body, each["head"], datetime.fromisoformat(each["at"]))
            steps.append(Came(reply, tuple(each["ids"])))
        return Conversation(told["as"], datetime.fromisoformat(told["asked"]), tuple(steps), told["late"])
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
        raise NotKept("what is kept of the reply is damaged") from None


def _undone(packed: bytes) -> bytes:
    """Return what a release before 0.2.0 packed, by zlib; ValueError where it is damaged."""
    undo = zlib.decompressobj()
    whole = undo.decompress(packed, MOST_BYTES + 1)
    if not undo.eof or undo.unused_data:
        raise ValueError("it does not end")
    return whole


def of_answer(answer: KeptAnswer) -> Conversation:
    """Return the conversation whose answer came by itself."""
    reply = RawReply(answer.body, answer.head, answer.answered_at)
    return Conversation(answer.question_id, answer.asked_at, (Came(reply),), late=True)
