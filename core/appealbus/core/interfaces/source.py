"""What a lookup talks to."""

from typing import Final

from appealbus.core.doors import inside
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import Call, CallFailed, Reply, Request, Wire
from appealbus.schemas.outcome import OutcomeKind


class Source:
    """One question's line to a source: every call goes through the wire that the configuration bound.

    Made by the guard for each attempt; keeps the replies, from which the fact's provenance is made.
    """

    __slots__ = ("_over", "_plugin", "_wire", "call_context", "name", "notes", "replies")

    def __init__(self, name: str, wire: Wire, call: Call, plugin: str = "") -> None:
        self.name: Final = name
        self.call_context: Final = call
        self.replies: Final[list[Reply]] = []
        self.notes: Final = Notes()
        """What reading the replies has noticed."""
        self._wire = wire
        self._plugin = plugin
        self._over = False

    async def call(self, request: Request) -> Reply:
        """Send one request and return the reply.

        Raises:
            CallFailed: for everything that is not an answer. Let it pass.

        """
        if self._over:
            raise CallFailed(OutcomeKind.TIMED_OUT, "guard.timeout", "the question's time is up, and nothing may leave")
        if self.call_context.answer is not None and self.replies:
            raise CallFailed(
                OutcomeKind.INVALID, "answer.single", "a question has one answer, and the lookup wants another"
            )
        before = inside.get()
        inside.set(self._plugin)
        try:
            reply = await self._wire.call(request, self.call_context)
        finally:
            inside.set(before)
        self.replies.append(reply)
        return reply

    def close(self) -> None:
        """Let nothing leave any more: a lookup may go on after its time, and its place is another question's then."""
        self._over = True
