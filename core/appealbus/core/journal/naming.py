"""Whom and what appeals and records name: ИИН, БИН and cadastral numbers, in the normal form, by role.

Values are walked as models or as the JSON that is kept of them, so that a migration need not make models of a million.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.identifiers import SEPARATORS, parse_bin, parse_cadastral_number, parse_iin, parse_or_none
from appealbus.schemas.record import Record

Kind = Literal["iin", "bin", "cadastral_number"]
Named = tuple[Kind, str, str]
"""The kind, the identifier in its normal form, the role in which it is named."""

MOST = 1000
"""Identifiers of one appeal, or of one record, that can be searched for; the rest is left out. A parcel under a block
of flats has some hundred holders, while a hostile reply may have a hundred thousand."""
PARSES: Mapping[Kind, Callable[[str], str]] = {
    "iin": parse_iin,
    "bin": parse_bin,
    "cadastral_number": parse_cadastral_number,
}
"""By kind what makes the normal form."""
_HOLDER, _PARCEL = "holder", "parcel"
_NAMES = re.compile(r"(?:.*_)?(?:(?P<holder>iins?|bins?|iin_bins?)|cadastral_numbers?)", re.IGNORECASE)
_TYPES = {parse_iin: _HOLDER, parse_bin: _HOLDER, parse_cadastral_number: _PARCEL}
_BLANK = re.compile(f"[{SEPARATORS}]+")
_LOOKS = 20_000
"""Values of one record that are looked at, some tens of milliseconds."""
_SPELT = 300
"""Characters of an identifier with all that stands between its digits: as many as a field of an appeal has."""
_LONGEST = 100
"""Characters of a field's name: what is longer is none of a register's."""


def named_by_appeal(appeal: Appeal | Mapping[str, Any]) -> list[Named]:
    """Return who writes, who is mentioned and which parcels, of an appeal or its JSON; not the addressee."""
    named: list[Named | None] = []
    if who := _of(appeal, "applicant"):
        named.append(holder(_of(who, "iin") or _of(who, "bin"), "applicant"))
        named.append(holder(_of(who, "leader_iin"), "leader"))
    if who := _of(appeal, "representative"):
        named.append(holder(_of(who, "iin"), "representative"))
    named += (parcel(_of(item, "cadastral_number"), "parcel") for item in _of(appeal, "parcels") or ())
    if mentions := _of(appeal, "mentions"):
        for name in ("iins", "bins"):
            named += (holder(_of(mention, "value"), "mention") for mention in _of(mentions, name) or ())
        named += (parcel(_of(mention, "value"), "mention") for mention in _of(mentions, "cadastral_numbers") or ())
    return [one for one in named if one is not None][:MOST]


def named_by_record(record: Record | Mapping[str, Any], role: str, asked: Collection[str] = ()) -> list[Named]:
    """Return whom and what a record names, by the types and names of its fields; of its JSON by names alone.

    `role` is the lookup that found it. Values that it was `asked` for are left out: something else has named these.
    """
    unique: dict[Named, None] = {}
    for what, value in _identifiers(record):
        if value in asked:
            continue
        named = holder(value, role) if what == _HOLDER else parcel(value, role)
        if named is not None:
            unique[named] = None
            if len(unique) == MOST:
                break
    return list(unique)


def holder(value: Any, role: str) -> Named | None:
    """Return the ИИН or БИН; its fifth digit decides which, whatever the field is called."""
    if not isinstance(value, str) or not 12 <= len(value) <= _SPELT:
        return None
    parsed = _holder(value)
    return None if parsed is None else (*parsed, role)


# One run over an appeal meets the same few people again and again.
@lru_cache(maxsize=4096)
def _holder(value: str) -> tuple[Kind, str] | None:
    digits = value if len(value) == 12 else _BLANK.sub("", value)
    if len(digits) != 12:
        return None
    kind: Kind = "bin" if digits[4] in "456" else "iin"
    normal = parse_or_none(parse_bin if kind == "bin" else parse_iin, digits)
    return None if normal is None else (kind, normal)


def parcel(value: Any, role: str) -> Named | None:
    if not isinstance(value, str) or not 11 <= len(value) <= _SPELT:
        return None
    normal = parse_or_none(parse_cadastral_number, value)
    return None if normal is None else ("cadastral_number", normal, role)


def _of(value: Any, name: str) -> Any:
    return (value if type(value) is dict else value.__dict__).get(name)  # a field that a model lacks costs an exception


def _identifiers(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values in fields of identifiers, in no order, at any depth."""
    todo: list[tuple[str | None, Any]] = [(None, value)]
    looks = 0
    while todo and looks < _LOOKS:
        looks += 1
        what, value = todo.pop()
        kind: Any = type(value)  # asked as `isinstance`, abstract classes and models take ten times as long
        if kind is str:
            if what is not None:
                yield what, value
        elif kind is list or kind is tuple:
            todo += [(what, item) for item in value]
        elif kind is dict:
            todo += _members(value)
        elif (fields := _fields(kind)) is not None:
            said = value.__dict__
            todo += [(what, item) for name, what in fields if (item := said.get(name)) is not None]
            if value.__pydantic_extra__:
                todo += _members(value.__pydantic_extra__)


def _members(value: Mapping[str, Any]) -> Iterator[tuple[str | None, Any]]:
    return ((_by_name(name), item) for name, item in value.items() if item is not None)


@cache
def _fields(kind: type) -> tuple[tuple[str, str | None], ...] | None:
    """Return the fields of a model that are or may hold identifiers; None if it is no model."""
    if not issubclass(kind, BaseModel):
        return None
    named_fields = []
    for name, field in kind.model_fields.items():
        said = _by_type(field.metadata, field.annotation) or _by_name(name)
        if said is not None or _is_nested(field.annotation):
            named_fields.append((name, said))
    return tuple(named_fields)


def _by_type(metadata: Any, annotation: Any) -> str | None:
    for marker in metadata:
        if isinstance(marker, AfterValidator) and marker.func in _TYPES:
            return _TYPES[marker.func]
    for inner in get_args(annotation):
        said = _by_type(getattr(inner, "__metadata__", ()), getattr(inner, "__origin__", None) or inner)
        if said is not None:
            return said
    return None


@lru_cache(maxsize=4096)
def _by_name(name: str) -> str | None:
    match = _NAMES.fullmatch(name) if len(name) <= _LONGEST else None
    if match is None:
        return None
    return _HOLDER if match["holder"] else _PARCEL


def _is_nested(annotation: Any, within: tuple[Any, ...] = ()) -> bool:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return False
    if origin is Annotated:
        return _is_nested(inner[0], within)
    if origin is not None and not (isinstance(origin, type) and issubclass(origin, Mapping)):
        return any(_is_nested(part, within) for part in inner)
    if isinstance(annotation, type) and annotation not in (Any, object):
        if issubclass(annotation, BaseModel):
            return annotation not in within and _may_hold(annotation, (*within, annotation))
        return issubclass(annotation, Mapping | list | tuple)
    return annotation not in (None, Ellipsis)


def _may_hold(model: type[BaseModel], within: tuple[Any, ...]) -> bool:
    if model.model_config.get("extra") == "allow" or model.__subclasses__():
        return True
    return any(
        _by_type(field.metadata, field.annotation) or _by_name(name) or _is_nested(field.annotation, within)
        for name, field in model.model_fields.items()
    )
