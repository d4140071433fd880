"""The fields that paths may name, read from the models' annotations."""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from appealbus.core.rights.paths import PARTS, Path, Pattern, Steps, is_one
from appealbus.schemas.appeal import Appeal, Receipt
from appealbus.schemas.base import Model
from appealbus.schemas.change import ChangeNote
from appealbus.schemas.record import OtherRecord, Record
from appealbus.schemas.shapes import TYPED_RECORDS, ListOf, ModelOf, OneOf, Shape, fields_of
from appealbus.schemas.suggestion import did_you_mean

_PARTS: dict[str, type[Model]] = {"appeal": Appeal, "receipt": Receipt, "changes": ChangeNote}
"""Parts of a dossier with addressable fields; other parts can only be named as a whole."""
_NAMING = ("facts", "outcomes", "gaps", "plan")
"""Lists of a dossier that name the lookups it contains."""


def fields_below(model: type[Model]) -> Iterator[Steps]:
    """Yield the steps to each field of a model, including nested ones."""
    for field in fields_of(model):
        yield (field.name,)
        yield from ((field.name, *below) for below in _within(field.shape))


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
    """Return the fields for such numbers in appeals and in built-in records."""
    heads = [(f"{name}.", model) for name, model in _PARTS.items()]
    heads += [("*/", record) for record in TYPED_RECORDS.values()]
    texts = {head + ".".join(steps) for head, model in heads for steps in _known(model) if is_one(steps[-1:], kinds)}
    return tuple(map(Pattern.parse, sorted(texts)))


def problem_of(pattern: Pattern) -> str | None:
    """Return what is wrong with a path into the dossier, or None. A path to a missing field would hide nothing."""
    head, _, rest = pattern.text.partition(".")
    if head not in PARTS or not pattern.rest or pattern.of_records:
        return None
    model = _PARTS.get(head)
    if model is None:
        return f'{head} has no fields to name; write "{head}"'
    if leads(model, pattern.rest, rule=True):
        return None
    known = {".".join(steps) for steps in _known(model)}
    return f"{head} has no field {rest}; {did_you_mean(rest, known, 'see docs/policy.md')}"


def is_of_the_dossier(path: Path) -> bool:
    head, steps = path
    return head in PARTS and (not steps or (head in _PARTS and leads(_PARTS[head], steps)))


def leads_in(document: Mapping[str, Any], path: Path) -> bool:
    """Whether a path exists in a dossier, by the known models or in this document.

    False for a lookup that the dossier does not name: the meaning of the path is unknown.
    """
    head, steps = path
    if head in PARTS:
        return is_of_the_dossier(path)
    if not steps:
        rows = (row for name in _NAMING for row in document.get(name) or ())
        return any(row["lookup"] == head for row in rows)
    records = [fact["record"] for fact in document.get("facts") or () if fact["lookup"] == head]
    models = (Record.known.get(Record.renamed.get(record["type"], record["type"])) for record in records)
    if any(model is not None and leads(model, steps) for model in models):
        return True
    return any(True for record in records for _ in values_at(record, steps))


def values_at(value: Any, steps: Steps) -> Iterator[Any]:
    """Yield the values at the end of the steps, for every element of lists on the way."""
    if isinstance(value, list):
        for item in value:
            yield from values_at(item, steps)
    elif not steps:
        yield value
    elif isinstance(value, dict) and steps[0] in value:
        yield from values_at(value[steps[0]], steps[1:])


def is_known(steps: Steps) -> bool:
    """Whether a built-in record has a field with these steps."""
    return any(leads(record, steps) for record in TYPED_RECORDS.values())


@lru_cache(maxsize=10_000)
def leads(model: type[BaseModel], steps: Steps, *, rule: bool = False) -> bool:
    """Whether steps lead to a field of a model.

    In steps of a `rule` `*` is any step, and an untyped value may have any fields.
    """
    return _leads(model, steps, rule=rule)


def _leads(annotation: Any, steps: Steps, *, rule: bool) -> bool:
    if not steps:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in (Record, OtherRecord):
            return rule
        wanted = annotation.model_fields if rule and steps[0] == "*" else steps[:1]
        fields = (annotation.model_fields[name] for name in wanted if name in annotation.model_fields)
        return any(_leads(field.annotation, steps[1:], rule=rule) for field in fields)
    origin = get_origin(annotation)
    if annotation in (object, dict, list) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        return rule
    if origin is None and not isinstance(annotation, type):
        return rule
    inner = () if origin is Literal else get_args(annotation)
    return any(_leads(argument, steps, rule=rule) for argument in (inner[:1] if origin is Annotated else inner))
