"""Replies that repeat the id of their question, in the kit: one that was recorded has another question's."""

from typing import Annotated, Literal

import pytest

from appealbus.core import From, Payload, Query
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.testing import appeal, ask, check_lookup
from appealbus.schemas import Iin, Record

IIN = "750301100019"
ABOUT = appeal(applicant={"iin": IIN})
XML = f"<a:answer xmlns:a='urn:a'><head><id>recorded</id></head><one><iin>{IIN}</iin></one></a:answer>"
JSON: Payload = {"head": {"id": "recorded"}, "one": {"iin": IIN}}


class Owner(Record):
    type: Literal["echo.Owner"] = "echo.Owner"
    iin: Annotated[Iin, At("iin")]


class IinQuery(Query):
    iin: Annotated[Iin, From("applicant.iin")]


class OwnerByIin(Declared[IinQuery, Owner]):
    """Who it is."""

    name = "echo.owner"
    purpose = "a test"
    send = Send("{urn:a}ask", {"iin": "iin"})
    take = Take(Reading(Owner), "one", echo="head/id", same=("iin",))


@pytest.mark.parametrize("reply", [XML, JSON, XML.replace("<id>recorded</id>", "")], ids=["XML", "JSON", "without"])
async def test_a_recorded_reply_answers_the_question(reply: str | Payload) -> None:
    """It has the id of the question that is put, and one that has none gets none."""
    assert await check_lookup(OwnerByIin(), ABOUT, [reply]) == []


async def test_a_reply_that_a_function_makes_stays_as_it_is() -> None:
    """So the reply to another question can be tried."""
    outcome = await ask(OwnerByIin(), ABOUT, replies=lambda request: XML)
    assert (outcome.kind.value, outcome.code) == ("invalid", "reply.other_question")
