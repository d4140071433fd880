"""Random declarations over random elements, beside a reader that is slow and plain: never another value."""

import random
from typing import Any

import pytest
from lxml import etree
from pydantic import Field, create_model

from appealbus.core import CallFailed
from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings import At, By, DeclarationError, Reading
from appealbus.schemas.base import Model
from tests.services.forms import form, seeds

NAMES = ["a", "b", "c", "Ф"]
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TREES = 8
"""Elements for each set of declarations: making these costs more than reading."""

Steps = list[tuple[str, bool]]
Way = tuple[str, list[Steps]]


def element(chance: random.Random, depth: int = 0) -> etree._Element:
    """Return an element with names that recur, in and out of a namespace, some empty, some nil."""
    made = etree.Element(chance.choice(["", "{urn:x}"]) + chance.choice(NAMES))
    if depth < 3 and chance.random() < 0.7:
        for _ in range(chance.randint(0, 4)):
            made.append(element(chance, depth + 1))
    if not len(made) and chance.random() < 0.8:
        made.text = chance.choice(["1", "2", " 3 ", "x", "", " "])
    if depth and chance.random() < 0.05:
        made.set(NIL, "true")
    return made


def inside(node: etree._Element, name: str) -> list[etree._Element]:
    return [each for each in node if each.tag.rpartition("}")[2] == name and each.get(NIL) != "true"]


def texts(node: etree._Element, steps: Steps) -> list[str]:
    """Return the texts at a path: at each step of all elements, or of the first; at the end of all that have one."""
    (name, each), *further = steps
    found = inside(node, name)
    if not further:
        return [text for one in found if (text := (one.text or "").strip())]
    return [text for one in (found if each else found[:1]) for text in texts(one, further)]


def first(node: etree._Element, steps: Steps) -> str | None:
    return next(iter(texts(node, steps)), None)


def expected(node: etree._Element, way: Way) -> Any:
    kind, paths = way
    if kind == "list":
        return texts(node, paths[0])
    found = [first(node, path) for path in paths]
    if kind == "by":
        return None if found == [None, None] else f"{found[0]}|{found[1]}"
    value = next(filter(None, found), None)
    if kind == "int":
        return int(value) if value is not None and value.isdigit() else None
    return value


def written(steps: Steps) -> str:
    return "/".join(name + "[*]" * each for name, each in steps)


def declarations(chance: random.Random) -> tuple[type[Model], dict[str, Any], dict[str, Way]]:
    fields: dict[str, Any] = {}
    declared: dict[str, Any] = {}
    ways: dict[str, Way] = {}
    for name in map("f{}".format, range(chance.randint(1, 6))):
        kind = chance.choice(["text", "int", "list", "by"])
        paths = [
            [(chance.choice(NAMES), kind == "list" and chance.random() < 0.5) for _ in range(chance.randint(1, 3))]
            for _ in range({"int": 1, "list": 1}.get(kind, 2))
        ]
        if kind == "list":
            paths[0][-1] = (paths[0][-1][0], True)
        told = [written(path) for path in paths]
        fields[name] = {
            "list": (list[str], Field(default_factory=list)),
            "int": (int | None, None),
        }.get(kind, (str | None, None))
        declared[name] = By("{}|{}".format, *told) if kind == "by" else At(*told)
        ways[name] = (kind, paths)
    return create_model("Random", __base__=Model, **fields), declared, ways


def two_things(ways: dict[str, Way]) -> bool:
    """Say whether a name is a value and a structure: then the first element counts whole, which is another rule."""
    paths = [tuple(name for name, _ in steps) for _, each in ways.values() for steps in each]
    return any(len(one) < len(other) and other[: len(one)] == one for one in paths for other in paths)


@pytest.mark.proof
def test_never_another_value() -> None:
    """Whatever is declared and whatever comes: the value of the plain reader, or what can never work is refused."""
    read = 0
    for seed in seeds(80, 20_000):
        chance = random.Random(seed)
        model, declared, ways = declarations(chance)
        if two_things(ways):
            continue
        try:
            reading = Reading(model, declared)
        except DeclarationError as error:
            assert "do not agree whether" in str(error)  # noqa: PT017 - most are accepted
            continue
        for _ in range(TREES):
            node = element(chance)
            try:
                found = reading.read(node, Notes()).model_dump()
            except CallFailed:  # one of a list is no text
                assert any(kind == "list" for kind, _ in ways.values())
                continue
            told = (seed, declared, etree.tostring(node, encoding="unicode"))
            assert found == {name: expected(node, way) for name, way in ways.items()}, told
            read += 1
    assert read > form(180, 500)
