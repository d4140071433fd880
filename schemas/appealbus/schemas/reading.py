"""Reading an appeal or a change that somebody else wrote: nothing that a citizen can write is a reason to refuse it.

A value that cannot be used is absent from its field, kept as written beside it, and has a warning. What is refused is
what cannot be read at all, what says nothing at all, and what breaks the contract between the channel and the bus:
another version of the schema, a message id that cannot tell messages apart, a change that names no appeal.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.base import Model
from appealbus.schemas.change import Change, ChangeKind, Correction
from appealbus.schemas.dates import KAZAKHSTAN, date_from, moment_from
from appealbus.schemas.notes import UNBOUND, Notes, Unreadable
from appealbus.schemas.problems import explain
from appealbus.schemas.shapes import ListOf, ModelOf, OneOf, Scalar, Shape, fields_of, paths_of, taken_for

OWN = frozenset({"channel", "mentions", "warnings", "as_written"})
"""Fields that are the bus's own work: whatever a sender puts there is dropped before it costs anything."""
SMALL = 16 * 1024
"""Bytes of a message that take at most some 10 ms, whatever they are, and 50 on a slow machine."""
_WRONG: Mapping[type, tuple[str, str]] = {
    date: ("field.date", "this is no date of the calendar, written as 2026-02-16"),
    datetime: ("field.moment", "this is no date and time, written as 2026-02-16T09:30:00+05:00"),
    int: ("field.number", "this is no whole number, or a smaller or larger one than may stand here"),
    bool: ("field.flag", "this is neither true nor false"),
}
_MISSING: Mapping[ChangeKind | None, tuple[str, ...]] = {
    None: ("kind",),
    ChangeKind.DUE: ("due_on",),
    ChangeKind.EXTENDED: ("due_on",),
    ChangeKind.REDIRECTED: ("to",),
    ChangeKind.ANSWERED: ("result",),
}
"""What a change of each kind is expected to say."""
_ENVELOPE = frozenset({"message_id", "channel", "schema_version"})
"""Fields that are about the message, and say nothing of an appeal."""
_SEEN = re.compile(r"[^\s\xad\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
"""A character that shows something, or that what shows is made of."""
_ABSENT = object()


def check_channel(named: object, channel: str | None) -> None:
    """Raise Unreadable where a message names another channel than its sender's; None: its sender has none."""
    if channel is not None and isinstance(named, str) and named.strip() not in ("", channel):
        raise Unreadable("message.foreign_channel", "channel: it names another channel than its sender's")


def message_of(
    model: type[Appeal] | type[Change],
    given: dict[str, Any],
    notes: Notes,
    fallback: str | None = None,
    *,
    small: bool = False,
) -> Appeal | Change:
    """Return the appeal or the change that plain values make.

    Args:
        model: which of the two.
        given: what the sender gave, by field.
        notes: what was noted already.
        fallback: id of a message that has none.
        small: try the model on the whole first; it lists every mistake, and there can be as many as bytes.

    Raises:
        Unreadable: `appeal.invalid`, `change.invalid` for another version of the schema, `message_id.invalid`,
            `appeal.empty`, `change.no_appeal`.
    """
    given = {name: value for name, value in given.items() if name not in OWN}
    check_contract(given, model)
    if _is_blank(given.get("message_id")):
        if fallback is None:
            raise Unreadable("message_id.missing", "message_id: the message has none")
        given["message_id"] = fallback
    said = (value for name, value in given.items() if name not in _ENVELOPE)
    if model is Appeal and not notes.written and _is_empty(said):
        raise Unreadable("appeal.empty", "no field of the message says anything, so there is no appeal in it")
    if small:
        with suppress(ValidationError):
            document = model.model_validate(given)
            if all(len(items) <= UNBOUND for items in _open_lists(document)):
                return _finished(document, notes)
    try:
        document = model.model_validate(_model(model, given, "", notes))
    except ValidationError as error:
        raise Unreadable(f"{model.__name__.lower()}.invalid", explain(error)) from None
    return _finished(document, notes)


def _open_lists(document: Appeal | Change) -> Iterator[list[str]]:
    """Go through the lists that the models leave open."""
    if isinstance(document, Appeal):
        yield document.repeats
    else:
        yield document.removed
        if document.corrected is not None and document.corrected.repeats is not None:
            yield document.corrected.repeats


def _finished(document: Appeal | Change, notes: Notes) -> Appeal | Change:
    if isinstance(document, Appeal):
        return notes.on(document)
    if document.number is None and document.appeal_message_id is None:
        raise Unreadable("change.no_appeal", "the change says neither the number of its appeal nor its message id")
    if unknown := [path for path in document.removed[:UNBOUND] if path not in paths_of(Correction)]:
        notes.add_unknown("removed", unknown, paths_of(Correction), unknown)
    for field in _MISSING.get(document.kind, ()):
        if not getattr(document, field):
            notes.warn(field, "field.missing", "a change of this kind says what this is")
    if document.kind is ChangeKind.CORRECTED and document.corrected is None and not document.removed:
        notes.warn("corrected", "field.missing", "a change of this kind says what this is")
    return notes.on(document)


def check_contract(given: Mapping[str, Any], model: type[Model]) -> None:
    if given.get("schema_version") not in (None, "1"):
        raise Unreadable(f"{model.__name__.lower()}.invalid", "schema_version: the bus knows version 1 alone")
    message_id = given.get("message_id")
    if not _is_blank(message_id):
        try:
            _adapter(Appeal, "message_id").validate_python(message_id)
        except ValidationError:
            reason = "message_id: write a text of 1 to 200 characters, none of them one that XML cannot carry"
            raise Unreadable("message_id.invalid", reason) from None


def _is_empty(values: Iterable[Any]) -> bool:
    """Say whether nothing is said: all is absent, blank, or made of such; of what type nothing is says nothing too."""
    left = list(values)
    while left:
        match left.pop():
            case None:
                pass
            case str() as text:
                if _SEEN.search(text):
                    return False
            case dict() as fields:
                left += (value for name, value in fields.items() if name != "type")
            case list() as entries:
                left += entries
            case _:
                return False
    return True


def _is_blank(message_id: Any) -> bool:
    return message_id is None or (isinstance(message_id, str) and not message_id.strip())


def _model(model: type[Model], given: Any, path: str, notes: Notes) -> dict[str, Any]:
    if not isinstance(given, dict):
        notes.add(path, "field.type", "fields by name are expected here", given)
        return {}
    fields = {field.name: field.shape for field in fields_of(model)}
    values = {}
    for name, shape in fields.items():
        if given.get(name) is not None:
            where = f"{path}.{name}" if path else name
            value = _value(shape, _adapter(model, name), given[name], where, notes)
            if value is not _ABSENT:
                values[name] = value
    unknown = {name: value for name, value in given.items() if name not in fields}
    if unknown:
        notes.add_unknown(path, unknown, tuple(fields), unknown)
    return values


def _value(shape: Shape, adapter: TypeAdapter[Any], given: Any, path: str, notes: Notes) -> Any:
    match shape:
        case ListOf():
            return _list(shape, adapter, given, path, notes)
        case ModelOf():
            return _model(shape.model, given, path, notes)
        case OneOf():
            return _one_of(dict(shape.models), given, path, notes)
        case Scalar():
            return _scalar(shape, adapter, given, path, notes)
    raise AssertionError(shape)


def _list(shape: ListOf, adapter: TypeAdapter[Any], given: Any, path: str, notes: Notes) -> Any:
    if not isinstance(given, list):
        notes.add(path, "field.type", "a list is expected here", given)
        return _ABSENT
    inner, most = Notes(), shape.max_length or UNBOUND
    worked = given[:most]
    # An entry that cannot be used keeps its place, so that paths go on to lead to the others.
    values = [_value(shape.item, adapter, item, f"{path}[{at}]", inner) for at, item in enumerate(worked)]
    notes.add_list(path, inner, len(given), most, given)
    return ["" if value is _ABSENT else value for value in values]


def _one_of(models: Mapping[str, type[Model]], given: Any, path: str, notes: Notes) -> Any:
    if not isinstance(given, dict) or not given:
        if given != {}:
            notes.add(path, "field.type", "fields by name are expected here", given)
        return _ABSENT
    said = given.get("type")
    if isinstance(said, str) and said in models:
        return {**_model(models[said], given, path, notes), "type": said}
    tag = taken_for(iter(given))
    words = {"person": "a person", "organisation": "an organisation"}
    message = f"it is not said whether this is a person or an organisation; by its fields it is {words[tag]}"
    notes.warn(f"{path}.type", "field.word", message)
    if said is not None:
        notes.keep(f"{path}.type", said)
    return {**_model(models[tag], {**given, "type": tag}, path, notes), "type": tag}


def _scalar(shape: Scalar, adapter: TypeAdapter[Any], given: Any, path: str, notes: Notes) -> Any:
    plain = shape.type is str and not shape.words
    if isinstance(given, str) and not given.strip() and (not plain or shape.min_length):
        return _ABSENT  # an empty box of a form: nothing was written
    if plain and isinstance(given, int) and not isinstance(given, bool):
        notes.warn(path, "field.type", "a number stands where a text is expected; it is taken by its digits")
        given = str(given)
    try:
        value = adapter.validate_python(given)
        if not isinstance(value, date) or value.year > 1:
            return value
        raise ValueError
    except ValueError:
        with suppress(ValidationError, ValueError, OverflowError):
            return adapter.validate_python(_as_registers_write(shape.type, given))
        notes.add(path, *_wrong(shape, given), given)
    if path in ("text", "corrected.text") and isinstance(given, str) and shape.max_length:
        return given[: shape.max_length]
    return _ABSENT


def _as_registers_write(wanted: type, given: Any) -> date | datetime:
    """Return what is meant by a date that ISO 8601 or the contract writes in another way; else raise ValueError."""
    if wanted not in (date, datetime) or not isinstance(given, str):
        raise ValueError
    moment = moment_from(given.strip(), KAZAKHSTAN if wanted is datetime else None)
    if wanted is datetime:
        moment.astimezone(UTC)  # at an end of the calendar it has no date on other clocks
        return moment
    if moment.tzinfo is not None and moment.time() != time.min:
        raise ValueError  # which day it is depends on the clock
    return date_from(given.strip())


def _wrong(shape: Scalar, given: Any) -> tuple[str, str]:
    if shape.words:
        return "field.word", "this is none of the words that may stand here"
    if shape.type in _WRONG:
        return _WRONG[shape.type]
    if not isinstance(given, str):
        return "field.type", "a text is expected here"
    if shape.max_length and len(given) > shape.max_length:
        return "field.too_long", f"the text has more than {shape.max_length} characters"
    return "field.characters", "the text has characters that may not stand here"


@cache
def _adapter(model: type[Model], name: str) -> TypeAdapter[Any]:
    """Return what checks a field by itself; of a list, an entry."""
    info = model.model_fields[name]
    annotation: Any = info.annotation
    lists = [arg for arg in get_args(annotation) if get_origin(arg) is list and NoneType in get_args(annotation)]
    if lists:
        annotation = lists[0]
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    elif info.metadata:
        annotation = Annotated[(annotation, *info.metadata)]
    return TypeAdapter(annotation)
