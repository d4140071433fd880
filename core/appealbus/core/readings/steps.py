"""Steps at entries of the trie, and final steps after the walk."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from appealbus.core.readings.declare import By, InnerSchema
from appealbus.core.readings.nodes import JsonNode, Node, attribute, has_nil, is_nil, local_name, put, tree, whole_text
from appealbus.core.readings.trie import BAD, Entry, Key, Level, Run, Step, Table, Unreadable, again, broken, walk
from appealbus.core.replies.convert import Converter
from appealbus.core.replies.xmlread import is_refused, is_repeated
from appealbus.schemas.safexml import parse

Reader: TypeAlias = Callable[[Node, Run], Any]
"""Returns an element's value, or None; raises Unreadable or, for text, ValueError."""
Finish: TypeAlias = Callable[[Node, Table, Run], None]

_PROLOGUE = re.compile(r"\A\ufeff?\s*<\?xml\s[^>]{0,200}\?>")
_INNER_LIMIT = 16 * 1024 * 1024
"""Bytes of XML inside text, no less than the limit of whole messages."""


class NestedReader(Protocol):
    """Reads a nested model."""

    def part(self, node: Node, run: Run, *, each: bool = False) -> Table | None:
        """Return its table."""


class Embedded(Protocol):
    """Reads a nested model made of the parent's element."""

    def collect(self, node: Node, table: Table, run: Run) -> Table | None:
        """Extract its table from the parent's."""


def text_at(end: str) -> Reader:
    if end:
        name = end[1:]
        return lambda node, run: attribute(node, name)
    return lambda node, run: None if run.nils and is_nil(node) else whole_text(node)


def part_at(end: str) -> Reader:
    text = text_at(end)

    def part(node: Node, run: Run) -> Any:
        try:
            return text(node, run)
        except ValueError:
            return BAD

    return part


def value_of(end: str, convert: Converter | None, word: str) -> Reader:
    """Read one value of a list; none may be lost silently."""
    text = text_at(end)

    def read(node: Node, run: Run) -> Any:
        try:
            written = text(node, run)
            if written is None and not end and len(node):
                raise ValueError
            return written if written is None or convert is None else convert(written)
        except ValueError:
            raise Unreadable(_with(run.path(node), end), word) from None

    return read


def value(key: Key, end: str, convert: Converter | None, word: str, needed: bool) -> Step:
    text = text_at(end)

    def step(node: Node, table: Table, run: Run) -> None:
        if key in table:
            if is_repeated(node):
                again(node, table, key, needed, run)
            return
        try:
            if (written := text(node, run)) is None:
                return
            table[key] = written if convert is None else convert(written)
        except ValueError:
            table[key] = broken(needed, word, _with(run.path(node), end), run)

    return step


def text(key: Key, entry: Entry) -> Step:
    """Store the first text; it counts as lost if unknown elements stand in its place."""

    def step(node: Node, table: Table, run: Run) -> None:
        if key in table:
            if is_repeated(node):
                table[key] = BAD
        elif (written := node.text) and (written := written.strip()):
            table[key] = BAD if len(node) else written
        elif len(node) and not (entry.level or entry.inner or entry.nested):
            run.leave(node)
            run.lost.add(run.path(node))

    return step


def plain(key: Key, read: Reader) -> Step:
    def step(node: Node, table: Table, run: Run) -> None:
        if key in table and is_repeated(node):
            raise Unreadable(run.path(node), "value")
        if key not in table and (value := read(node, run)) is not None:
            table[key] = value

    return step


def listing(key: Key, read: Reader) -> Step:
    def step(node: Node, table: Table, run: Run) -> None:
        if (value := read(node, run)) is not None:
            table.setdefault(key, []).append(value)

    return step


def nested(key: Key, program: NestedReader, needed: bool) -> Step:
    """Store a nested model; an optional one that is unreadable counts as absent."""

    def step(node: Node, table: Table, run: Run) -> None:
        if key in table:
            again(node, table, key, needed, run)
            return
        try:
            part = program.part(node, run)
        except Unreadable as bad:
            table[key] = broken(needed, bad.word, bad.path, run)
            run.lost.add(run.path(node))
        else:
            if part is not None:
                table[key] = part

    return step


def coded(key: Key, places: Level, needed: bool) -> Step:
    """Store a dictionary value: a missing code becomes "", since the names have information, too."""

    def step(node: Node, table: Table, run: Run) -> None:
        if key in table:
            again(node, table, key, needed, run)
            return
        part: Table = {}
        walk(node, places, part, run)
        if not part:
            run.misses(node)
        else:
            if "code" not in part:
                part["code"] = ""
            table[key] = part

    return step


def nested_each(key: Key, program: NestedReader) -> Step:
    """Append a nested model; an unreadable one makes the record unreadable, since the list would be incomplete."""
    return listing(key, lambda node, run: program.part(node, run, each=True))


def collected(key: Key, program: Embedded) -> Finish:
    def finish(node: Node, table: Table, run: Run) -> None:
        if (part := program.collect(node, table, run)) is not None:
            table[key] = part

    return finish


def whole(key: Key, *, own: bool) -> Step:
    """Store open content as it is; for JSON the whole list, unless it is the current object."""

    def step(node: Node, table: Table, run: Run) -> None:
        value = node.whole() if isinstance(node, JsonNode) and not own else tree(node)
        if value is None:
            return
        if key not in table:
            table[key] = value
        elif not isinstance(node, JsonNode):
            again(node, table, key, False, run)

    return step


def present(key: Key) -> Step:
    def step(node: Node, table: Table, run: Run) -> None:
        if not isinstance(node, JsonNode) and (is_refused(node) or is_repeated(node)):
            table[key] = broken(False, "value", run.path(node), run)
        elif key not in table and (node.text or "").strip() not in ("false", "0"):
            table[key] = True

    return step


def absent(key: Key) -> Finish:
    def finish(node: Node, table: Table, run: Run) -> None:
        table.setdefault(key, False)

    return finish


def rest(key: Key) -> Step:
    """Add an untaken element to the table of these."""

    def step(node: Node, table: Table, run: Run) -> None:
        if table.get(key) is BAD:
            return
        others = table.setdefault(key, {})
        if isinstance(node, JsonNode):
            others[node.key] = node.whole()
        else:
            put(others, local_name(node), tree(node))

    return step


def spoilt_value(key: Key) -> Step:
    """Mark a value as unreadable, so that no other place replaces it."""

    def step(node: Node, table: Table, run: Run) -> None:
        table.setdefault(key, BAD)

    return step


def spoilt_list(key: Key) -> Step:
    def step(node: Node, table: Table, run: Run) -> None:
        table.setdefault(key, []).append(BAD)

    return step


def spoilt_all(node: Node, table: Table, run: Run) -> None:
    """Give up the current model: it needs content of a text that is no XML."""
    raise Unreadable(run.path(node), "xml")


def parsed(inner: Level, schema: InnerSchema | None, spoil: Sequence[Step]) -> Step:
    def step(node: Node, table: Table, run: Run) -> None:
        try:
            if (text := whole_text(node)) is None:
                return
            # What it says of its encoding was true before it became a text.
            root = parse(_PROLOGUE.sub("", text, count=1).encode(), limit=_INNER_LIMIT)
        except ValueError:
            for action in spoil:
                action(node, table, run)
            run.drop(run.path(node))
            run.spoilt = True
            return
        compared, run.notes.compared = run.notes.compared, False
        if schema is not None:
            schema.check(root, run.notes)
        run.inside[root] = node
        run.nils = run.nils or has_nil(root)
        walk((root,), inner, table, run)
        run.notes.compared = compared

    return step


def first(name: Key, keys: Sequence[Key]) -> Finish:
    def finish(node: Node, table: Table, run: Run) -> None:
        values = [table.pop(key) for key in keys if key in table]
        if values:
            table[name] = values[0]

    return finish


def joined(name: Key, keys: Sequence[Key]) -> Finish:
    def finish(node: Node, table: Table, run: Run) -> None:
        values = [value for key in keys for value in table.pop(key, ())]
        if values:
            table[name] = values

    return finish


def made(key: Key, parts: Sequence[Key], way: By, needed: bool) -> Finish:
    function, word = way.function, way.word
    lists = any(path.repeats for path in way.paths)
    none: list[Any] = [[] if path.repeats else None for path in way.paths]

    def finish(node: Node, table: Table, run: Run) -> None:
        texts = [table.pop(part, nothing) for part, nothing in zip(parts, none, strict=True)]
        if texts == none:
            return
        try:
            if BAD in texts or (lists and any(BAD in text for text in texts if isinstance(text, list))):
                raise ValueError
            result = function(*texts)
        except (ValueError, ArithmeticError, LookupError):  # as int, Decimal and a table of words raise them
            table[key] = broken(needed, word, run.below(node, way.paths[0].text), run)
        else:
            if result is not None:
                table[key] = result

    return finish


def _with(path: str, end: str) -> str:
    return f"{path}/{end}" if end else path
