"""No schema says what may be in a reply: what has begun to come where something declared is missing may be that."""

from copy import deepcopy
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from lxml import etree
from pydantic import Field

from appealbus.core import Call, CallFailed, From, Outcome, OutcomeKind, Query, Source
from appealbus.core.domain.usual import ENOUGH, Usual
from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings import At, By, Declared, Reading, Send, Take
from appealbus.core.testing import ScriptedWire
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas import Iin, Record
from appealbus.schemas.base import Model
from appealbus.schemas.record import Coded

IIN = "750301100019"


class Owner(Model):
    iin: Annotated[str | None, At("iin")] = None
    name: Annotated[str | None, At("name")] = None


class Car(Record):
    type: Literal["unknown.Car"] = "unknown.Car"
    iin: Annotated[Iin, At("iin")]
    colour: Annotated[str | None, At("colour")] = None
    stolen: Annotated[date | None, At("stolen")] = None
    owners: Annotated[list[Owner], At("owners[*]")] = Field(default_factory=list)
    tags: Annotated[list[str], At("tags[*]")] = Field(default_factory=list)
    seller: Annotated[Owner | None, At("seller")] = None
    city: Annotated[str | None, At("place/city")] = None
    kind: Annotated[Coded | None, At("kind")] = None
    plate: Annotated[str | None, By(lambda *parts: "".join(filter(None, parts)), "region", "digits")] = None


class CarQuery(Query):
    iin: Annotated[Iin, From("applicant.iin")]


class CarByIin(Declared[CarQuery, Car]):
    """Which car it is."""

    name = "unknown.car"
    purpose = "a test"
    send = Send("", {"iin": "iin"})
    take = Take(Reading(Car), "data/cars", same=("iin",))


CAR: dict[str, Any] = {
    "iin": IIN,
    "colour": "red",
    "owners": [{"iin": "1", "name": "a", "since": "x"}, {"iin": "2", "name": "b", "since": "y"}],
    "tags": ["taxi"],
    "seller": {"iin": "3", "name": "c"},
    "place": {"city": "Astana", "street": "Abai"},
    "kind": {"code": "1", "nameRu": "car"},
    "region": "02",
    "digits": "123",
    "old": 1,
}


def reply(**more: Any) -> dict[str, Any]:
    car = {**deepcopy(CAR), **more}
    return {"data": {"cars": [{name: value for name, value in car.items() if value is not ...}], "page": 1}}


def xml(name: str, value: Any) -> Any:
    """Return JSON as elements."""
    element = etree.Element(name)
    if isinstance(value, dict):
        for key, each in value.items():
            element.extend(xml(key, one) for one in (each if isinstance(each, list) else [each]))
    elif value is not None:
        element.text = str(value)
    return element


def ask(body: Any, usual: Usual) -> tuple[Outcome[Any] | CallFailed, Notes]:
    source = Source("unknown", ScriptedWire([]), Call("q", "1", 5.0))
    source.notes.usual = usual
    try:
        ended: Outcome[Any] | CallFailed = CarByIin().read(reply_of(body), CarQuery(iin=IIN), source)
    except CallFailed as failed:
        ended = failed
    else:
        usual.learn(source.notes.beside)
    return ended, source.notes


def learned(*replies: Any) -> Usual:
    usual = Usual()
    for each in replies or [reply()] * ENOUGH:
        ask(each, usual)
    return usual


RENAMED: list[tuple[dict[str, Any], set[str]]] = [
    ({"colour": ..., "color": "red"}, {"colour"}),
    ({"colour": None, "color": "red"}, {"colour"}),
    ({"owners": [], "holders": CAR["owners"]}, {"owners"}),
    ({"owners": ..., "holders": CAR["owners"]}, {"owners"}),
    ({"owners": ..., "wrapper": {"owners": CAR["owners"]}}, {"owners"}),
    ({"owners": [{"iin": "1", "title": "a", "since": "x"}]}, {"owners[*].name"}),
    ({"tags": ..., "labels": ["taxi"]}, {"tags"}),
    ({"seller": ..., "vendor": CAR["seller"]}, {"seller"}),
    ({"place": {"town": "Astana", "street": "Abai"}}, {"city"}),
    ({"kind": {"id": "1", "nameRu": "car"}}, {"kind.code"}),
]


@pytest.mark.parametrize("as_xml", [False, True])
@pytest.mark.parametrize(("changed", "fields"), RENAMED)
def test_what_was_renamed_or_wrapped_is_unknown(changed: dict[str, Any], fields: set[str], as_xml: bool) -> None:
    """A declared field is missing, and something stands beside it that never came before."""
    good, bad = reply(), reply(**changed)
    if as_xml:
        good, bad = xml("R", good), xml("R", bad)
    usual = learned(*([good] * ENOUGH))
    for _ in range(3):  # it does not become usual by going on
        ended, notes = ask(deepcopy(bad), usual)
        assert isinstance(ended, Outcome)
        assert fields <= notes.unknown
        assert notes.causes


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"colour": {"name": "red"}}, {"colour"}),
    ({"colour": [["red"]]}, {"colour"}),
    ({"colour": 10**400}, {"colour"}),
    ({"stolen": "in spring"}, {"stolen"}),
    ({"seller": "Serik"}, {"seller"}),
    ({"place": "Astana"}, {"city"}),
    ({"kind": "1"}, {"kind"}),
    ({"owners": ["Serik"]}, {"owners"}),
    ({"digits": {"value": "123"}}, {"plate"}),
]


@pytest.mark.parametrize(("changed", "fields"), WRONG)
def test_a_value_of_a_wrong_type_is_unknown(changed: dict[str, Any], fields: set[str]) -> None:
    """Whatever came before, and never told as absent."""
    ended, notes = ask(reply(**changed), Usual())
    assert isinstance(ended, Outcome)
    assert any(each.startswith(tuple(fields)) for each in notes.unknown)


@pytest.mark.parametrize(
    "changed",
    [{}, {"colour": ...}, {"owners": []}, {"owners": ..., "tags": ...}, {"stolen": "2020-01-01"}, {"seller": {}}],
)
def test_what_usually_comes_hides_nothing(changed: dict[str, Any]) -> None:
    """A field may be absent beside elements that always came."""
    assert ask(reply(**changed), learned())[1].unknown == set()


def test_what_came_beside_a_field_is_not_that_field() -> None:
    """A new element stands where a field is told: then it tells something else, and the field may be absent later."""
    usual = learned()
    assert "stolen" in ask(reply(new=1), usual)[1].unknown  # nobody knows yet whether it is that
    assert ask(reply(new=1, colour=...), usual)[1].unknown == {"stolen"}
    ask(reply(new=1, stolen="2020-01-01"), usual)
    assert ask(reply(new=1, colour=...), usual)[1].unknown == set()


def test_before_enough_came_nobody_can_say() -> None:
    """The first replies teach what is usual."""
    assert ask(reply(colour=..., color="red"), learned(reply()))[1].unknown == set()


def test_somebody_may_say_that_it_is_meaningless() -> None:
    usual = learned()
    source = Source("unknown", ScriptedWire([]), Call("q", "1", 5.0))
    source.notes.usual, source.notes.meaningless = usual, ("cars/new",)
    CarByIin().read(reply_of(reply(new=1)), CarQuery(iin=IIN), source)
    assert source.notes.unknown == set()


HIDDEN: list[dict[str, Any]] = [
    {"data": {"people": [CAR]}},
    {"data": {"cars": [], "vehicles": [CAR]}},
    {"payload": reply()["data"]},
    {"data": "cars"},
]


@pytest.mark.parametrize("body", HIDDEN)
@pytest.mark.parametrize("known", [True, False])
def test_a_record_under_another_name_is_no_not_found(body: dict[str, Any], known: bool) -> None:
    """It would end the question for good."""
    ended, _ = ask(body, learned() if known else Usual())
    assert isinstance(ended, CallFailed)
    assert ended.kind is OutcomeKind.INVALID


@pytest.mark.parametrize(
    "body", [{"data": {"cars": []}}, {"data": {"cars": []}, "message": "none", "error": {"code": 4}}]
)
def test_no_record_is_not_found(body: dict[str, Any]) -> None:
    """Words about it are no record."""
    ended, _ = ask(body, learned())
    assert isinstance(ended, Outcome)
    assert ended.kind is OutcomeKind.NOT_FOUND


def test_what_is_learned_is_bounded() -> None:
    """A sender that makes up names is not remembered for ever."""
    usual = Usual()
    for i in range(2000):
        usual.learn({f"data/cars/x{i}": set()})
    assert len(usual.beside) == 500
    both = usual + Usual(1, {"a": {"b"}}, {"a"})
    assert (len(both.beside), both.replies) == (500, 2000)


CROWD = {f"{a}{b}{c}x": 1 for a in "bcdfghjklmno" for b in "bcdfghjklmno" for c in "bcdfghjklmno"}


@pytest.mark.parametrize("around", [False, True])
@pytest.mark.parametrize("as_xml", [False, True])
@pytest.mark.parametrize(("changed", "fields"), RENAMED)
def test_behind_more_than_is_looked_at_nothing_is_silent(
    changed: dict[str, Any], fields: set[str], as_xml: bool, around: bool
) -> None:
    """What was renamed is unknown there, too, what is told stays told, and no more is remembered than is looked at."""
    good, bad = reply(), reply(**changed) if around else reply(**{**CROWD, **changed})
    if around:
        bad["data"] = {**CROWD, **bad["data"]}
    if as_xml:
        good, bad = xml("R", good), xml("R", bad)
    ended, notes = ask(bad, learned(*([good] * ENOUGH)))
    assert isinstance(ended, Outcome)
    assert all(any(field.startswith(each) for each in notes.unknown) for field in fields)
    assert not notes.unknown & {"iin", "plate"}
    assert len(notes.beside) < len(CROWD)


def test_behind_more_than_is_looked_at_there_may_be_a_record() -> None:
    """So it is no `not_found`."""
    ended, _ = ask({"data": {**CROWD, "cars": [], "vehicles": [CAR]}}, learned())
    assert isinstance(ended, CallFailed)
    assert ended.kind is OutcomeKind.INVALID
