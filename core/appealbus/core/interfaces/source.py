"""What a lookup talks to."""

from dataclasses import replace
from typing import Final

from appealbus.core.doors import inside
from appealbus.core.interfaces.notes import MORE, Notes, ReplyCheck
from appealbus.core.interfaces.wire import Call, CallFailed, Reply, Request, Wire
from appealbus.schemas.outcome import OutcomeKind


def business_error(status: str) -> CallFailed:
    """Return what an error of the register's business means where no code in it says more."""
    return CallFailed(
        OutcomeKind.INVALID, status, "the register answered with an error of its business that nothing here knows"
    )


class Source:
    """One question's line to a source: every call goes through the wire that the configuration bound.

    Made by the guard for each attempt; keeps the replies, from which the fact's provenance is made. `call_context`
    is what the wire may know of the next message.
    """

    __slots__ = ("_lenient", "_over", "_plugin", "_wire", "call_context", "name", "notes", "replies")

    def __init__(self, name: str, wire: Wire, call: Call, plugin: str = "", *, lenient: bool = False) -> None:
        """Bind.

        Args:
            name: of the source.
            wire: that the configuration bound.
            call: the question.
            plugin: that asks.
            lenient: whether the lookup can take a reply that breaks its schema (`Lookup.lenient`).

        """
        self.name: Final = name
        self.call_context = call
        self.replies: Final[list[Reply]] = []
        strict = wire.replies is ReplyCheck.LENIENT and not lenient
        self.notes: Final = Notes(ReplyCheck.STRICT if strict else wire.replies)
        """What reading the replies has noticed."""
        self._lenient = lenient
        self._wire = wire
        self._plugin = plugin
        self._over = False

    async def call(self, request: Request, *, business_errors: bool = False) -> Reply:
        """Send one request and return the reply.

        Args:
            request: what is asked.
            business_errors: also return what the gateway calls an error of the register's business (`Reply.status`),
                for lookups that look at nothing but the code in it then.

        Raises:
            CallFailed: for everything that is not an answer. Let it pass.

        """
        if self._over:
            raise CallFailed(OutcomeKind.TIMED_OUT, "guard.timeout", "the question's time is up, and nothing may leave")
        if self.call_context.answer is not None and self.replies:
            raise CallFailed(
                OutcomeKind.INVALID, "answer.single", "a question has one answer, and the lookup wants another"
            )
        before, call = inside.get(), self.call_context
        if call.answer is None and not self._wire.answers_async:
            self.call_context = call.following()
        inside.set(self._plugin)
        try:
            reply = await self._wire.call(request, call)
        finally:
            inside.set(before)
        self.replies.append(reply)
        if reply.status is not None and not business_errors:
            raise business_error(reply.status)
        if reply.differences and not self._lenient:
            reason = f"the reply breaks its schema at {next(iter(reply.differences))}"
            raise CallFailed(OutcomeKind.INVALID, "reply.schema", reason, at_scale=MORE in reply.differences)
        self.notes.differences.update(reply.differences)
        return reply

    def tie(self, reply: Reply) -> None:
        """Take notice that a reply repeats an id of ours in its content, so that it is this question's answer."""
        self.replies[:] = [replace(one, correlated=True) if one is reply else one for one in self.replies]

    def doubt(self) -> None:
        """Take notice that a reply is the answer to another question."""
        self._wire.doubt()

    def close(self) -> None:
        """Let nothing leave any more: a lookup may go on after its time, and its place is another question's then."""
        self._over = True
