"""Variants of a good answer: broken ones, as a faulty source may send them, and changes that must be reported."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import islice
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
from appealbus.core.testing.scripted import ScriptedWire, reply_of
from appealbus.schemas.namespaces import XSI_NIL
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record

CANARY = "Канарейкина 010203499998"
"""Stands for a citizen's data, which must not appear in a code or a reason."""

_MOST_DAMAGE = 300
"""Elements damaged, each in several ways: a record has some fifty, and a test must end in seconds."""


def damaged(answer: str | bytes | Payload) -> Iterator[tuple[str, Payload]]:
    """Yield descriptions and variants of the answer."""
    body = reply_of(answer).body
    if isinstance(body, Mapping):
        yield "everything gone", {}
        yield from islice(_of_json(body), 5 * _MOST_DAMAGE)
        return
    yield "everything gone", etree.Element(body.tag)
    yield "another document in its place", etree.fromstring("<html><body><p/></body></html>")
    yield from altered(body, ("empty", "replaced by text", "gone", "twice", "nil"), _MOST_DAMAGE)


def altered(root: etree._Element, ways: Sequence[str], most: int) -> Iterator[tuple[str, etree._Element]]:
    """Yield descriptions and copies of the answer, each with one of the first elements altered."""
    for index, original in enumerate(islice(root.iter(etree.Element), most)):
        name = etree.QName(original)
        for what in ways:
            copy = deepcopy(root)
            node = next(element for i, element in enumerate(copy.iter(etree.Element)) if i == index)
            parent = node.getparent()
            if parent is None and what not in ("empty", "replaced by text", "nil"):
                continue
            if what == "gone" and parent is not None:
                parent.remove(node)
            elif what == "renamed":
                node.tag = etree.QName(name.namespace, f"Other{name.localname}").text
            elif what == "wrapped":
                node.addprevious(wrapper := etree.Element(etree.QName(name.namespace, f"Other{name.localname}")))
                wrapper.append(node)
            elif what.startswith("twice"):
                node.addnext(twin := deepcopy(node))
                for leaf in (leaf for leaf in twin.iter(etree.Element) if what != "twice" and len(leaf) == 0):
                    leaf.text = "7" * len(leaf.text or "")
            else:
                del node[:]
                node.text = CANARY if what == "replaced by text" else None
            if what == "nil":
                node.set(XSI_NIL, "true")
            yield f"{name.localname} {what}", copy


def _of_json(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield descriptions and variants of a JSON value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{name} gone", {key: part for key, part in value.items() if key != name}
            for what, other in (("null", None), ("replaced by text", CANARY), ("a list", [CANARY]), ("a table", {})):
                yield f"{name} {what}", {**value, name: other}
            yield from ((f"{name}.{what}", {**value, name: changed}) for what, changed in _of_json(inner))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            before, after = value[:i], value[i + 1 :]
            yield f"{i} gone", [*before, *after]
            yield f"{i} twice", [*before, inner, inner, *after]
            yield from ((f"{i}.{what}", [*before, changed, *after]) for what, changed in _of_json(inner))


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
