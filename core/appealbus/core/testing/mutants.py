"""Changed variants of a good answer, as agencies may introduce them: missing data must be reported."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from lxml import etree

from appealbus.core.interfaces.lookup import Lookup, Query
from appealbus.core.interfaces.notes import Notes, ReplyCheck
from appealbus.core.interfaces.source import Source
from appealbus.core.interfaces.wire import Call, CallFailed, Payload
from appealbus.core.planning.paths import touch
from appealbus.core.readings.lookup import Declared
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.core.testing.contract import Contract, contract_wire
from appealbus.core.testing.damage import altered
from appealbus.core.testing.scripted import ScriptedWire, reply_of
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

_Read = tuple[Outcome[Any] | None, set[str], bool]
"""The outcome, None if the answer is refused; the unknown fields; whether the reply is valid."""
_WAYS = ("renamed", "wrapped", "twice, with other values")
_MOST = 120
"""Elements changed in each way: a change takes 1 to 2 ms."""


async def silent(
    lookup: Lookup[Any, Record], query: Query, reply: str | bytes | Payload, contract: Contract | None = None
) -> AsyncIterator[str]:
    """Yield the changes after which the record lacks or changes data without a report.

    Only for declared lookups with a schema of their own or in the contract. A valid reply with another meaning cannot
    be detected.
    """
    body = reply_of(reply).body
    if not (isinstance(lookup, Declared) and lookup.lenient and isinstance(body, etree._Element)):
        return
    changed = [("nothing", body), *altered(body, _WAYS, _MOST)]
    if lookup.schema is not None:
        came = _by_schema(lookup, lookup.schema, query, [root for _, root in changed])
    elif contract is not None:
        came = _by_contract(lookup, contract, query, [root for _, root in changed])
    else:
        return
    true: Record | None = None
    number = 0
    async for ended, unknown, is_valid in came:
        what, number = changed[number][0], number + 1
        if number == 1:
            if ended is None or ended.record is None:
                return
            true = ended.record
        if true is None or is_valid or ended is None or ended.kind not in (OutcomeKind.FOUND, OutcomeKind.NOT_FOUND):
            continue
        odd = [*_lost(true.model_dump(), ended.record.model_dump())] if ended.record else ["the record"]
        if lost := [path for path in odd if not any(touch(path, field) for field in unknown)]:
            yield f"with {what} in the reply, {lost[0]} is another and nothing says so"


async def _by_schema(
    lookup: Declared[Any, Any], schema: MessageSchema, query: Query, roots: Iterable[etree._Element]
) -> AsyncIterator[_Read]:
    """Yield the results of replies, by the schema of the lookup."""
    for root in roots:
        wire = ScriptedWire()
        wire.replies, wire.echo = ReplyCheck.LENIENT, lookup.take.echo
        source = Source(lookup.source, wire, Call("", "", 1.0), lenient=True)
        try:
            ended = lookup.read(wire.tied(reply_of(root), source.call_context), query, source)
        except CallFailed:
            ended = None
        try:
            schema.check(root, Notes(ReplyCheck.STRICT))
        except CallFailed:
            yield ended, source.notes.unknown, False
        else:
            yield ended, source.notes.unknown, True


async def _by_contract(
    lookup: Declared[Any, Any], contract: Contract, query: Query, roots: Sequence[etree._Element]
) -> AsyncIterator[_Read]:
    """Yield the results of replies, by the wire and its contract."""
    async with contract_wire(contract, ScriptedWire(roots), lookup.source) as wire:
        for _ in roots:
            source = Source(lookup.source, wire, Call(lookup.source, lookup.name, 10.0), lenient=True)
            try:
                ended = await lookup.ask(query, source)
            except CallFailed:
                ended = None
            yield ended, source.notes.unknown, not (source.notes.gaps or source.notes.differences)


def _lost(was: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield the fields that differ from the true record; additions are no loss."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name, value in was.items():
            yield from _lost(value, now.get(name), f"{path}.{name}" if path else name)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for one, other in zip(was, now, strict=True):
            yield from _lost(one, other, f"{path}[*]")
    elif not (was == now or (isinstance(was, list) and isinstance(now, list) and all(item in now for item in was))):
        yield path
