"""Questions that do not leave: asynchronous answers to be read, and questions that must not be repeated."""

from dataclasses import replace

from appealbus.core.domain.case import KeptAnswer, Try
from appealbus.core.guards.attempts import LEFT_OUT, Attempts
from appealbus.core.guards.context import SourceContext
from appealbus.core.guards.conversation import MOST_BYTES, of_answer, pack
from appealbus.core.guards.question import Ended, Question
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.masking import masked


class AnswerReading(Attempts):
    """Has the lookup read an asynchronous answer.

    Nothing leaves, so no limit applies. The access row was written when the question left, under the same id.
    """

    def __init__(self, context: SourceContext, question: Question, answer: KeptAnswer) -> None:
        super().__init__(None, context, question, answer.question_id)
        self.asked_at = answer.asked_at
        self._answer = answer

    async def run(self) -> Ended:
        context, answer = self._context, self._answer
        call = Call(answer.question_id, masked(self.question.number), context.settings.timeout, answer)
        source = self._source(call, context.wire)
        await self._ask(source)
        if self.so_far.record is None:
            self._provenance = self._trail_of_none(source)
        ms = round((answer.answered_at - answer.asked_at).total_seconds() * 1000)
        outcome, question_id = self.so_far, answer.question_id
        self._tries.append(Try(question_id, question_id, answer.asked_at, ms, outcome.kind, outcome.code))
        if context.keep_replies and len(answer.body) <= MOST_BYTES:
            self._replies = await pack(of_answer(answer), context.source, context.keep_replies)
        return replace(self.ended(), read=True)


class LeftOut(Attempts):
    """Runs a lookup whose question must not leave again. Its work before and after the call is done as usual."""

    async def run(self) -> Ended:
        context = self._context
        call = Call(self._question_id, masked(self.question.number), context.settings.timeout)
        await self._ask(self._source(call, _NOWHERE))
        return self.ended()


class _Nowhere(Wire):
    async def call(self, request: Request, call: Call) -> Reply:
        raise CallFailed(LEFT_OUT.kind, LEFT_OUT.code, LEFT_OUT.reason)

    async def health(self) -> Health:
        return Health(False, LEFT_OUT.reason)


_NOWHERE = _Nowhere()
