"""No value of one place passes for that of another, and none is cut short or made up where text cannot be read."""

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from lxml import etree
from pydantic import Field, JsonValue

from appealbus.core import CallFailed, From, Query
from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings import Asking, At, By, DeclarationError, Declared, Present, Reading, Send, Take, Tree
from appealbus.core.readings.trie import Level
from appealbus.schemas.base import Model, Text
from appealbus.schemas.identifiers import Iin
from appealbus.schemas.record import Coded, Record
from appealbus.schemas.safexml import parse


class Pair(Model):
    a: Iin
    b: Iin


class Some(Model):
    text: Text | None = None
    other: Text | None = None
    words: list[Text] = Field(default_factory=list)
    coded: Coded | None = None
    pair: Pair | None = None
    flag: bool = False
    open: JsonValue = None
    rest: dict[str, JsonValue] = Field(default_factory=dict)
    either: int | bool | None = None


class Odd(Model):
    aliased: Text | None = Field(default=None, alias="Aliased")
    table: list[list[Text]] = Field(default_factory=list)


class Thing(Record):
    type: Literal["mixups.Thing"] = "mixups.Thing"
    number: Annotated[Text, At("Number")]


class ThingQuery(Query):
    number: Annotated[str, From("applicant.iin")]


def read(inside: str | dict[str, Any], notes: Notes | None = None, **fields: Any) -> dict[str, Any]:
    payload = parse(f"<r>{inside}</r>".encode()) if isinstance(inside, str) else inside
    return Reading(Some, fields).read(payload, notes).model_dump(exclude_defaults=True, exclude_none=True)


@pytest.mark.parametrize("encoding", ["windows-1251", "utf-16", "UTF-8"])
def test_xml_inside_text_is_text_whatever_encoding_it_names(encoding: str) -> None:
    """Decoding it once more would make other letters of it."""
    inside = f'<D>&lt;?xml version="1.0" encoding="{encoding}"?>&lt;P>Тестов&lt;/P></D>'
    assert read(inside, text="D/xml()/P") == {"text": "Тестов"}


def test_text_with_elements_in_it_is_not_cut_off() -> None:
    """It cannot be read, in a list neither; open content keeps all of it."""
    inside, notes = "<V>Te<b>st</b>ov</V>", Notes()
    assert read(inside, notes, text="V", other=By(str.upper, "V")) == {}
    assert notes.unreadable == {"V": 2}
    with pytest.raises(CallFailed, match="bad_value"):
        read(f"<V>1</V>{inside}", words="V")
    assert read(inside, open=Tree("V")) == {"open": {"#text": "Te ov", "b": "st"}}


def test_parts_of_two_elements_do_not_meet() -> None:
    """An attribute of the first and the text of the second; the second in one of a list."""
    assert read('<V c="KZT"/><V c="USD">5</V>', text="V", other="V/@c") == {"other": "KZT"}
    assert read("<A><B>1</B><B>2</B></A><A><B/><B>3</B></A>", words="A[*]/B") == {"words": ["1", "3"]}


def test_an_attribute_of_the_schema_is_not_the_registers_own() -> None:
    """`xsi:type` stands in front of `type` and is another."""
    inside = '<V xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x" type="7"/>'
    assert read(inside, text="V/@type") == {"text": "7"}


def test_a_coded_value_of_attributes_and_functions() -> None:
    """Its declarations are those of any model."""
    by_attribute = Reading(Coded, code="@code", name_ru=".")
    assert read('<K code="7">семь</K>', coded=At("K", of=by_attribute)) == {"coded": {"code": "7", "name_ru": "семь"}}
    assert read("<K><B>7</B></K>", coded=At("K", of=Reading(Coded, code=("A", "B")))) == {"coded": {"code": "7"}}


def test_text_that_is_no_xml_makes_nothing_up() -> None:
    """No empty list, no value of another path, no argument that is missing, no answer without records."""
    inside = "<D>&lt;P></D><B>b</B>"
    with pytest.raises(CallFailed, match="bad_xml"):
        read(inside, words="D/xml()/P/W[*]")
    assert read(inside, text=At("D/xml()/P", "B")) == {}
    assert read(inside, text=By(lambda *parts: str(parts), "D/xml()/P", "B")) == {}
    assert read({"D": "\ud800<P/>"}, text="D/xml()/P") == {}
    take = Take(Reading(Thing), "D/xml()/P/R", same=("number",))
    for broken in ("&lt;P>", "&lt;html/>"):
        with pytest.raises(CallFailed, match="D"):
            take.answer(parse(f"<r><D>{broken}</D></r>".encode()))
    assert take.answer(parse(b"<r><D>&lt;P/></D></r>")).records() == []


def test_lists_of_json_stay_as_they_are() -> None:
    """Reading changes nothing of the reply, so a second one finds the same."""
    table: dict[str, Any] = {"U": [[1], [2]], "W": [1], "N": [1, None]}
    assert read(table, rest="*") == read(table, rest="*") == {"rest": {"U": [[1], [2]], "W": [1], "N": [1, None]}}
    assert read({"T": [1, 2]}, open=Tree("T")) == {"open": [1, 2]}
    assert read({"x}T": "of another", "B": 10**5000}, text="T", other="B") == {}


def test_an_optional_value_with_two_faults_is_absent_and_the_record_stands() -> None:
    """One structure with two broken leaves; one value with two types that it is not."""
    fields = {"pair": At("P", of=Reading(Pair, a="A", b="B")), "text": "N", "either": By(lambda text: text, "E")}
    assert read("<N>n</N><P><A>1</A><B>2</B></P><E>x</E>", **fields) == {"text": "n"}


@pytest.mark.parametrize("error", [KeyError, ArithmeticError, ValueError])
def test_what_a_function_raises_of_a_text(error: type[Exception]) -> None:
    """A table without the word, a number that is none."""

    def function(text: str) -> str:
        raise error(text)

    notes = Notes()
    assert read("<V>x</V>", notes, text=By(function, "V")) == {}
    assert notes.unreadable == {"V": 1}


def test_names_of_a_sender_are_not_kept_without_end() -> None:
    """A name of megabytes is looked at, and forgotten."""
    level = Level()
    assert level["x" * 1000] is not None
    assert not level


def test_a_code_at_the_answer_itself() -> None:
    """An attribute of the root."""
    take = Take(Reading(Thing), ".", code="@code", same=("number",))
    assert take.answer(parse(b"<r code='1'><Number>n</Number></r>")).code == "1"


class Colour(str, Enum):  # noqa: UP042 - as plugins of others have it
    RED = "red"


def test_what_is_sent_is_what_was_meant() -> None:
    """An attribute first, namespaces in a table, words and numbers as they are written."""
    asking = Asking({}, None, "id", None)  # type: ignore[arg-type]
    body = Send("R", {"A/@x": lambda _: "1", "A": lambda _: Colour.RED, "N": lambda _: Decimal("1E+3")}).body(asking)
    assert etree.tostring(body) == b'<R><A x="1">red</A><N>1000</N></R>'  # type: ignore[arg-type]
    assert Send("", {"{http://a/b}X/Y": lambda _: "1"}).body(asking) == {"{http://a/b}X": {"Y": "1"}}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Reading(Some, flag=Present("V/@x")),
        lambda: Reading(Some, open="V/@x"),
        lambda: Reading(Some, text=By(str.upper, "V/*")),
        lambda: Reading(Some, text="V/xml()/xml()/A"),
        lambda: Take(Reading(Thing), "R/@x", same=("number",)),
        lambda: Take(Reading(Thing), "R", code="S/*", same=("number",)),
        lambda: Take(Reading(Thing), "R", same="number"),  # type: ignore[arg-type]
        lambda: Reading(Odd, aliased="A"),
        lambda: Reading(Odd, table="A"),
        lambda: Send("{a}{b}R", {}),
        lambda: Send("", {"A": "x", "A/B": "y"}),
    ],
)
def test_what_can_never_work_is_refused(make: Any) -> None:
    """When it is declared."""
    with pytest.raises(DeclarationError):
        make()


T = TypeVar("T", bound=Record)


def test_a_class_between_may_have_other_parameters() -> None:
    """Or leave a part to those derived from it."""

    class Between(Declared[ThingQuery, T], Generic[T]):
        send = Send("R", {"N": "number"})

    class ByNumber(Between[Thing]):
        take = Take(Reading(Thing), "T", same=("number",))

    assert ByNumber.take.what == "thing"
