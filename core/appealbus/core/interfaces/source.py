"""What a lookup talks to."""

from typing import Final

from appealbus.core.interfaces.wire import Call, CallFailed, Reply, Request, Wire
from appealbus.schemas.outcome import OutcomeKind


class Source:
    """One question's line to a source: every call goes through the wire that the configuration bound.

    Made by the guard for each attempt; keeps the replies, from which the fact's provenance is made.
    """

    __slots__ = ("_wire", "call_context", "name", "replies")

    def __init__(self, name: str, wire: Wire, call: Call) -> None:
        self.name: Final = name
        self.call_context: Final = call
        self.replies: Final[list[Reply]] = []
        self._wire = wire

    async def call(self, request: Request) -> Reply:
        """Send one request and return the reply.

        Raises:
            CallFailed: for everything that is not an answer. Let it pass.

        """
        if self.call_context.answer is not None and self.replies:
            raise CallFailed(
                OutcomeKind.INVALID, "answer.single", "a question has one answer, and the lookup wants another"
            )
        reply = await self._wire.call(request, self.call_context)
        self.replies.append(reply)
        return reply
