"""The kit for authors of plugins: it asks as the bus does, and its check finds what is wrong."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import pytest

from appealbus.core import (
    Assessor,
    CallFailed,
    From,
    FromAll,
    Lookup,
    OutcomeKind,
    Query,
    Request,
    Source,
    found,
    invalid,
    not_found,
    refused,
)
from appealbus.core.replies.subject import same_number, the_one
from appealbus.core.replies.xmlread import children, element_of, require_text
from appealbus.core.testing import ScriptedWire, appeal, ask, ask_all, check_assessor, check_lookup, dossier
from appealbus.schemas import CadastralNumber, Dossier, Iin, Outcome, Record, Severity, Signal
from tests.core.kit import Thing

IIN = "750301100019"
ANSWER = f"<answer><person><iin>{IIN}</iin><name>Тестов</name></person></answer>"


class Named(Record):
    """A record."""

    type: Literal["kit.Named"] = "kit.Named"
    iin: str | None = None
    name: str


class Unnamed(Record):
    """A record whose type nobody could tell from another's."""

    type: Literal["Unnamed"] = "Unnamed"
    name: str


class IinQuery(Query):
    """One input."""

    iin: Annotated[Iin, From("applicant.iin")]


class Good(Lookup[IinQuery, Named]):
    """Who it is."""

    name = "kit.good"
    purpose = "a test"

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Record]:
        return self.outcome(query, await self.people(query, source))

    async def people(self, query: IinQuery, source: Source) -> list[Named]:
        answer = element_of(await source.call(Request({"iin": query.iin})))
        persons = children(answer, "person")
        return [Named(iin=require_text(it, "iin"), name=require_text(it, "name")) for it in persons]

    def outcome(self, query: IinQuery, people: list[Named]) -> Outcome[Record]:
        return the_one(people, lambda person: same_number(query.iin, person.iin), source="kit", what="person")


class ParcelQuery(Query):
    """As many questions as there are parcels."""

    number: Annotated[CadastralNumber, FromAll("parcels[*].cadastral_number", "mentions.cadastral_numbers[*].value")]


class Parcels(Lookup[ParcelQuery, Named]):
    """Each parcel."""

    name = "kit.parcels"
    purpose = "a test"

    async def ask(self, query: ParcelQuery, source: Source) -> Outcome[Record]:
        await source.call(Request({"number": query.number}))
        return found(Named(name=query.number))


async def test_a_lookup_is_asked_as_the_bus_asks_it() -> None:
    """The question is filled in from the appeal, the access row comes first, the trail comes back."""
    wire = ScriptedWire([ANSWER])
    (asked,) = await ask_all(Good(), appeal(applicant={"iin": IIN}), replies=wire)
    assert [request.body for request in wire.asked] == [{"iin": IIN}]
    assert asked.outcome == found(Named(iin=IIN, name="Тестов"))
    assert asked.access is not None
    assert (asked.access.subject, asked.access.lookup) == (IIN, "kit.good")
    assert asked.provenance is not None
    assert asked.provenance.raw_sha256 is not None


async def test_a_script_may_be_a_function_of_the_request() -> None:
    """It sees the request, and may fail as a wire does."""

    def script(request: Request) -> Any:
        assert request.body == {"iin": IIN}
        return CallFailed(OutcomeKind.REFUSED, "http.403", "no right")

    outcome = await ask(Good(), appeal(applicant={"iin": IIN}), replies=script)
    assert (outcome.kind, outcome.code) == (OutcomeKind.REFUSED, "http.403")


async def test_a_question_behind_the_script_s_end_says_so() -> None:
    """An author who forgot a reply reads that, not a traceback of the kit."""
    assert (await ask(Good(), appeal(applicant={"iin": IIN}))).code == "testing.no_reply"


async def test_what_fans_out_is_asked_for_each_value() -> None:
    """Parcels of the form and of the text alike; `ask` refuses to choose one."""
    about = appeal(text="Участок 08-130-937-5233", parcels=[{"cadastral_number": "08:117:015:042"}])
    asked = await ask_all(Parcels(), about, replies=lambda request: {})
    assert {item.inputs[0].path for item in asked} == {
        "parcels[*].cadastral_number",
        "mentions.cadastral_numbers[*].value",
    }
    with pytest.raises(ValueError, match="has 2 questions"):
        await ask(Parcels(), about, replies=lambda request: {})


async def test_a_malformed_input_never_reaches_the_wire() -> None:
    """As in the bus, the plan ends the question."""
    wire = ScriptedWire([ANSWER])
    outcome = await ask(Good(), appeal(applicant={"iin": "750301100018"}), replies=wire)
    assert (outcome.kind, outcome.code, wire.asked) == (OutcomeKind.NOT_APPLICABLE, "inputs.malformed", [])


def test_a_made_dossier_is_a_dossier() -> None:
    """Facts under the lookups' names, several of one lookup with keys of their own; it survives the wire."""
    made = dossier(appeal(), {"kit.good": [Named(name="a"), Named(name="b")]}, ended={"kit.x": OutcomeKind.REFUSED})
    assert [(fact.lookup, fact.key) for fact in made.facts] == [("kit.good", "0"), ("kit.good", "1")]
    assert [(o.lookup, o.outcome) for o in made.outcomes][-1] == ("kit.x", OutcomeKind.REFUSED)
    assert Dossier.model_validate_json(made.model_dump_json()) == made


async def test_a_good_lookup_passes() -> None:
    """Nothing is found that is not there."""
    assert await check_lookup(Good(), appeal(applicant={"iin": IIN}), [ANSWER]) == []


async def test_what_no_reply_repeats_need_not_be_compared() -> None:
    """Its author says so, for each input by name."""
    about = appeal(applicant={"iin": IIN})
    assert await check_lookup(Trusting(), about, [ANSWER], not_in_reply={"iin"}) == []


class Raising(Good):
    """Trusts the reply."""

    name = "kit.raising"

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Record]:
        answer = element_of(await source.call(Request({"iin": query.iin})))
        return found(Named(name=str(answer[0][1].text)[0]))


class Quoting(Good):
    """Repeats what came."""

    name = "kit.quoting"

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Record]:
        answer = element_of(await source.call(Request({"iin": query.iin})))
        name = require_text(answer, "person/name")
        if name != "Тестов":
            raise CallFailed(OutcomeKind.INVALID, "kit.name", f"unexpected {name}")
        return found(Named(name=name))


class Swallowing(Good):
    """Makes an outage an answer."""

    name = "kit.swallowing"

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Record]:
        try:
            return await super().ask(query, source)
        except CallFailed:
            return Outcome(OutcomeKind.NOT_FOUND)


class Trusting(Good):
    """Takes whoever comes."""

    name = "kit.trusting"

    def outcome(self, query: IinQuery, people: list[Named]) -> Outcome[Record]:
        return found(people[0]) if len(people) == 1 else not_found()


class Hasty(Good):
    """Sees that the right one is there, and takes the first."""

    name = "kit.hasty"

    def outcome(self, query: IinQuery, people: list[Named]) -> Outcome[Record]:
        there = any(same_number(query.iin, person.iin) for person in people)
        return found(people[0]) if there else invalid("kit.other_person", "the reply is about another person")


class Denying(Good):
    """Makes a stranger's record a denial."""

    name = "kit.denying"

    def __init__(self, denial: Outcome[Record] | None = None) -> None:
        self.denial = denial or not_found()

    def outcome(self, query: IinQuery, people: list[Named]) -> Outcome[Record]:
        return next((found(person) for person in people if person.iin == query.iin), self.denial)


class Careless(Good):
    """Compares the birth date alone."""

    name = "kit.careless"

    def outcome(self, query: IinQuery, people: list[Named]) -> Outcome[Record]:
        same = (found(person) for person in people if (person.iin or "")[:6] == query.iin[:6])
        return next(same, invalid("kit.other_person", "the reply is about another person"))


class Nameless(Lookup[IinQuery, Unnamed]):
    name = "Nameless"
    purpose = " "

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Record]:
        await source.call(Request({"iin": query.iin}))
        return found(Unnamed(name="x"))


class LostQuery(Query):
    """Leads nowhere."""

    iin: Annotated[Iin, From("applicant.inn")]


class Lost(Lookup[LostQuery, Named]):
    """Asks for what no appeal has."""

    name = "kit.lost"
    purpose = "a test"

    async def ask(self, query: LostQuery, source: Source) -> Outcome[Record]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("lookup", "problem"),
    [
        (Raising(), "with name gone in the reply, lookup raised IndexError at core/test_testing.py:"),
        (Quoting(), "with name replaced by text in the reply, the outcome repeats a text of the reply"),
        (Swallowing(), "a source that cannot be reached ends in not_found; let CallFailed pass"),
        (Trusting(), "a reply about another iin ends in found, not in invalid"),
        (Denying(), "a reply about another iin ends in not_found, not in invalid"),
        (Denying(refused("kit.no", "it is refused")), "a reply about another iin ends in refused, not in invalid"),
        (Careless(), "a reply about another iin ends in found, not in invalid"),
        (Hasty(), "of two records in one reply it takes the first, not the one with the iin asked for"),
        (Nameless(), "its name is not like source.what"),
        (Nameless(), "it has no purpose"),
        (Nameless(), "its class has no docstring"),
        (Nameless(), "the record type 'Unnamed' has no name of yours in front: write 'yours.Unnamed'"),
        (Lost(), "has no field 'inn'; did you mean iin?"),
    ],
)
async def test_a_bad_lookup_is_told_what_is_wrong(lookup: Lookup[Any, Any], problem: str) -> None:
    """Each of these would make trouble at the worst time; here it is one line in a test's output."""
    told = await check_lookup(lookup, appeal(applicant={"iin": IIN}), [ANSWER])
    assert any(problem in line for line in told), told


class Concluding(Assessor):
    """Concludes one signal that names what it is made with."""

    name = "concluding"

    def __init__(self, *fields: str, assessor: str = "concluding", codes: Sequence[str] = ("a.b",)) -> None:
        self.fields = fields
        self.assessor = assessor
        self.codes = list(codes)

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        if dossier.appeal.kind is None:
            return
        said = {"severity": Severity.INFO, "message_ru": "а", "message_kk": "а", "fields": list(self.fields)}
        yield Signal(assessor=self.assessor, code=self.codes.pop(0) if len(self.codes) > 1 else self.codes[0], **said)


@pytest.mark.parametrize(
    ("assessor", "told"),
    [
        (Concluding("appeal.kind", "test.thing/name", "test.thing"), []),
        (Concluding("test.thing/nam"), ["the signal a.b names test.thing/nam, which leads nowhere"]),
        (Concluding("appeal.kind", "appeal.knd"), ["the signal a.b names appeal.knd, which leads nowhere"]),
        (Concluding("test.thong/name"), ["the signal a.b names test.thong/name, which leads nowhere"]),
        (Concluding(), ["the signal a.b names no field"]),
        (Concluding("appeal.kind", assessor="other"), ["the signal a.b is of the assessor 'other'"]),
        (Concluding("appeal.kind", codes=["a.b", "a.c"]), ["the same dossier gives other signals the second time"]),
    ],
)
def test_what_is_wrong_with_an_assessor_is_told(assessor: Concluding, told: list[str]) -> None:
    """A path that leads nowhere above all, for it hides the signal from most who should see it."""
    about = dossier(appeal(), {"test.thing": Thing(name="a")})
    found = check_assessor(assessor, [about])
    assert len(found) == len(told)
    assert all(one.startswith(other) for one, other in zip(found, told, strict=True)), found


def test_who_concludes_nothing_is_told_so() -> None:
    """Of such dossiers nothing can be said."""
    (told,) = check_assessor(Concluding("appeal.kind"), [dossier(appeal(kind=None), {})])
    assert told == "it concludes nothing from these dossiers: give some from which it does"
