"""Takes from an answer its code, its records, and the requested one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from lxml import etree

from appealbus.core.interfaces.lookup import Query
from appealbus.core.interfaces.notes import MORE, Notes
from appealbus.core.interfaces.wire import CallFailed, Payload
from appealbus.core.readings import steps
from appealbus.core.readings.declare import caller
from appealbus.core.readings.layout import entry_at, settle, spoil_at
from appealbus.core.readings.nodes import JsonNode, Node, children, local_name
from appealbus.core.readings.paths import REST, XML, DeclarationError, ReplyPath, parse_reply_path
from appealbus.core.readings.reading import Reading, failure
from appealbus.core.readings.trie import Level, Run, Step, Table, Unreadable, walk
from appealbus.core.readings.unknown import unchecked_fields
from appealbus.core.replies.xmlread import children as named
from appealbus.core.replies.xmlschema import MessageSchema
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import Record

R = TypeVar("R", bound=Record)

Same: TypeAlias = tuple[str, ...] | Mapping[str, str] | Callable[[Any, Any], bool]


class Answer(Generic[R]):
    """An answer: its code at once, its records on demand."""

    def __init__(self, take: "Take[R]", run: Run, table: Table) -> None:
        self.code: str | None = table.get("code")
        """The source's result code; None if no place is declared."""
        self.echo: str | None = table.get("echo")
        """Our id as repeated by the source, if it is."""
        self._reading = take.reading
        self._way = take.path.steps
        self._prefix = f"{'/'.join(take.path.steps)}/" if take.path.steps else ""
        self._run = run
        self._nodes: list[Node] = table.get("nodes", [])

    def records(self) -> list[R]:
        """Return all records of the answer.

        Raises CallFailed (`invalid`) if one is incomplete, or if an invalid answer has none, so that absence is
        uncertain.
        """
        differences = self._run.notes.differences
        if not self._nodes and differences:
            reason = f"the reply breaks its schema at {next(iter(differences))}, and no record is in it"
            raise CallFailed(OutcomeKind.INVALID, "reply.schema", reason, at_scale=MORE in differences)
        self._run.notes.beside.update((path, set()) for _, path in self._run.new)
        self._run.prefix = self._prefix
        return [self._reading.record(node, self._run) for node in self._nodes]

    def unchecked(self, schema: MessageSchema) -> frozenset[str]:
        """Return the fields of its records that nobody could check, since the schema leaves open what stands there."""
        root = self._run.root
        if isinstance(root, JsonNode):
            return frozenset()
        return unchecked_fields(self._reading.program.places, self._way, schema, root)

    def hides(self) -> bool:
        """Whether a record may be missing: there is stray text, or an unknown element that resembles one."""
        if self._nodes or (usual := self._run.notes.usual) is None:
            return False
        if self._run.lost or self._run.crowded:
            return True
        names, way = {place.steps[0] for place in self._reading.program.places if place.steps}, set(self._way)
        for what, path in self._run.new:
            inside = {local_name(child) for child in children(what)}
            looks_so = bool(inside & way) or len(inside & names) >= min(2, len(names))
            if looks_so and usual.may_be_new(path) and not self._run.notes.is_meaningless(path):
                self._run.notes.causes.add(path)
                return True
        return False


class Take(Generic[R]):
    """Where the records of an answer stand.

    ```python
    Take(PARCEL, "BusinessData/Objects/ObjectInfo", code="BusinessData/Result/ResultCode", same=("cadastral_number",))
    ```
    """

    def __init__(
        self, reading: Reading[R], path: str, *, code: str = "", echo: str = "", same: Same, what: str = ""
    ) -> None:
        """Declare.

        Args:
            reading: how a record is read.
            path: where records stand: every match counts. `.` is the answer itself.
            code: where the source's own word on how the question went stands: what it means, the plugin's settings
                say (`BusinessCodes`).
            echo: where the source repeats the id of our message or question, if it does so. One that is not ours is
                another question's answer.
            same: what of a record must equal what was asked, or the answer is about somebody else: names of fields
                that the query and the record share; or names of the query's with those of the record's; or a function
                of both. What the query does not have is not compared, but the first of them it must have.
            what: what a record is about, in one word, for codes (`egkn.other_parcel`); left out, the record's type.

        Raises:
            DeclarationError: a path or a name leads nowhere.
        """
        self.path = parse_reply_path(path).every()
        self.code = parse_reply_path(code) if code else None
        self.echo = parse_reply_path(echo) if echo else None
        self.origin = caller()
        self.what = what or reading.model.__name__.lower()
        self.same = _compared(same, reading)
        words = {name: path for name, path in (("code", self.code), ("echo", self.echo)) if path is not None}
        if self.path.end or any(word.end == REST for word in words.values()):
            raise DeclarationError("Take: records stand in elements, codes and ids are texts: no path ends with *")
        self.reading = reading if self.path.steps or not words else _passing(reading, words.values())
        self._level = Level()
        self._own: list[Step] = []
        if self.path.steps:
            self._lay(self.path, _collect)
        for name, word in words.items():
            read = steps.plain(name, steps.value_of(word.end, None, name))
            if word.steps:
                self._lay(word, read)
            else:
                self._own.append(read)
        settle(self._level)

    def _lay(self, path: ReplyPath, step: Step) -> None:
        xml = self.reading.xml
        entry_at(self._level, path, xml, "Take").steps.append(step)
        spoil_at(self._level, path, steps.spoilt_all, xml, "Take")

    def answer(self, body: Payload, notes: Notes | None = None) -> Answer[R]:
        """Take an answer apart.

        Raises:
            CallFailed: `reply.missing`: it has no code, or nothing of what would be around records.
        """
        root = body if isinstance(body, etree._Element) else JsonNode("", body)
        run = Run(root, notes if notes is not None else Notes())
        table: Table = {}
        # What is left beside the code of an answer that is the record itself, its reading notes.
        first = run if self.path.steps else Run(root, Notes())
        try:
            for step in self._own:
                step(root, table, first)
            walk(root, self._level, table, first)
        except Unreadable as bad:
            raise failure(bad) from None
        if not self.path.steps:
            table["nodes"] = [root]
        if self.code is not None and table.get("code") is None:
            raise failure(Unreadable(self.code.text))
        if not table.get("nodes"):
            self._is_another(root, run)
        return Answer(self, run, table)

    def says_several(self, body: Payload) -> bool:
        """Say whether an answer in XML has different codes, of which the first would count."""
        if self.code is None or self.code.end or XML in self.code.steps or not isinstance(body, etree._Element):
            return False
        return len({(element.text or "").strip() for element in named(body, "/".join(self.code.steps))}) > 1

    def _is_another(self, root: Node, run: Run) -> None:
        """Make sure that another document does not pass for an empty answer.

        Raises:
            CallFailed: `reply.missing`: what would be around records is not there.
        """
        names = self.path.steps
        if self.code is None and len(names) > 1 and not any(local_name(child) == names[0] for child in root):
            raise failure(Unreadable(names[0]))
        if XML in names and run.inside:
            inside = len(names) - names[::-1].index(XML)
            if inside + 1 < len(names) and not any(local_name(one) == names[inside] for one in run.inside):
                raise failure(Unreadable("/".join(names[: inside + 1])))

    def is_asked(self, query: Query, record: R) -> bool:
        """Say whether a record is about whom was asked."""
        if callable(self.same):
            return self.same(query, record)
        asked = {name: getattr(query, name) for name in self.same}
        own = {name: getattr(record, self.same[name]) for name, value in asked.items() if value is not None}
        return next(iter(self.same)) in own and all(own[name] == asked[name] for name in own)


def _compared(same: Same, reading: Reading[Any]) -> Mapping[str, str] | Callable[[Any, Any], bool]:
    """Interpret `same`: names of the query's fields with those of the record's, or a function of both."""
    if callable(same):
        return same
    if not isinstance(same, tuple | Mapping):
        raise DeclarationError(f"same: {same!r} is no tuple of names; write same=('number',)")
    if not same:
        raise DeclarationError("same is empty: nothing would show that the answer is about whom was asked")
    pairs = {name: name for name in same} if isinstance(same, tuple) else same
    for name in pairs.values():
        if name not in reading.model.model_fields:
            raise DeclarationError(f"same: {reading.model.__name__} has no field {name!r}")
    return pairs


def _passing(reading: Reading[R], words: Iterable[ReplyPath]) -> Reading[R]:
    """Return a copy of a reading that ignores the elements that `Take` reads itself, if the record is the answer."""
    reading = reading.copy()
    for word in words:
        entry_at(reading.program.level, word, reading.xml, "Take").steps.append(_pass_by)
    settle(reading.program.level)
    return reading


def _collect(node: Node, table: Table, run: Run) -> None:
    table.setdefault("nodes", []).append(node)


def _pass_by(node: Node, table: Table, run: Run) -> None:
    """Marks the node as read without storing anything."""
