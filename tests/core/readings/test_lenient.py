"""What cannot be read: absent and named where the record stands without it, `invalid` with its path where not."""

from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any

import pytest
from lxml import etree
from pydantic import Field

from appealbus.core import CallFailed, OutcomeKind
from appealbus.core.interfaces.notes import MOST_PATHS, Notes
from appealbus.core.readings import At, By, Reading
from appealbus.schemas.base import Day, Model, Text
from appealbus.schemas.identifiers import Iin
from appealbus.schemas.record import Coded

CANARY = "Канарейкина 010203499998"


class Paper(Model):
    number: Annotated[Text, At("Number")]
    day: Annotated[Day, At("Day")]
    pages: Annotated[int | None, At("Pages")] = None


class Person(Model):
    name: Annotated[Text, At("Name")]
    iin: Annotated[Iin | None, At("Iin", word="number")] = None
    born: Annotated[Day | None, At("Born", "Birth")] = None
    state: Annotated[Coded | None, At("State")] = None
    paper: Annotated[Paper | None, At("Papers/Main")] = None
    papers: Annotated[list[Paper], At("Papers/Paper[*]")] = Field(default_factory=list)
    sizes: Annotated[list[Decimal], At("Size[*]")] = Field(default_factory=list)
    double: Annotated[int | None, By(lambda text: 2 * int(text), "Half", word="half")] = None


PERSON = Reading(Person)


def xml(inside: str) -> etree._Element:
    return etree.fromstring(f"<Person><Name>n</Name>{inside}</Person>")


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        (f"<Born>{CANARY}</Born>", "Born"),
        (f"<Born>{CANARY}</Born><Birth>2000-01-01</Birth>", "Born"),
        (f"<Iin>{CANARY}</Iin>", "Iin"),
        ("<Iin>750301100018</Iin>", "Iin"),
        (f"<Papers><Main><Number>1</Number><Day>{CANARY}</Day></Main></Papers>", "Papers/Main/Day"),
        ("<Papers><Main><Number>1</Number></Main></Papers>", "Papers/Main/Day"),
        (f"<Half>{CANARY}</Half>", "Half"),
    ],
)
def test_an_optional_value_that_cannot_be_read_is_absent_and_named(inside: str, path: str) -> None:
    """The record is there without it, and a value of another path does not take its place."""
    notes = Notes()
    assert PERSON.read(xml(inside), notes) == Person(name="n")
    assert notes.unreadable == {path: 1}


@pytest.mark.parametrize(
    ("inside", "code", "path"),
    [
        ("<Papers><Paper><Number>1</Number></Paper></Papers>", "reply.missing", "Papers/Paper/Day"),
        (
            f"<Papers><Paper><Number>1</Number><Day>{CANARY}</Day></Paper></Papers>",
            "reply.bad_date",
            "Papers/Paper/Day",
        ),
        ("<Papers><Paper/></Papers>", "reply.missing", "Papers/Paper/Number"),
        (f"<Size>1</Size><Size>{CANARY}</Size>", "reply.bad_decimal", "Size"),
    ],
)
def test_a_list_does_not_lose_one_of_its_own_silently(inside: str, code: str, path: str) -> None:
    """A list with one missing would say that there is no more: the record cannot be read."""
    with pytest.raises(CallFailed) as caught:
        PERSON.read(xml(inside))
    assert (caught.value.kind, caught.value.code) == (OutcomeKind.INVALID, code)
    assert path in caught.value.reason
    assert "Канарейкина" not in str(caught.value)


def test_an_optional_value_inside_one_of_a_list_is_absent() -> None:
    """The entry stays, without it."""
    notes = Notes()
    inside = f"<Papers><Paper><Number>1</Number><Day>2020-01-01</Day><Pages>{CANARY}</Pages></Paper></Papers>"
    assert PERSON.read(xml(inside), notes).papers == [Paper(number="1", day="2020-01-01")]
    assert notes.unreadable == {"Papers/Paper/Pages": 1}


@pytest.mark.parametrize("inside", ["<Person/>", "<Person><Name> </Name></Person>", "<html><body/></html>"])
def test_what_is_required_and_missing_makes_the_reply_invalid(inside: str) -> None:
    """With the path of the first that is missing."""
    with pytest.raises(CallFailed, match=r"^reply\.missing: the reply lacks Name$"):
        PERSON.read(etree.fromstring(inside))
    with pytest.raises(CallFailed, match="Name"):
        PERSON.read({})


def test_elements_that_nobody_takes_are_counted_by_path() -> None:
    """Names that may hide a number are told as `*`, and a reply with a million names has a bounded count."""
    notes = Notes()
    PERSON.read(xml("<New/><New><Inner/></New><Papers><Odd>1</Odd></Papers><p010203499998/>"), notes)
    assert notes.unread == {"New": 2, "Papers/Odd": 1, "*": 1}
    notes = Notes()
    PERSON.read(xml("".join(f"<n{i}x/>" for i in range(5000))), notes)
    assert len(notes.unread) == MOST_PATHS


@pytest.mark.parametrize(
    "hostile",
    [
        {"Name": "n", "Born": {"a": 1}, "Papers": "text", "Size": [[1], {}]},
        {"Name": "n", "Papers": [{"Main": 5}, 7, None], "State": ["x", {"code": "1"}]},
        {"Name": "n", 5: 6, "Born": True, "Half": [None]},
    ],
)
def test_json_of_another_shape_breaks_nothing(hostile: Any) -> None:
    """Whatever stands where a declaration looks, there is a record or a typed failure."""
    with suppress(CallFailed):
        assert PERSON.read(hostile).name == "n"
