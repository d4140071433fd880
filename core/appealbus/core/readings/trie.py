"""The declared paths as a trie, and the one walk over a reply that fills the table of what was found."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.notes import Notes
from appealbus.core.readings.nodes import Node, has_nil, is_empty, is_nil, local_name
from appealbus.core.readings.paths import XML
from appealbus.core.replies.convert import Converter
from appealbus.core.replies.marks import is_repeated
from appealbus.schemas.suggestion import tellable

LONGEST_TAG = 200
"""Characters of a name that is remembered."""
MOST_TAGS = 256
"""Names remembered at one place of the trie: far more than a contract has, and an end to what a sender invents."""

MOST_NEW = 1000
"""Paths of one reply that nobody declares and that are looked at: twice what is remembered of all. With more, 20,000
keys take a tenth of a second."""

Key: TypeAlias = Any
"""Of the table that is filled: the name of a field, or a place where a part of it waits."""
Table: TypeAlias = dict[Key, Any]
Step: TypeAlias = Callable[[Node, Table, "Run"], None]

BAD = object()
"""Stands in the table for a value that could not be read: another in its place would be a wrong one."""


class Unreadable(AppealBusError):
    """Something that a record, or the part of it at hand, needs is missing or broken."""

    def __init__(self, path: str, word: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.word = word
        """What it is not: `date`; empty where it is missing."""


class Run:
    """One reading under way."""

    __slots__ = (
        "broken",
        "crowd",
        "inside",
        "lost",
        "new",
        "nils",
        "notes",
        "odd",
        "paths",
        "prefix",
        "root",
        "seen",
        "spoilt",
    )

    def __init__(self, root: Node, notes: Notes) -> None:
        self.root = root
        self.notes = notes
        self.nils = has_nil(root)
        self.prefix = ""
        """Where the record at hand stands in the reply."""
        self.spoilt = False
        """Whether something could not be read."""
        self.lost: set[str] = set()
        """Paths of what could not be read, and of nested models that are absent, since something in them could not."""
        self.seen = 0
        """How many of the gaps in the notes were looked at."""
        self.broken: set[Any] = set()
        """What stands in these gaps: of that the schema has said that it does not know it."""
        self.odd: set[str] = set()
        """Names of elements that the schema does not have where they are."""
        self.new: list[tuple[Any, str]] = []
        """Elements that nobody declares, with their paths, where no schema says what may be there."""
        self.paths: dict[Any, str] = {}
        """Paths of all of these: there may be many, and each is looked at several times."""
        self.crowd: set[str] = set()
        """All different ones of these."""
        self.inside: dict[Any, Node] = {}
        """The element in whose text the root of another document stands."""

    @property
    def crowded(self) -> bool:
        """Whether there is more that nobody declares than is looked at: anything may be in it."""
        return len(self.crowd) > MOST_NEW

    def steps(self, node: Node) -> tuple[str, ...]:
        """Return where an element stands, from the root's children on: names that may be the sender's."""
        names: list[str] = []
        at: Node | None = node
        while at is not None and at is not self.root:
            names.append(local_name(at))
            above = at.getparent()
            if above is None and at in self.inside:
                names.append(XML)
                above = self.inside[at]
            at = above
        return tuple(reversed(names))

    def path(self, node: Node) -> str:
        """Return where an element stands as it may be told."""
        known = self.paths.get(node)
        return known or "/".join(each if each == XML else tellable(each) for each in self.steps(node)) or "."

    def drop(self, path: str) -> None:
        """Note a value that could not be read."""
        self.notes.drop(path)
        self.lost.add(path)

    def below(self, node: Node, path: str) -> str:
        """Return the path of what is declared at a path inside an element."""
        return f"{self.path(node)}/{path}".removeprefix("./")

    def leave(self, node: Node) -> None:
        """Note an element that nobody takes."""
        self.notes.leave_unread(self.path(node))

    def undeclared(self, node: Node, path: str) -> None:
        """Note an element that nobody declares."""
        notes = self.notes
        notes.leave_unread(path)
        if notes.usual is None or (notes.compared and local_name(node) in notes.names):
            return
        if len(self.crowd) <= MOST_NEW:
            self.crowd.add(path)
            self.new.append((node, path))
            self.paths[node] = path

    def misses(self, node: Node) -> None:
        """Note what should hold elements, if it holds a text instead."""
        if not len(node) and (node.text or "").strip():
            self.lost.add(self.path(node))


class Entry:
    """What is done at one place of the trie. A single value of one field, which most are, is read without a call."""

    __slots__ = ("convert", "each", "field", "inner", "level", "needed", "nested", "once", "spoil", "steps", "word")

    def __init__(self) -> None:
        self.each: bool | None = None
        """Whether all elements of this name are meant, or the first alone; None: no path says."""
        self.field: Key = None
        self.convert: Converter | None = None
        self.word = ""
        self.needed = False
        self.steps: list[Step] = []
        self.level: Level | None = None
        self.inner: Level | None = None
        """The places inside the XML that is its text."""
        self.spoil: list[Step] = []
        """What is done instead of going inside, where its text is no XML."""
        self.once = False
        """Whether only the first element that has a value counts, so that parts of two do not become one."""
        self.nested: list[Level] = []
        """The places of nested models that are read from it."""

    def within(self) -> "Level":
        """Return the places inside its element, made if need be."""
        if self.level is None:
            self.level = Level()
        return self.level


class Level(dict[Any, "Entry | None"]):
    """The places inside an element: by tags, as they have come, and by local names, as they are declared."""

    def __init__(self) -> None:
        super().__init__()
        self.declared: dict[str, Entry] = {}
        self.rest: Step | None = None
        self.prefix = ""
        """Where it is: what stands in front of the name of an element in it."""
        self.quiet = False
        """Whether what is not declared here is no news: a nested model looks at the same elements."""
        self._told: dict[Any, str] = {}

    def path_of(self, tag: str) -> str:
        """Return the path of an element in here that nobody declares."""
        path = self._told.get(tag)
        if path is None:
            path = self.prefix + tellable(tag.rpartition("}")[2])
            if len(self._told) < MOST_TAGS and len(tag) <= LONGEST_TAG:
                self._told[tag] = path
        return path

    def __missing__(self, tag: Any) -> "Entry | None":
        # Comments and processing instructions have a function for a tag.
        entry = self.declared.get(tag.rpartition("}")[2], UNKNOWN) if isinstance(tag, str) else None
        if len(self) < MOST_TAGS and not (isinstance(tag, str) and len(tag) > LONGEST_TAG):
            self[tag] = entry
        return entry

    def entry(self, name: str) -> Entry:
        """Return the place of this name, made if need be."""
        return self.declared.setdefault(name, Entry())


UNKNOWN = Entry()


def walk(nodes: Iterable[Node], level: Level, table: Table, run: Run) -> None:  # noqa: PLR0912 - each call costs
    """Look at each of the nodes once, and put what is declared into the table."""
    nils = run.nils
    seen: list[Entry] = []
    for node in nodes:
        entry = level[node.tag]
        if entry is None or (nils and is_nil(node)):
            continue
        field = entry.field
        if field is not None:
            text = node.text
            if text and (text := text.strip()):
                if field in table:
                    again(node, table, field, entry.needed, run)
                    continue
                convert = entry.convert
                if len(node):  # the text goes on behind what is in it
                    table[field] = broken(entry.needed, entry.word, run.path(node), run)
                    continue
                try:
                    table[field] = text if convert is None else convert(text)
                except ValueError:
                    table[field] = broken(entry.needed, entry.word, run.path(node), run)
            elif len(node):
                run.leave(node)
                run.lost.add(run.path(node))
            continue
        if entry is UNKNOWN:
            if level.rest is not None:
                level.rest(node, table, run)
            elif not level.quiet:
                run.undeclared(node, run.prefix + level.path_of(str(node.tag)))
            continue
        if entry.once and entry in seen:
            if is_repeated(node):
                raise Unreadable(run.path(node), "value")
            run.leave(node)
            continue
        known = len(table)
        for step in entry.steps:
            step(node, table, run)
        if entry.level is not None:
            walk(node, entry.level, table, run)
            if not entry.steps:
                run.misses(node)
        if entry.once:
            if entry.level is not None or len(table) > known or (entry.inner is not None and not is_empty(node)):
                seen.append(entry)
            elif len(node) and not entry.nested:
                run.leave(node)


def broken(needed: bool, word: str, path: str, run: Run) -> object:
    """Return what stands in the place of an optional value that cannot be read, and note it.

    Raises:
        Unreadable: there is no record without it.

    """
    if needed:
        raise Unreadable(path, word) from None
    run.drop(path)
    run.spoilt = True
    return BAD


def again(node: Node, table: Table, key: Key, needed: bool, run: Run) -> None:
    """Pass by an element whose value is there already; where the schema does not allow it twice, neither counts.

    Raises:
        Unreadable: there is no record without the value.

    """
    if is_repeated(node):
        table[key] = broken(needed, "value", run.path(node), run)
    else:
        run.leave(node)


def without_bad(table: Any) -> Any:
    """Return a table, or a list in one, without what could not be read."""
    if isinstance(table, dict):
        return {key: without_bad(value) for key, value in table.items() if value is not BAD}
    if isinstance(table, list):
        return [without_bad(value) for value in table if value is not BAD]
    return table
