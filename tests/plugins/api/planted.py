"""Differences planted in single fields: whatever fields the models have, two appeals that differ in that one alone."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.person import Person
from appealbus.schemas.reading import OWN
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Scalar, Shape, fields_of
from tests.core.rights.made import value

Json = dict[str, Any]
Steps = tuple[str, ...]
FORMS = 3
"""Of each planted field: one value, another one, none."""
_NUMBERS = {"iin": "iin", "leader_iin": "iin", "cadastral_number": "parcel"}
_CODES = {
    "bin": ("210740000018", "190140000011"),
    "kato": ("710000000", "750000000"),
    "rka": ("2201900167046043", "1101900167046043"),
    "kind": ("petition", "complaint"),
}
_ALWAYS = frozenset(
    {
        *(("applicant", "iin"), ("addressee", "name"), ("parcels", "cadastral_number")),
        *(("number",), ("message_id",), ("channel",), ("applicant", "type")),
    }
)
"""What each has: inputs of questions, for how these ended is told whatever is hidden; and what no appeal is without."""


@dataclass(frozen=True)
class Planted:
    """One field with what differs in it.

    Attributes:
        path: of the field, as a mask hides it.
        letters: the appeal with one value of it, with another one, and without.
        also: what a mask has to hide besides, since it says the same.
        changes: what happens to the appeal then, in each of the three.
        records: what the register of persons knows, in each.

    """

    path: str
    letters: tuple[Json, Json, Json]
    also: tuple[str, ...] = ()
    changes: tuple[Json, Json, Json] | None = None
    records: tuple[Json, Json, Json] | None = None


def planted() -> list[Planted]:
    """Return a difference for each field of appeals, of their changes and of a record."""
    return [*_of_appeals(), *_of_changes(), *_of_records()]


def letter(**given: Any) -> Json:
    """Return an appeal with all fields but those that terms go by if there is nothing else."""
    whole = _whole(Appeal, without=("schema_version", "number", "message_id", "due_on", *OWN))
    return {**whole, "text": "Прошу разобраться.", **given}


def _of_appeals() -> Iterator[Planted]:
    for steps in _leaves(Appeal):
        if steps[0] in (OWN - {"channel"}) | {"schema_version"}:  # the bus's own, or one value alone
            continue
        organisation = steps[0] == "applicant" and steps[1] in ("bin", "organisation_name", "leader_iin", "leader_name")
        plain = letter()
        if organisation:
            plain["applicant"] = _one(Appeal, "applicant", 1)
        if steps == ("applicant", "type"):
            plain["applicant"] = {"type": "person", "phone": "1"}
        yield Planted(f"appeal.{'.'.join(steps)}", _three(Appeal, plain, steps, absent=steps not in _ALWAYS))


_CHANGED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "due_on": ("extended", ("appeal.due_on",)),
    "to": ("redirected", ("appeal.addressee",)),
    "part": ("redirected", ("appeal.addressee",)),
    **dict.fromkeys(("result", "answered_on", "ground", "reference"), ("answered", ())),
}
"""Of which kind a change is that has a field, and what of the appeal is another then."""


_NEEDED = ("kind", "dated_at", "message_id")


def _of_changes() -> Iterator[Planted]:
    for steps in _leaves(ChangeNote):
        if steps[0] in ("fields", "warnings"):  # which follow from others
            continue
        kind, also = _CHANGED.get(steps[0], ("notified", ()))
        to = _one(ChangeNote, "to", 0)
        plain = {"kind": kind, "message_id": "c", "dated_at": "2026-11-20T10:00:00+05:00", "reason": "срок"}
        plain |= {"to": to} if kind == "redirected" or steps[0] == "to" else {}
        forms = _three(ChangeNote, plain, steps, absent=steps[0] not in _NEEDED and steps[-1] != "name")
        if steps == ("kind",):
            forms = tuple(
                {**each, "kind": its} for each, its in zip(forms, ("answered", "complained", "closed"), strict=True)
            )
        yield Planted(f"changes.{'.'.join(steps)}", (letter(),) * FORMS, also, forms)


def _of_records() -> Iterator[Planted]:
    for steps in _leaves(Person):
        if steps == ("type",):
            continue
        needed = {each.name for each in fields_of(Person) if not each.optional}
        forms = _three(Person, _whole(Person), steps, absent=len(steps) == 1 and steps[0] not in needed)
        yield Planted(f"gbdfl.person/{'.'.join(steps)}", (letter(),) * FORMS, (), None, forms)


def _three(model: type[Model], plain: Json, steps: Steps, *, absent: bool) -> Any:
    shape = _shape(ModelOf(model), steps)
    one, other, none = deepcopy(plain), deepcopy(plain), deepcopy(plain)
    _put(one, steps, _value(shape, steps[-1], 0))
    _put(other, steps, _value(shape, steps[-1], 1))
    if absent:
        _put(none, steps, None)
    return one, other, none if absent else one


def _put(into: Any, steps: Steps, what: Any) -> None:
    *above, last = steps
    for name in above:
        into = into.setdefault(name, {})
        into = into[0] if isinstance(into, list) else into
    into.pop(last, None)
    if what is not None:
        into[last] = what


def _leaves(model: type[Model]) -> list[Steps]:
    found = [(each.name, *below) for each in fields_of(model) for below in _within(each.shape)]
    return list(dict.fromkeys(found))


def _within(shape: Shape) -> Iterator[Steps]:
    match shape:
        case ListOf():
            yield from _within(shape.item)
        case ModelOf():
            yield from _leaves(shape.model)
        case OneOf():
            yield ("type",)
            for _, model in shape.models:
                yield from _leaves(model)
        case _:
            yield ()


def _shape(shape: Shape, steps: Steps) -> Shape:
    if isinstance(shape, OneOf):
        models = [model for _, model in shape.models if any(each.name == steps[0] for each in fields_of(model))]
        if steps == ("type",):
            return Scalar(str, words=tuple(name for name, _ in shape.models))
        return _shape(ModelOf(models[0]), steps)
    if isinstance(shape, ListOf) and steps:
        return _shape(shape.item, steps)
    if not steps:
        return shape
    assert isinstance(shape, ModelOf)
    return _shape(next(each.shape for each in fields_of(shape.model) if each.name == steps[0]), steps[1:])


def _whole(model: type[Model], without: tuple[str, ...] = ()) -> Json:
    return {each.name: _value(each.shape, each.name, 0) for each in fields_of(model) if each.name not in without}


def _one(model: type[Model], name: str, at: int) -> Any:
    shape = next(each.shape for each in fields_of(model) if each.name == name)
    return _whole(shape.models[at][1] if isinstance(shape, OneOf) else shape.model)  # type: ignore[union-attr]


def _value(shape: Shape, name: str, at: int) -> Any:
    match shape:
        case ListOf():
            return [_value(shape.item, name, at)]
        case ModelOf():
            return _whole(shape.model)
        case OneOf():
            return _whole(shape.models[0][1])
        case Scalar():
            return _scalar(shape, name, at)
        case _:
            raise AssertionError(name)


def _scalar(shape: Scalar, name: str, at: int) -> Any:
    if shape.words:
        word = _CODES.get(name, shape.words)[at % len(shape.words)]
        return word if word in shape.words else shape.words[at % len(shape.words)]
    if name in _NUMBERS:
        return value(_NUMBERS[name], 400 + at)
    if name in _CODES:
        return _CODES[name][at]
    by_type = {
        bool: bool(at),
        date: f"2026-12-{10 + at}",
        datetime: f"2026-11-{10 + 7 * at}T10:00:00+05:00",
        int: 2 + at,
    }
    if shape.type in by_type:
        return by_type[shape.type]
    return ("ab"[at] * 64) if shape.pattern and "0-9a-f" in shape.pattern else f"слово{at}"
