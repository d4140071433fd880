"""The fields that rules may name: those of the models that ship, read from their annotations."""

from collections.abc import Iterator
from functools import cache

from appealbus.core.rights.identifiers import is_one
from appealbus.core.rights.paths import PARTS, Pattern, Steps
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.base import Model
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.shapes import TYPED_RECORDS, ListOf, ModelOf, OneOf, Shape, fields_of
from appealbus.schemas.suggestion import did_you_mean

_PARTS: dict[str, type[Model]] = {"appeal": Appeal, "receipt": Receipt, "changes": ChangeNote}
"""Parts of a dossier of which single fields may be named; of the others only the whole."""


def fields_below(model: type[Model]) -> Iterator[Steps]:
    """Yield the steps to each field of a model, those to fields within it too."""
    for each in fields_of(model):
        yield (each.name,)
        yield from ((each.name, *below) for below in _within(each.shape))


def _within(shape: Shape) -> Iterator[Steps]:
    match shape:
        case ListOf():
            yield from _within(shape.item)
        case ModelOf():
            yield from fields_below(shape.model)
        case OneOf():
            for _, model in shape.models:
                yield ("type",)
                yield from fields_below(model)


@cache
def _known(model: type[Model]) -> frozenset[Steps]:
    return frozenset(fields_below(model))


@cache
def number_fields(kinds: frozenset[str]) -> tuple[Pattern, ...]:
    """Return the fields of appeals and of records that ship which are for such numbers."""
    heads = [(f"{name}.", model) for name, model in _PARTS.items()]
    heads += [("*/", record) for record in TYPED_RECORDS.values()]
    texts = {head + ".".join(steps) for head, model in heads for steps in _known(model) if is_one(steps[-1:], kinds)}
    return tuple(map(Pattern.parse, sorted(texts)))


def problem_of(pattern: Pattern) -> str | None:
    """Say what is wrong with a path into a part of the dossier: a field that is not there hides nothing."""
    head, _, rest = pattern.text.partition(".")
    if head not in PARTS or not pattern.rest or pattern.of_records:
        return None
    model = _PARTS.get(head)
    if model is None:
        return f'{head} has no fields to name; write "{head}"'
    known = _known(model)
    if any(len(pattern.rest) == len(each) and _fits(pattern.rest, each) for each in known):
        return None
    return f"{head} has no field {rest}; {did_you_mean(rest, {'.'.join(each) for each in known}, 'see docs/policy.md')}"


def is_known(steps: Steps) -> bool:
    """Whether a record that ships has a field with these steps."""
    return any(steps in _known(record) for record in TYPED_RECORDS.values())


def missing_in(model: type[Model], steps: Steps) -> bool:
    """Whether a record of a model that ships has no field with these steps."""
    return bool(steps) and not any(_fits(steps, each) for each in _known(model) if len(each) == len(steps))


def _fits(pattern: Steps, steps: Steps) -> bool:
    return all(mine in ("*", its) for mine, its in zip(pattern, steps, strict=True))
