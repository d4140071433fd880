"""An agency that mixes up answers: a good answer about another subject, alone or before the right one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any

from lxml import etree
from pydantic import ValidationError

from appealbus.core.enrichment.fields import leaves
from appealbus.core.interfaces.lookup import Query
from appealbus.core.interfaces.wire import Payload
from appealbus.core.testing.asking import Asked
from appealbus.core.testing.scripted import reply_of
from appealbus.schemas.record import Record

# One of them is another valid value of nearly every type that a query's field has; none belongs to anybody.
_STRANGERS = (
    "821224202626",
    "750301100019",
    "210740000018",
    "190140000011",
    "01-001-001-001",
    "02-002-002-002",
    "100000000",
    "710000000",
    "2201900167046043",
    "1101900167046043",
    "Сынақов",
)


async def mixed_up(
    ask: Callable[..., Awaitable[list[Asked]]],
    asked: Asked,
    replies: Sequence[str | bytes | Payload],
    not_in_reply: Collection[str],
) -> AsyncIterator[str]:
    """Yield the cases in which another subject's record is accepted.

    `ask` asks again, with other `replies` or another `query`. Inputs in `not_in_reply` cannot be compared.
    """
    if asked.query is None or asked.outcome.record is None:
        return
    for name, other in _about_others(asked.query):
        if name in not_in_reply:
            continue
        if other is None:
            yield f"no other value of the input {name} could be made to try: name it in not_in_reply"
            continue
        ended = (await ask(replies=replies, query=other))[0].outcome.kind
        if ended.final:
            yield (
                f"a reply about another {name} ends in {ended.value}, not in invalid: compare what came with what was "
                f"asked (replies.subject); where the source does not repeat it, name {name} in not_in_reply"
            )
        was, stranger = getattr(asked.query, name), getattr(other, name)
        for number, reply in enumerate(replies):
            for crowd in _with_a_stranger_in_front(reply, was, stranger):
                script = [*replies[:number], crowd, *replies[number + 1 :]]
                record = (await ask(replies=script))[0].outcome.record
                if record is not None and _tells(record, stranger) and not _tells(record, was):
                    yield f"of two records in one reply it takes the first, not the one with the {name} asked for"


def _about_others(query: Query) -> Iterator[tuple[str, Query | None]]:
    """Yield, for each field with a value, the question about a near miss and a stranger; None if there is none."""
    given = query.model_dump(exclude_none=True)
    for name, value in given.items():
        queries: list[Query | None] = []
        for others in (_near_values(value), _other_values(value)):
            changed = (_changed(type(query), given, name, other) for other in others)
            queries += list(islice(filter(None, changed), 1))
        yield from ((name, other) for other in queries or [None])


def _with_a_stranger_in_front(answer: str | bytes | Payload, asked: Any, other: Any) -> Iterator[Payload]:
    """Yield the answer with a copy about another subject inserted before each element with the asked value."""
    body = reply_of(answer).body
    if isinstance(body, Mapping):
        yield from _crowded(body, asked, other)
        return
    for index, original in enumerate(body.iter(etree.Element)):
        if original.getparent() is None or not any(map(_telling(asked), original.iter(etree.Element))):
            continue
        copy = deepcopy(body)
        node = next(element for i, element in enumerate(copy.iter(etree.Element)) if i == index)
        stranger = deepcopy(node)
        for leaf in filter(_telling(asked), stranger.iter(etree.Element)):
            leaf.text = _written_as(leaf.text or "", str(other))
        node.addprevious(stranger)
        yield copy


def _crowded(value: Any, asked: Any, other: Any) -> Iterator[Any]:
    """Yield a JSON value with a copy about another subject inserted before each object with the asked value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, Mapping) and (stranger := _about(inner, asked, other)) != inner:
                yield {**value, name: [stranger, inner]}
            yield from ({**value, name: changed} for changed in _crowded(inner, asked, other))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            if (stranger := _about(inner, asked, other)) != inner:
                yield [*value[:i], stranger, *value[i:]]
            yield from ([*value[:i], changed, *value[i + 1 :]] for changed in _crowded(inner, asked, other))


def _about(value: Any, asked: Any, other: Any) -> Any:
    """Return a JSON value with the asked value replaced."""
    if isinstance(value, Mapping):
        return {name: _about(inner, asked, other) for name, inner in value.items()}
    if isinstance(value, list):
        return [_about(inner, asked, other) for inner in value]
    same = value is not None and _bare(value) == _bare(asked) != ""
    return _written_as(str(value), str(other)) if same else value


def _tells(record: Record, value: Any) -> bool:
    """Whether the record contains the value, in any notation."""
    return any(_bare(inner) == _bare(value) for _, inner in leaves(record))


def _near_values(value: Any) -> Iterator[Any]:
    """Yield numbers with other endings, which a comparison of prefixes would accept."""
    if isinstance(value, str) and len(value) > 2 and value[-2:].isdecimal():
        yield from (f"{value[:-2]}{end:02}" for end in range(100))


def _other_values(value: Any) -> Iterator[Any]:
    match value:
        case Enum():
            yield from (member for member in type(value) if member is not value)
        case bool():
            yield not value
        case int() | Decimal() | float():
            yield value + 1
        case date():
            yield value + timedelta(days=1)
        case str():
            yield from _STRANGERS


def _changed(model: type[Query], given: dict[str, Any], name: str, other: Any) -> Query | None:
    try:
        query = model.model_validate({**given, name: other})
    except ValidationError:
        return None
    changed = query.model_dump(exclude_none=True)
    rest = {field: value for field, value in given.items() if field != name}
    differs = name in changed and _bare(changed[name]) != _bare(given[name])
    return query if differs and {field: changed.get(field) for field in rest} == rest else None


def _telling(value: Any) -> Callable[[etree._Element], bool]:
    bare = _bare(value)
    return lambda element: len(element) == 0 and _bare(element.text or "") == bare != ""


def _written_as(text: str, other: str) -> str:
    """Return the other value with the separators of this text, if it has as many letters and digits."""
    letters = [char for char in other if char.isalnum()]
    if len(letters) != sum(map(str.isalnum, text)):
        return other
    rest = iter(letters)
    return "".join(next(rest) if char.isalnum() else char for char in text)


def _bare(value: Any) -> str:
    return "".join(char for char in str(value).casefold() if char.isalnum())
