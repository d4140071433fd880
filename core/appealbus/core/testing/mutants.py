"""A good answer changed as agencies change theirs: what a record then lacks must be told."""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from appealbus.core.interfaces.lookup import Lookup, Query
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call, CallFailed, Payload
from appealbus.core.planning.paths import touch
from appealbus.core.readings.lookup import Declared
from appealbus.core.testing.damage import altered
from appealbus.core.testing.scripted import ScriptedWire, reply_of
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

_WAYS = ("renamed", "wrapped", "twice, with other values")
_MOST = 120
"""Elements that are changed in each way: it takes 1 to 2 ms a change."""


def silent(lookup: Lookup[Any, Record], query: Query, reply: str | bytes | Payload) -> Iterator[str]:
    """Yield what was changed, and what the record lacks or has otherwise then while nothing says so.

    Only of lookups that declare their reading and a schema. What is valid and says something else nobody can tell.
    """
    body = reply_of(reply).body
    if not (isinstance(lookup, Declared) and lookup.lenient and lookup.schema and isinstance(body, etree._Element)):
        return
    true, _ = _read(lookup, query, body)
    if true is None or true.record is None:
        return
    for what, root in altered(body, _WAYS, _MOST):
        ended, unknown = _read(lookup, query, root)
        if ended is None or ended.kind not in (OutcomeKind.FOUND, OutcomeKind.NOT_FOUND):
            continue
        odd = [*_lost(true.record.model_dump(), ended.record.model_dump())] if ended.record else ["the record"]
        lost = [path for path in odd if not any(touch(path, each) for each in unknown)]
        if not lost:
            continue
        try:
            lookup.schema.check(root, Notes(ReplyCheck.STRICT))
        except CallFailed:
            yield f"with {what} in the reply, {lost[0]} is another and nothing says so"


def _read(lookup: Declared[Any, Any], query: Query, body: etree._Element) -> tuple[Outcome[Any] | None, set[str]]:
    """Return how the question ends, None where the answer is refused, and the unknown fields."""
    wire = ScriptedWire()
    wire.replies, wire.echo = ReplyCheck.LENIENT, lookup.take.echo
    source = Source(lookup.source, wire, Call("", "", 1.0), lenient=True)
    try:
        return lookup.read(wire.tied(reply_of(body), source.call_context), query, source), source.notes.unknown
    except CallFailed:
        return None, set()


def _lost(was: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of the true record that are otherwise; what is there beside all that was there is no loss."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name, value in was.items():
            yield from _lost(value, now.get(name), f"{path}.{name}" if path else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for one, other in zip(was, now, strict=True):
            yield from _lost(one, other, f"{path}[*]")
    elif not (was == now or (isinstance(was, list) and isinstance(now, list) and all(each in now for each in was))):
        yield path
