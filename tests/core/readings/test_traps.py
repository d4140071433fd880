"""What is easily got wrong about replies: Cyrillic names, empty texts, nil structures, names that break models.

A hostile contract (quotes and line breaks in its documentation) must not become code: that is for whatever writes code
from contracts to see to, and nothing does yet.
"""

import ast
from pathlib import Path
from typing import Annotated, Any

import pytest
from lxml import etree
from pydantic import Field

from appealbus.connectors.soap.documents import Document
from appealbus.connectors.soap.schemas import DRIVER, arrange
from appealbus.core import CallFailed
from appealbus.core.readings import At, Reading
from appealbus.core.replies.xmlread import element_of
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas.base import Model, Text

ROOT = Path(__file__).parents[3]
NIL = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
SOURCES = [
    file
    for folder in ("core", "connectors", "plugins", "schemas", "simulator", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
]


@pytest.mark.proof
def test_no_element_is_written_out_in_ascii() -> None:
    """`etree.tostring(element)` alone writes the name Объект as `&#1054;…`, which is not XML."""
    careless = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "tostring"
        and not {"encoding", "method"} & {keyword.arg for keyword in node.keywords}
    ]
    assert careless == []


def test_cyrillic_names_go_through_the_kit_and_through_contracts() -> None:
    """As an element of a scripted reply, in an envelope, and inside a schema of a contract."""
    element = etree.fromstring("<Ответ><Объект>7</Объект></Ответ>")
    assert element_of(reply_of(element)).findtext("Объект") == "7"
    envelope = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'
    assert element_of(reply_of(envelope.format("<Ответ><Объект>7</Объект></Ответ>"))).findtext("Объект") == "7"
    schema = (
        '<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:element name="Объект" type="x:string"><x:annotation>'
        "<x:appinfo><Сведения>о</Сведения></x:appinfo></x:annotation></x:element></x:schema>"
    )
    arranged = arrange([Document("x.xsd", etree.fromstring(schema))])
    assert arranged.elements == {"Объект"}
    assert any("<Сведения" in data.decode() for name, data in arranged.files.items() if name != DRIVER)


class Paper(Model):
    number: Annotated[Text, At("Number")]


class Holder(Model):
    name: Annotated[str, At("Name")]
    note: Annotated[str | None, At("Note")] = None
    paper: Annotated[Paper | None, At("Paper")] = None
    papers: Annotated[list[Paper], At("Papers/Paper")] = Field(default_factory=list)


class Strict(Holder):
    paper: Annotated[Paper, At("Paper")]


@pytest.mark.parametrize("empty", ["<Name/>", "<Name> \n </Name>", f"<Name {NIL}>n</Name>", f"<Name {NIL}/>", ""])
def test_an_empty_text_is_absent(empty: str) -> None:
    """The schema lets an empty text pass; what a record requires is a text with something in it."""
    with pytest.raises(CallFailed, match=r"reply\.missing: the reply lacks Name"):
        Reading(Holder).read(etree.fromstring(f"<h>{empty}</h>"))
    found = Reading(Holder).read(etree.fromstring(f"<h><Name>n</Name>{empty.replace('Name', 'Note')}</h>"))
    assert found == Holder(name="n")


@pytest.mark.parametrize("inside", ["", "<Number/>", "<Number>7</Number>"])
def test_a_nil_structure_is_absent_and_no_empty_shell(inside: str) -> None:
    """Whatever stands in it: optional it is None, in a list it is no member, required it is missing."""
    nil = f"<Paper {NIL}>{inside}</Paper>"
    xml = etree.fromstring(f"<h><Name>n</Name>{nil}<Papers>{nil}<Paper><Number>8</Number></Paper></Papers></h>")
    assert Reading(Holder).read(xml) == Holder(name="n", papers=[Paper(number="8")])
    with pytest.raises(CallFailed, match=r"reply\.missing: the reply lacks Paper"):
        Reading(Strict).read(xml)
    assert Reading(Holder).read({"Name": "n", "Paper": None}) == Holder(name="n")


TAKEN = (
    "type",
    "list",
    "int",
    "schema",
    "json",
    "copy",
    "register",
    "model_fields",
    "model",
    "fields",
    "codes",
    "zone",
)


class Awkward(Model):
    """Fields whose names would break the model have an underscore behind; those of arguments need none."""

    type_: str
    list_: list[int]
    int_: int
    schema_: str
    json_: str
    copy_: str
    register_: str
    model_fields_: str
    model: str
    fields: str
    codes: str
    zone: str


def test_names_that_break_models_are_read_into_names_that_do_not() -> None:
    """Paths have the names of the contract, fields others; names of arguments stand in the table of fields."""
    paths: dict[str, Any] = dict(zip(Awkward.model_fields, TAKEN, strict=True))
    xml = etree.fromstring("<a>" + "".join(f"<{name}>1</{name}>" for name in TAKEN) + "</a>")
    found = Reading(Awkward, paths).read(xml)
    assert found.model_dump() == {**dict.fromkeys(Awkward.model_fields, "1"), "list_": [1], "int_": 1}
