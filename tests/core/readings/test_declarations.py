"""Declarations that can never work are refused when they are made, in words for the author of the plugin."""

import types
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from appealbus.core import Form, From, NoSettings, Query, Shape
from appealbus.core.readings import At, By, DeclarationError, Declared, Reading, Send, Take
from appealbus.schemas.base import Model, Text
from appealbus.schemas.record import Record


class Part(Model):
    name: Text


class Other(Model):
    name: Text


class Whole(Model):
    name: Text | None = None
    part: Part | None = None
    parts: list[Part] = Field(default_factory=list)
    either: Part | Other | None = None


class Thing(Record):
    type: Literal["declarations.Thing"] = "declarations.Thing"
    number: Annotated[Text, At("Number")]


class ThingQuery(Query):
    number: Annotated[str, From("applicant.iin")]


THING = Reading(Thing)


def lookup(**declared: Any) -> type:
    given = {
        "name": "things.thing",
        "purpose": "a test",
        "send": Send("{urn:t}Ask", {"Number": "number"}),
        "take": Take(THING, "Thing", same=("number",)),
    }
    return types.new_class(
        "ThingByNumber", (Declared[ThingQuery, Thing],), None, lambda body: body.update({**given, **declared})
    )


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: At(), "At needs a path"),
        (lambda: At("a//b"), "'' is not the name of an element"),
        (lambda: At("a/@b/c"), "'@b' is not the name of an element"),
        (lambda: At("a/@"), "'@' is not the name of an attribute"),
        (lambda: At("{urn:x}a"), "is not the name of an element"),
        (lambda: At("xml()/a"), "xml() stands between"),
        (lambda: Reading(Whole, nmae="Name"), "Whole has no field 'nmae'"),
        (lambda: Reading(Whole, name="Name[*]"), "it is no list, and 'Name[*]' leads to several values"),
        (lambda: Reading(Whole, parts="Part"), "Part.name is required, and no path leads to it"),
        (lambda: Reading(Whole, part=At("P", of=Reading(Other, name="N"))), "its type is Part, and Other is read"),
        (lambda: Reading(Whole, either="E"), "says nothing about how to read it; write By(function, ...)"),
        (lambda: Reading(Whole, name="*"), "needs a field of the type dict[str, JsonValue]"),
        (lambda: Reading(Whole, name="A/B", part=At("A[*]/C", of=Reading(Part, name="N"))), "several values"),
        (
            lambda: Reading(Whole, name="A/B", parts=At("A[*]/C", of=Reading(Part, name="N"))),
            "do not agree whether A repeats",
        ),
        (lambda: Send("a b", {}), "is not a name such as"),
        (lambda: Send("a", {}, form="bare"), "is not one such as"),
        (lambda: Send("a", {}, form=Form(Shape.TYPED, "two words")), "is not one such as"),
        (lambda: Send("{urn:t}Ask", {"a/": "number"}), "the path 'a/' is not one of names"),
        (lambda: Take(THING, "Thing", same=()), "same is empty"),
        (lambda: Take(THING, "Thing", same=("nmuber",)), "Thing has no field 'nmuber'"),
        (lambda: lookup(send=Send("{urn:t}Ask", {"Number": "nubmer"})), "ThingQuery has no field 'nubmer'"),
        (lambda: lookup(take=Take(Reading(Other, name="N"), "O", same=("name",))), "has no field 'name'"),  # type: ignore[type-var]
        (
            lambda: lookup(take=Take(THING, "T", code="Code", same=("number",)))(NoSettings()),
            "derive the plugin's settings",
        ),
    ],
)
def test_a_declaration_that_can_never_work(make: Callable[[], object], told: str) -> None:
    """The message names what is wrong and says what to write."""
    with pytest.raises(DeclarationError) as caught:
        make()
    assert told in str(caught.value)


def test_by_takes_what_no_type_tells() -> None:
    """A field that may be one of two models is left to a function."""
    assert Reading(Whole, either=By(lambda name: Part(name=name), "E")).read({"E": "x"}).either == Part(name="x")


def test_what_a_subclass_declares_is_checked_too() -> None:
    """The query and the record are those of the class above it."""
    above = lookup()
    with pytest.raises(DeclarationError, match="ThingQuery has no field 'nubmer'"):
        type("Below", (above,), {"send": Send("{urn:t}Ask", {"Number": "nubmer"})})
