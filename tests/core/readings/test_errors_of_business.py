"""An answer that a gateway calls an error of business: its code alone counts. And ids of ours that answers repeat."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest

from appealbus.core import Call, CallFailed, Form, From, Outcome, OutcomeKind, Query, Reply, Request, Shape, Source
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.replies.codes import BusinessCodes
from appealbus.core.testing import ScriptedWire
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas.base import Text
from appealbus.schemas.record import Record

IIN = "750301100019"
STATUS = "shep.status.SCSE001"


class Card(Record):
    type: Literal["business.Card"] = "business.Card"
    iin: Annotated[Text, At("Iin")]


class CardQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class Codes(BusinessCodes):
    success_codes: frozenset[str] = frozenset({"0"})
    not_found_codes: frozenset[str] = frozenset({"404"})
    refused_codes: frozenset[str] = frozenset({"403"})


class CardByIin(Declared[CardQuery, Card]):
    """Which card somebody holds."""

    name = "cards.card"
    purpose = "a test"
    send = Send("{urn:c}Ask", {"Id": lambda asking: asking.message_id, "Iin": "iin"}, form=Form(Shape.BARE))
    take = Take(Reading(Card), "Card", code="Result/Code", echo="Head/RequestId", same=("iin",))


class CardWithoutCode(CardByIin):
    """The same, of a source that says no code."""

    name = "cards.uncoded"
    take = Take(Reading(Card), "Card", same=("iin",))


class Own(CardByIin):
    """A lookup that reads by itself and has never heard of errors of business."""

    name = "cards.own"

    async def ask(self, query: CardQuery, source: Source) -> Outcome[Card]:
        return Outcome(OutcomeKind.FOUND, Card(iin=(await source.call(Request({}))).body.findtext("Iin")))


CARD = f"<Card><Iin>{IIN}</Iin></Card>"


class Line(ScriptedWire):
    """Scripted; remembers whether it was told that an answer was another question's."""

    doubted = False

    def doubt(self) -> None:
        self.doubted = True


async def put(lookup: Any, answer: str, status: str | None = None, **call: Any) -> tuple[Any, Source, Line]:
    line = Line([replace(reply_of(answer), correlated=False, status=status)])
    source = Source("cards", line, Call("the-question", "N", 1.0, **call))
    try:
        return await lookup.ask(CardQuery(iin=IIN), source), source, line
    except CallFailed as failed:
        return failed, source, line


def answer(code: str = "0", inside: str = CARD, echo: str = "") -> str:
    told = f"<Head><RequestId>{echo}</RequestId></Head>" if echo else "<Head/>"
    return f"<Answer>{told}{f'<Result><Code>{code}</Code></Result>' if code else ''}{inside}</Answer>"


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        (answer("404", ""), OutcomeKind.NOT_FOUND, "cards.404"),
        (answer("404"), OutcomeKind.NOT_FOUND, "cards.404"),
        (answer("403", ""), OutcomeKind.REFUSED, "cards.403"),
        (answer("77", ""), OutcomeKind.INVALID, "cards.77"),
        (answer("0"), OutcomeKind.INVALID, STATUS),
        (answer("0", ""), OutcomeKind.INVALID, STATUS),
        (answer("", ""), OutcomeKind.INVALID, STATUS),
        (answer("", CARD), OutcomeKind.INVALID, STATUS),
        ("<html/>", OutcomeKind.INVALID, STATUS),
        (answer("404", "<Result><Code>77</Code></Result>"), OutcomeKind.INVALID, STATUS),
        (answer("404", "<Result><Code>404</Code></Result>"), OutcomeKind.NOT_FOUND, "cards.404"),
    ],
)
async def test_only_the_code_counts(told, kind, code):
    """The register's own code decides where the settings know it and there is one; emptiness is no absence."""
    ended, source, _ = await put(CardByIin(Codes()), told, STATUS)
    assert (ended.kind, ended.code) == (kind, code)
    assert len(source.replies) == 1


@pytest.mark.parametrize("lookup", [CardWithoutCode(Codes()), Own(Codes())])
async def test_where_no_code_is_declared(lookup):
    """Neither a record nor an absence comes of it, and a lookup that reads by itself never sees it."""
    for inside in (CARD, ""):
        ended, _, _ = await put(lookup, f"<Answer>{inside}</Answer>", STATUS)
        assert (ended.kind, ended.code) == (OutcomeKind.INVALID, STATUS)


@pytest.mark.parametrize("status", [None, STATUS])
async def test_an_id_that_is_repeated(status):
    """One of ours ties the answer, whichever message it is of; another one is another question's; none says nothing."""
    lookup, code = CardByIin(Codes()), "0" if status is None else "404"
    ids = ("the-question", "second")
    for echo, tied in (("the-question", True), ("second", True), ("", False)):
        ended, source, line = await put(lookup, answer(code, echo=echo), status, message_ids=ids)
        assert ended.kind is (OutcomeKind.FOUND if status is None else OutcomeKind.NOT_FOUND)
        assert ([reply.correlated for reply in source.replies], line.doubted) == ([tied], False)
    ended, source, line = await put(lookup, answer(code, echo="another"), status, message_ids=ids)
    assert (ended.kind, ended.code) == (OutcomeKind.INVALID, "reply.other_question")
    assert ([reply.correlated for reply in source.replies], line.doubted) == ([False], True)


async def test_each_message_has_an_id_of_its_own():
    """The first has the question's, in the content too; those behind it are new, and the latest are remembered."""
    line = ScriptedWire(lambda request: answer())
    source = Source("cards", line, Call("the-question", "N", 1.0))
    for _ in range(40):
        await CardByIin(Codes()).ask(CardQuery(iin=IIN), source)
    sent = [request.body.findtext("{*}Id") or request.body.findtext("Id") for request in line.asked]
    assert sent[0] == "the-question"
    assert len(set(sent)) == 40
    call = source.call_context
    assert call.is_ours("the-question")
    assert call.is_ours(sent[-1])
    assert call.is_ours(f"{{{sent[-1].upper()}}}")
    assert not call.is_ours("")
    assert len(call.message_ids) == 16
    assert [request.form for request in line.asked[:1]] == [Form(Shape.BARE)]


async def test_an_answer_that_came_by_itself_has_the_questions_id(monkeypatch):
    """Nothing is sent then, so nothing gets a new id; nor does a wire that repeats its message under one id."""
    monkeypatch.setattr(ScriptedWire, "answers_async", True)
    _, source, _ = await put(CardByIin(Codes()), answer(echo="the-question"))
    assert source.call_context.message_ids == ()
    assert [reply.correlated for reply in source.replies] == [True]


def test_a_path_of_an_id_is_a_text():
    """What stands in an element with others in it is no id."""
    with pytest.raises(Exception, match="no path ends with"):
        Take(Reading(Card), "Card", echo="Head/*", same=("iin",))


async def test_a_record_that_is_the_whole_answer():
    """Its reading does not take the id for something that nobody reads."""

    class Whole(CardByIin):
        name = "cards.whole"
        take = Take(Reading(Card), ".", echo="RequestId", same=("iin",))

    for echo, kind in (("the-question", OutcomeKind.FOUND), ("other", OutcomeKind.INVALID)):
        told = f"<Card><RequestId>{echo}</RequestId><Iin>{IIN}</Iin></Card>"
        ended, source, _ = await put(Whole(Codes()), told)
        assert ended.kind is kind
        assert not source.notes.unread
    assert isinstance(source.replies[0], Reply)
