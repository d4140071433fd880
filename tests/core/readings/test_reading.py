"""Where a value stands, and what follows from the type of its field. Elements and JSON have the same words."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from xml.sax.saxutils import escape

import pytest
from lxml import etree
from pydantic import Field, JsonValue

from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings import At, By, DeclarationError, Present, Reading, Tree, bare
from appealbus.schemas.base import Day, Model, Moment, Text
from appealbus.schemas.record import Coded
from appealbus.schemas.safexml import parse

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


class Side(Model):
    """Declares its own fields, as a generated model does."""

    name: Annotated[Text, At("Name")]
    length: Annotated[Decimal | None, At("Length")] = None


class Colour(StrEnum):
    RED = "red"


class Everything(Model):
    text: Text | None = None
    day: Day | None = None
    moment: Moment | None = None
    number: Decimal | None = None
    count: int | None = None
    ratio: float | None = None
    flag: bool | None = None
    colour: Colour | None = None
    state: Literal["open", "closed"] | None = None
    coded: Coded | None = None
    side: Side | None = None
    sides: list[Side] = Field(default_factory=list)
    words: list[Text] = Field(default_factory=list)
    days: list[Day] = Field(default_factory=list)
    present: bool = False
    open: JsonValue = None
    rest: dict[str, JsonValue] = Field(default_factory=dict)


def xml(inside: str) -> etree._Element:
    return etree.fromstring(f'<r xmlns="urn:x" {XSI}>{inside}</r>')


def read(inside: str | dict[str, Any], notes: Notes | None = None, **fields: Any) -> Everything:
    """Read an element or a JSON object with these declarations."""
    settings = {name: fields.pop(name) for name in ("zone", "comma", "codes", "xml") if name in fields}
    return Reading(Everything, fields, **settings).read(xml(inside) if isinstance(inside, str) else inside, notes)


BOTH = pytest.mark.parametrize("form", ["xml", "json"])


def as_json(element: etree._Element) -> Any:
    """Return an element as the JSON that says the same."""
    if not len(element):
        return element.text
    table: dict[str, Any] = {}
    for child in element:
        name, value = etree.QName(child).localname, as_json(child)
        if name not in table:
            table[name] = value
        else:
            table[name] = [*(table[name] if isinstance(table[name], list) else [table[name]]), value]
    return table


def given(form: str, inside: str) -> str | dict[str, Any]:
    return inside if form == "xml" else as_json(xml(inside)) or {}


@BOTH
@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("text", " два  слова ", "два  слова"),
        ("day", "2020-01-15", date(2020, 1, 15)),
        ("day", "2020-01-15T23:30:00+06:00", date(2020, 1, 15)),
        ("moment", "2020-01-15T10:00:00.1234567Z", datetime(2020, 1, 15, 10, 0, 0, 123456, UTC)),
        ("moment", "2020-01-15T10:00:00", datetime(2020, 1, 15, 10, tzinfo=timezone(timedelta(hours=5)))),
        ("number", "-0.50", Decimal("-0.50")),
        ("count", "+7", 7),
        ("ratio", "1.5", 1.5),
        ("flag", "1", True),
        ("flag", "false", False),
        ("colour", "red", Colour.RED),
        ("state", "closed", "closed"),
    ],
)
def test_a_value_follows_from_its_field(form: str, field: str, written: str, value: object) -> None:
    """Dates, moments, numbers, flags and words: the type of the field says how its text is read."""
    assert getattr(read(given(form, f"<V>{written}</V>"), **{field: "V"}), field) == value


@BOTH
def test_where_values_stand(form: str) -> None:
    """Nested elements, lists of them, several paths, coded values, and a model of the same element."""
    inside = (
        "<A><B>x</B></A><Side><Name>n</Name><Length>2.5</Length></Side><Side><Name>s</Name></Side>"
        "<Word>one</Word><Word>two</Word><Other>three</Other><Kind><code>7</code><nameRu>семь</nameRu></Kind><Name>own</Name>"
    )
    seen = read(
        given(form, inside),
        text="A/B",
        sides="Side",
        words=At("Word[*]", "Other[*]"),
        coded="Kind",
        side=Reading(Side),
    )
    assert seen.text == "x"
    assert seen.sides == [Side(name="n", length=Decimal("2.5")), Side(name="s")]
    assert seen.words == ["one", "two", "three"]
    assert seen.coded == Coded(code="7", name_ru="семь")
    assert seen.side == Side(name="own")


@BOTH
def test_the_first_path_that_has_a_value_counts(form: str) -> None:
    """An empty element has none; a function and a path may be alternatives."""
    inside = given(form, "<A/><B>b</B><C>c</C>")
    assert read(inside, text=At("A", "B", "C")).text == "b"
    assert read(inside, text=("A", By(str.upper, "C"))).text == "C"
    assert read(inside, text="A").text is None


@BOTH
def test_a_function_gets_the_texts_of_its_paths(form: str) -> None:
    """One for each path, None where there is none, a list for `[*]`; it is not called for nothing."""
    calls: list[tuple[Any, ...]] = []

    def joined(*texts: Any) -> str:
        calls.append(texts)
        return "+".join(str(text) for text in texts)

    inside = given(form, "<A>1</A><S><N>a</N></S><S><N>b</N></S>")
    assert read(inside, text=By(joined, "A", "B", "S[*]/N")).text == "1+None+['a', 'b']"
    assert read(inside, text=By(joined, "X", "Y[*]")).text is None
    assert len(calls) == 1
    assert read(given(form, "<A>8501 01-300123</A>"), text=By(bare, "A")).text == "850101300123"


def test_attributes_and_flags_and_open_content() -> None:
    """`@name`, an empty flag, an element as it is, and what no other field takes."""
    seen = read(
        '<T code="c"><X a="1">x</X><Y><Z>1</Z><Z>2</Z></Y></T><Flag/><U>u</U><W>w</W><!-- no --><?no?>',
        text="T/@code",
        present=Present("Flag"),
        open=Tree("T/Y"),
        rest="*",
    )
    assert seen.text == "c"
    assert seen.present
    assert seen.open == {"Z": ["1", "2"]}
    assert seen.rest == {"U": "u", "W": "w"}
    assert not read("<Other/>", present=Present("Flag")).present
    assert not read("<Flag> false </Flag>", present=Present("Flag")).present
    assert not read({"Flag": False}, present=Present("Flag")).present
    assert read({"Flag": {}}, present=Present("Flag")).present


def test_json_tables_stay_as_they_are() -> None:
    """Open content of a JSON object is the value itself."""
    assert read({"T": {"a": [1, None]}, "U": 2}, open=Tree("T"), rest="*").open == {"a": [1, None]}
    assert read({"T": 1, "U": {"x": True}}, open=Tree("T"), rest="*").rest == {"U": {"x": True}}


def test_what_is_nil_is_absent() -> None:
    """A value, a structure with children and a flag, each marked xsi:nil, are not there."""
    nil = 'xsi:nil="true"'
    inside = f"<V {nil}>x</V><S {nil}><Name>n</Name></S><F {nil}/><S><Name>second</Name></S>"
    seen = read(inside, text="V", side="S", present=Present("F"))
    assert (seen.text, seen.present) == (None, False)
    assert seen.side == Side(name="second")
    assert read({"V": None, "S": None}, text="V", side="S") == Everything()


def test_an_empty_structure_is_absent() -> None:
    """Nothing in it is no structure, whether or not it would need something."""
    assert read("<S/><K> </K>", side="S", coded="K") == Everything()


def test_names_in_cyrillic_and_with_dots() -> None:
    """Contracts name elements in the language of their country."""
    assert read("<Фамилия>Тестов</Фамилия>", text="Фамилия").text == "Тестов"
    assert read("<a.b-c><ФИО.имя>x</ФИО.имя></a.b-c>", text="a.b-c/ФИО.имя").text == "x"
    assert read({"Өтініш": {"нөмірі": "5"}}, count="Өтініш/нөмірі").count == 5


def test_parts_of_two_elements_do_not_become_one() -> None:
    """At each step the first element counts whole: a name of the second does not fill a gap in the first."""
    inside = "<Owner><Iin>1</Iin></Owner><Owner><Iin>2</Iin><Name>other</Name></Owner>"
    notes = Notes()
    seen = read(inside, notes, text="Owner/Name", state=By(lambda iin: "open", "Owner/Iin"))
    assert seen.text is None
    assert notes.unread == {"Owner": 1}
    said = read(inside, text="Owner[1]/Name", state=By(lambda iin: "open", "Owner[1]/Iin"))
    assert (said.text, said.state) == (seen.text, seen.state)
    assert read(inside, text="Owner[1]/Iin").text == "1"


def test_xml_inside_text() -> None:
    """`xml()` parses the text of an element and goes on inside; what cannot be parsed is absent, and noted."""
    person = "<p:Person xmlns:p='urn:p'><Name>n</Name><Age>x</Age></p:Person>"
    inside = f"<Data>{escape(person)}</Data>"
    notes = Notes()
    seen = read(inside, notes, text="Data/xml()/Person/Name", count="Data/xml()/Person/Age")
    assert (seen.text, seen.count) == ("n", None)
    assert notes.unreadable == {"Data/xml()/Person/Age": 1}
    notes = Notes()
    assert read("<Data>&lt;!DOCTYPE a []&gt;&lt;a/&gt;</Data>", notes, text="Data/xml()/a").text is None
    assert notes.unreadable == {"Data": 1}


def test_settings_of_a_reading() -> None:
    """The zone of moments, a decimal comma and the names of codes hold for the nested models, too."""
    seen = read(
        "<M>2020-01-15T10:00:00</M><S><Name>n</Name><Length>1,5</Length></S><K><ID>1</ID></K>",
        moment="M",
        side="S",
        coded="K",
        zone=UTC,
        comma=True,
        codes=("ID", "Ru", "Kz"),
    )
    assert seen.moment == datetime(2020, 1, 15, 10, tzinfo=UTC)
    assert seen.side == Side(name="n", length=Decimal("1.5"))
    assert seen.coded == Coded(code="1")


def test_what_one_declaration_takes_is_no_news_to_another() -> None:
    """Two that look at the same elements: a path beside a nested model, two models of one element, a coded value."""
    inside = (
        "<S><Name>a</Name><Code>1</Code></S><S><Name>b</Name><Code>2</Code><New/></S><Name>own</Name><Length>1</Length>"
    )
    notes = Notes()
    seen = read(inside, notes, sides="S", text=By(lambda codes: codes[-1], "S[*]/Code"), side=Reading(Side))
    assert (seen.text, [side.name for side in seen.sides]) == ("2", ["a", "b"])
    assert seen.side == Side(name="own", length=Decimal(1))
    assert notes.unread == {"S/New": 1}


def test_a_model_of_the_same_element_may_be_absent() -> None:
    """An optional one is absent where it lacks what it needs; what it has of it is no news."""
    notes = Notes()
    assert read("<Length>1</Length>", notes, side=Reading(Side)) == Everything()
    assert not notes.unread


def test_a_model_that_has_itself_in_it_is_refused() -> None:
    """Its declarations would have no end."""

    class Folder(Model):
        inside: "Annotated[Folder | None, At('Folder')]" = None

    Folder.model_rebuild()
    with pytest.raises(DeclarationError, match=r"Folder\.inside: Folder has itself in it; write Tree\(path\)"):
        Reading(Folder)


def test_text_around_a_comment_is_one_text() -> None:
    """As wires parse it, a comment in a name does not cut it off."""
    element = parse(b"<r><V>Te<!-- no -->st<?no no?>ov</V></r>", limit=1000)
    assert Reading(Everything, text="V").read(element).text == "Testov"


def test_two_documents_inside_texts_do_not_become_one() -> None:
    """The first counts, and the second does not fill its gaps."""
    inside = f"<D>{escape('<P><A>1</A></P>')}</D><D>{escape('<P><A>2</A><B>b</B></P>')}</D>"
    seen = read(inside, count="D/xml()/P/A", text="D/xml()/P/B")
    assert (seen.count, seen.text) == (1, None)
