"""Raw replies to a question: recorded on the wire, packed, and unpacked again."""

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from appealbus.core import packing
from appealbus.core.domain.case import KeptAnswer, KeptReplies
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.answer import RawReply
from appealbus.core.interfaces.notes import ReplyCheck
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.packing import REPLIES
from appealbus.schemas.outcome import OutcomeKind

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of all raw replies to a question: twice the default limit of one answer."""
_MOST_CALLS = 100
"""Calls of a question: a lookup with more pages asks about a register, not about a person."""
_LARGE = 64 * 1024
"""Bytes from which compression runs in a thread: it takes a tenth of a millisecond and more."""


class NotKept(AppealBusError):
    """Stored replies are unreadable. The text gives the reason and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Came:
    """A reply, and the ids of the message it answers."""

    reply: RawReply
    message_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """A call without a reply."""

    kind: OutcomeKind
    code: str
    reason: str
    retry_after: float | None = None


Step: TypeAlias = Came | Failed


@dataclass(frozen=True, slots=True)
class Conversation:
    """The results of a question's calls, in order.

    `asked_as` may be the id of another appeal's shared question. `late`: the answer came asynchronously.
    """

    asked_as: str
    asked_at: datetime
    steps: tuple[Step, ...]
    late: bool = False


class NotingWire(Wire):
    """A wire that records replies."""

    def __init__(self, wire: Wire) -> None:
        self.answers_async = wire.answers_async
        self.replies: ReplyCheck = wire.replies
        self._wire = wire
        self._steps: list[Step] = []
        self._size = 0
        self.missed = False
        """Whether something could not be kept: it was too large, or its wire does not provide the raw reply."""

    async def call(self, request: Request, call: Call) -> Reply:
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
        """Return the recorded conversation; None if it is empty or exceeds the limits."""
        if not any(isinstance(step, Came) for step in self._steps):
            return None
        return Conversation(asked_as, asked_at, tuple(self._steps))

    async def health(self) -> Health:
        return await self._wire.health()

    def doubt(self) -> None:
        self._wire.doubt()


async def pack(conversation: Conversation, source: str, seconds: float) -> KeptReplies:
    """Pack a conversation, to be kept for `seconds`."""
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
    """Unpack a conversation. Raises NotKept if it is damaged or in an unknown format."""
    try:
        document = orjson.loads(head)
        whole = packing.unpack(packed, MOST_BYTES) if packing.is_packed(packed) else _undone(packed)
        if len(whole) > MOST_BYTES or len(whole) != sum(step.get("size", 0) for step in document["calls"]):
            raise NotKept("what is kept of the reply is damaged")
        steps: list[Step] = []
        begins = 0
        for call in document["calls"]:
            if "size" not in call:
                steps.append(Failed(OutcomeKind.stored(call["kind"]), call["code"], call["reason"], call["again"]))
                continue
            body = whole[begins : begins + call["size"]]
            begins += call["size"]
            reply = RawReply(body, call["head"], datetime.fromisoformat(call["at"]))
            steps.append(Came(reply, tuple(call["ids"])))
        return Conversation(document["as"], datetime.fromisoformat(document["asked"]), tuple(steps), document["late"])
    except (ValueError, TypeError, KeyError, AttributeError, zlib.error):
        raise NotKept("what is kept of the reply is damaged") from None


def _undone(packed: bytes) -> bytes:
    """Decompress zlib data of releases before 0.2.0. Raises ValueError if it is damaged."""
    undo = zlib.decompressobj()
    whole = undo.decompress(packed, MOST_BYTES + 1)
    if not undo.eof or undo.unused_data:
        raise ValueError("it does not end")
    return whole


def of_answer(answer: KeptAnswer) -> Conversation:
    """Return the conversation of an asynchronous answer."""
    reply = RawReply(answer.body, answer.head, answer.answered_at)
    return Conversation(answer.question_id, answer.asked_at, (Came(reply),), late=True)
