"""Reading stored replies again: nothing leaves, whatever the lookup asks for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appealbus.core.domain.case import KeptAnswer
from appealbus.core.guards.attempts import CLAIMS, UNTIED, Attempts
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import Came, Conversation, Step
from appealbus.core.guards.question import Ended, Question
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.masking import masked
from appealbus.schemas.outcome import OutcomeKind

NOT_KEPT = "reply.not_kept"
"""Code of a question that needs more replies than were kept."""
CANNOT = "wire.cannot_reread"
"""Code of a question whose wire cannot read stored replies."""


@dataclass(frozen=True, slots=True)
class _KeptCall(Call):
    """A call whose messages have their original ids."""

    coming: tuple[tuple[str, ...], ...] = ()

    def following(self) -> Call:
        if not self.coming:
            # Written out: in a dataclass with slots, `super()` is another class.
            return Call.following(self)
        return replace(self, message_ids=self.coming[0], coming=self.coming[1:])


class _KeptWire(Wire):
    """Returns stored replies, one for each call, read by their original wire."""

    def __init__(self, wire: Wire, conversation: Conversation) -> None:
        self.replies = wire.replies
        self._wire = wire
        self._question_id = conversation.asked_as
        self._steps: Iterator[Step] = iter(conversation.steps)
        self.lacking = False
        """Whether more replies were needed than kept."""

    async def call(self, request: Request, call: Call) -> Reply:
        step = next(self._steps, None)
        if step is None:
            self.lacking = True
            raise CallFailed(OutcomeKind.UNAVAILABLE, NOT_KEPT, "no reply to this call was kept")
        if not isinstance(step, Came):
            raise CallFailed(step.kind, step.code, step.reason, retry_after=step.retry_after)
        raw = step.reply
        kept = KeptAnswer(self._question_id, "", "", raw.at, raw.at, raw.head, raw.body)
        return await self._wire.call(request, replace(call, answer=kept))

    async def health(self) -> Health:
        return Health(False, "nothing leaves")


class Rereading(Attempts):
    """Has the lookup read stored replies. There is no access row and no limit, and nothing is counted."""

    def __init__(self, context: SourceContext, question: Question, conversation: Conversation) -> None:
        super().__init__(conversation.asked_as, context, question, conversation.asked_as)
        self.asked_at = conversation.asked_at
        self._conversation = conversation

    async def run(self) -> Ended:
        context, conversation = self._context, self._conversation
        if not context.wire.rereads and not (conversation.late and context.wire.answers_async):
            reason = f"the wire {context.connector} cannot read again what it has handed over"
            return Ended(replace(UNTIED, code=CANNOT, reason=reason), context.now())
        wire = _KeptWire(context.wire, conversation)
        ids = [step.message_ids for step in conversation.steps if isinstance(step, Came)]
        call = _KeptCall(
            conversation.asked_as,
            masked(self.question.number),
            context.settings.timeout,
            message_ids=ids[0] if ids else (),
            coming=tuple(ids[1:]),
        )
        source = self._source(call, wire)
        try:
            await self._ask(source)
        finally:
            source.close()
        if self.so_far.kind in CLAIMS and not self._tied:
            self.so_far = UNTIED
        if wire.lacking and self.so_far.kind not in (OutcomeKind.FOUND, *CLAIMS):
            reason = "the lookup asks for more than was kept"
            self.so_far = replace(UNTIED, code=NOT_KEPT, reason=reason)
        if self.so_far.record is None:
            self._provenance = self._trail_of_none(source)
        return self.ended()

    def _note(self, notes: Notes) -> None:
        """Nothing: notes were counted at the first reading."""
