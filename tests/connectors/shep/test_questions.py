"""A declared question through guard and gateway: every attempt has an id of its own, and an id that comes back ties."""

import asyncio
from typing import Annotated, Any, Literal

import pytest
from aiohttp import web

from appealbus.core import Form, From, OutcomeKind, Query, Shape
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.replies.codes import BusinessCodes
from appealbus.schemas.base import Text
from appealbus.schemas.record import Record
from tests.connectors.shep.answers import answer


class Card(Record):
    type: Literal["shep.Card"] = "shep.Card"
    iin: Annotated[Text, At("iin")]


class CardQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class Codes(BusinessCodes):
    success_codes: frozenset[str] = frozenset({"00000"})
    not_found_codes: frozenset[str] = frozenset({"404"})


class CardByIin(Declared[CardQuery, Card]):
    """Which card somebody holds."""

    name = "cards.card"
    purpose = "a test"
    send = Send("{urn:c}Ask", {"messageId": lambda asking: asking.message_id, "iin": "iin"}, form=Form(Shape.BARE))
    take = Take(Reading(Card), "card", code="messageResult/code", echo="requestId", same=("iin",))


class Register:
    """What stands behind the gateway: takes no id twice, and repeats it or not. Fails as often as it is told."""

    def __init__(self, gateway: Any) -> None:
        self.seen: list[str] = []
        self.failures = 0
        self.repeats = True
        self.cards = ""
        self.code, self.status = "00000", "SCSS001"
        gateway.answer = self

    def __call__(self, question: Any) -> Any:
        identifier = question.data.findtext("messageId")
        assert identifier == question.message_id
        if identifier in self.seen:
            return web.Response(status=500, body=b"duplicate key value violates unique constraint")
        self.seen.append(identifier)
        if len(self.seen) <= self.failures:
            return web.Response(status=503)
        told = f"<requestId>{identifier}</requestId>" if self.repeats else ""
        result = f"<messageResult><code>{self.code}</code></messageResult>"
        return answer(f"{told}{self.cards}{result}", code=self.status)


@pytest.fixture
def put(wire):
    async def put(iin: str = "750301100019", **settings: Any) -> Ended:
        async def access(rows: Any) -> None: ...

        bound = await wire(**settings)
        source = Bound("cards", "shep", bound, GuardSettings(backoff=0.001))
        guard = Guard(source, GuardServices(access, lambda *told: None))
        question = Question(
            lookup=CardByIin(Codes()),
            query=CardQuery(iin=iin),
            key=iin,
            inputs=(),
            number="N-1",
            actor="officer",
            deadline=asyncio.get_running_loop().time() + 10,
            plugin="test",
            plugin_version="1",
            legal_basis="the law",
        )
        return await guard.ask(question)

    return put


async def test_asked_again_under_a_new_id(gateway, put):
    """A service that refuses an id that repeats answers the third attempt."""
    register = Register(gateway)
    register.failures, register.cards = 2, "<card><iin>750301100019</iin></card>"
    ended = await put()
    assert (ended.outcome.kind, ended.attempts) == (OutcomeKind.FOUND, 3)
    assert len(set(register.seen)) == 3
    assert {question.correlation_id for question in gateway.requests} == {register.seen[0]}


@pytest.mark.parametrize(("code", "status"), [("00000", "SCSS001"), ("404", "SCSS001"), ("404", "SCSE001")])
async def test_an_absence_that_is_tied(gateway, put, code, status):
    """An answer that repeats our id says for good that there is nobody, over any connection; one that repeats none is
    asked for once more, alone."""
    register = Register(gateway)
    register.code, register.status = code, status
    await put()  # from here on the connection has carried another question
    register.seen.clear()
    assert ((await put()).outcome.kind, len(register.seen)) == (OutcomeKind.NOT_FOUND, 1)
    register.repeats = False
    register.seen.clear()
    assert ((await put()).outcome.kind, len(register.seen)) == (OutcomeKind.NOT_FOUND, 2)
    assert gateway.headers[-1]["Connection"] == "close"


async def test_an_error_of_business_that_nobody_knows(gateway, put):
    """It is neither an absence nor an outage: the gateway's word stays, and the breaker hears of an answer."""
    register = Register(gateway)
    register.status = "SCSE002"
    ended = await put()
    assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "shep.status.SCSE002")
    assert ended.attempts == 1


async def test_another_ones_answer(gateway, put):
    """An id of somebody else's message in the content: refused, and the connections are not shared any more."""
    gateway.answer = lambda _: answer("<requestId>8f14e45f</requestId><messageResult><code>404</code></messageResult>")
    ended = await put()
    assert (ended.outcome.kind, ended.outcome.code) == (OutcomeKind.INVALID, "reply.other_question")
    await put()
    assert gateway.headers[-1]["Connection"] == "close"
