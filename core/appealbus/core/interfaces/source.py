"""What a lookup talks to."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeAlias

from appealbus.core.errors import JournalError
from appealbus.core.interfaces.notes import MORE, Notes, ReplyCheck
from appealbus.core.interfaces.wire import Call, CallFailed, Reply, Request, SingleUse, Wire
from appealbus.core.plugin_calls.boundary import inside
from appealbus.schemas.outcome import OutcomeKind

UseOnce: TypeAlias = Callable[[SingleUse, str], Awaitable[bool]]
"""Has a signed answer count for a message of ours, durably; False if it has counted for another one."""


def business_error(status: str) -> CallFailed:
    """Return what an error of the register's business means where no code in it says more."""
    return CallFailed(
        OutcomeKind.INVALID, status, "the register answered with an error of its business that nothing here knows"
    )


class Source:
    """One question's line to a source: every call goes through the wire that the configuration bound.

    Made by the guard for each attempt; keeps the replies, from which the fact's provenance is made.
    """

    __slots__ = (
        "_another",
        "_call",
        "_left",
        "_lenient",
        "_over",
        "_plugin",
        "_sent",
        "_use_once",
        "_wire",
        "name",
        "notes",
        "replies",
    )

    def __init__(
        self,
        name: str,
        wire: Wire,
        call: Call,
        plugin: str = "",
        *,
        lenient: bool = False,
        use_once: UseOnce | None = None,
        another: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Bind.

        Args:
            name: of the source.
            wire: that the configuration bound.
            call: the question.
            plugin: that asks.
            lenient: whether the lookup can take a reply that breaks its schema (`Lookup.lenient`).
            use_once: what signed answers have counted; None: nothing notes it.
            another: awaited before each request but the first, which the guard has counted; None: nothing is counted.
        """
        self.name: Final = name
        self._call = call
        self._left = False
        self.replies: Final[list[Reply]] = []
        strict = wire.replies is ReplyCheck.LENIENT and not lenient
        self.notes: Final = Notes(ReplyCheck.STRICT if strict else wire.replies)
        """What reading the replies has noticed."""
        self._lenient = lenient
        self._wire = wire
        self._plugin = plugin
        self._over = False
        self._use_once = use_once
        self._another = another
        self._sent = False

    @property
    def call_context(self) -> Call:
        """What the wire may know of the next message."""
        if self._left:  # most questions have one message, and need no id of another one
            self._call, self._left = self._call.following(), False
        return self._call

    async def call(self, request: Request, *, business_errors: bool = False) -> Reply:
        """Send one request and return the reply.

        Args:
            request: what is asked.
            business_errors: also return what the gateway calls an error of the register's business (`Reply.status`),
                for lookups that look at nothing but the code in it then.

        Raises:
            CallFailed: for everything that is not an answer. Let it pass.
        """
        if self._sent and self._another is not None:
            await self._another()
        self._sent = True
        if self._over:
            raise CallFailed(OutcomeKind.TIMED_OUT, "guard.timeout", "the question's time is up, and nothing may leave")
        before, call = inside.get(), self.call_context
        if call.answer is not None and self.replies:
            raise CallFailed(
                OutcomeKind.INVALID, "answer.single", "a question has one answer, and the lookup wants another"
            )
        self._left = call.answer is None and not self._wire.answers_async
        inside.set(self._plugin)
        came: Reply | CallFailed
        try:
            came = await self._wire.call(request, call)
        except CallFailed as failed:
            came = failed
        finally:
            inside.set(before)
        if came.once is not None:
            await self._use(came.once, call)
        if isinstance(came, CallFailed):
            raise came
        self.replies.append(came)
        if came.status is not None and not business_errors:
            raise business_error(came.status)
        if came.differences and not self._lenient:
            reason = f"the reply breaks its schema at {next(iter(came.differences))}"
            raise CallFailed(OutcomeKind.INVALID, "reply.schema", reason, at_scale=MORE in came.differences)
        for path, count in came.differences.items():
            self.notes.differences[path] = self.notes.differences.get(path, 0) + count
        if came.gaps is not None:
            self.notes.gaps += came.gaps
            self.notes.compared = True
        return came

    async def _use(self, once: SingleUse, call: Call) -> None:
        """Let a signed answer count for this message, and for no other.

        Raises:
            CallFailed: `reply.repeated`: it has counted before; `reply.not_noted`: nobody knows.
        """
        if self._use_once is None:
            return
        try:
            first = await self._use_once(once, call.message_id)
        except JournalError:
            reason = "the journal could not be written, so the signed answer was not used"
            raise CallFailed(OutcomeKind.UNAVAILABLE, "reply.not_noted", reason) from None
        if not first:
            self.doubt()
            reason = "the same signed answer came before: it was recorded and sent again"
            raise CallFailed(OutcomeKind.INVALID, "reply.repeated", reason)

    def tie(self, reply: Reply) -> None:
        """Take notice that a reply repeats an id of ours in its content, so that it is this question's answer."""
        self.replies[:] = [replace(one, correlated=True) if one is reply else one for one in self.replies]

    def doubt(self) -> None:
        """Take notice that a reply is the answer to another question."""
        self._wire.doubt()

    def close(self) -> None:
        """Let nothing leave any more: a lookup may go on after its time, and its place is another question's then."""
        self._over = True
        self._another = None  # whoever counts holds this: in a circle both would stay until the collector comes
