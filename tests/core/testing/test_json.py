"""The kit's check of lookups whose source answers in JSON: damaged and mixed up as XML is."""

from typing import Annotated, Any, Literal

from appealbus.core import From, Lookup, Outcome, Query, Request, Source, found
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.testing import appeal, check_lookup
from appealbus.core.testing.mutants import damaged
from appealbus.schemas import Iin, Record

IIN = "750301100019"
ABOUT = appeal(applicant={"iin": IIN})
REPLY = {"people": [{"iin": IIN, "name": "Тестов", "cars": [{"plate": "1"}]}]}


class Named(Record):
    type: Literal["json.Named"] = "json.Named"
    iin: Annotated[Iin, At("iin")]
    name: Annotated[str, At("name")]
    plates: Annotated[list[str], At("cars[*]/plate")] = []


class IinQuery(Query):
    iin: Annotated[Iin, From("applicant.iin")]


class Good(Declared[IinQuery, Named]):
    """Who it is."""

    name = "json.good"
    purpose = "a test"
    send = Send("", {"iin": "iin"})
    take = Take(Reading(Named), "people", same=("iin",))


class First(Lookup[IinQuery, Named]):
    """Takes the first, if one of them is right."""

    name = "json.first"
    purpose = "a test"

    async def ask(self, query: IinQuery, source: Source) -> Outcome[Any]:
        body: Any = (await source.call(Request({}))).body
        people = Take(Reading(Named), "people", same=("iin",)).answer(body).records()
        return found(people[0]) if query.iin in [person.iin for person in people] else Good().choose(people, query)


async def test_a_declared_lookup_of_json_passes() -> None:
    """Nothing that is done to its reply makes it raise or quote, as an object and as the text of one."""
    assert await check_lookup(Good(), ABOUT, [REPLY]) == []
    assert await check_lookup(Good(), ABOUT, ['{"people": [{"iin": "750301100019", "name": "n"}]}']) == []


async def test_who_takes_the_first_is_found_out() -> None:
    """A stranger stands in front, in the list."""
    problems = await check_lookup(First(), ABOUT, [REPLY])
    assert problems == ["of two records in one reply it takes the first, not the one with the iin asked for"]


def test_lists_are_damaged_inside() -> None:
    """Each object in a list, too."""
    done = {what for what, _ in damaged(REPLY)}
    assert {"people gone", "people.0 twice", "people.0.name null", "people.0.cars.0.plate a table"} <= done
