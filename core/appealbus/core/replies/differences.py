"""Differences of a message from its schema: reported by schema names only, and marked for readers."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from appealbus.core.clocks import steady
from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.schema_errors import ErrorKey, SchemaError, errors_of, is_valid
from appealbus.core.replies.schemas import Vocabulary
from appealbus.core.replies.xmlread import is_refused, local_name, mark_repeated, refuse
from appealbus.schemas.namespaces import SIGNATURE, XSI
from appealbus.schemas.outcome import OutcomeKind

_SIZE = etree.XPath("count(descendant-or-self::*)")
_ENOUGH = 40_000
"""Elements validated per message, over all repetitions: 20 times the largest message that is examined."""
_MOST = 2_000
"""Errors examined per message: 20 ms."""
_LONGEST = 2.0
"""Seconds before the search stops: with counted repetition or patterns, one validation may take half a second."""


@dataclass(frozen=True, slots=True)
class _Alone:
    """A message, or a single element inside copies of its ancestors, from the root on."""

    root: etree._Element
    element: etree._Element | None


class Differences:
    """The differences of one reply that is small enough to find all."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        schema: etree.XMLSchema,
        loose: etree.XMLSchema | None,
        message: etree._Element,
        reply: etree._Element,
    ) -> None:
        """Prepare to examine one reply.

        Args:
            schema: has just validated the message.
            loose: the schema without requirements, so that missing elements hide no other differences.
            message: the reply, or a copy without signatures.
            reply: in which values are marked as unreadable.
        """
        self._strictly = schema
        self._schema = schema if loose is None else loose
        self._is_loose = loose is not None
        self._vocabulary = vocabulary
        self._message = deepcopy(message) if message is reply else message
        self._twins = dict(zip(self._message.iter(), _unsigned(reply), strict=False))
        # Kept: it must be there as long as the dictionary, for else its elements are made anew.
        self._strict = list(errors_of(schema, self._message))
        self._told: set[ErrorKey] = set()
        self._left = _ENOUGH
        self._ends = steady() + _LONGEST

    def settle(self, notes: Notes) -> None:
        """Count the differences, and mark invalid values and repetitions. CallFailed if there are too many."""
        self._qualify()
        waiting: list[_Alone] = [_Alone(self._message, None)]
        while waiting:
            waiting += self._settle(waiting.pop(), notes)
        known = {(node, kind) for node, kind, _ in self._told}
        for error in self._strict:
            if (error.node, error.number) not in known:
                self._miss(error, notes)
        if self._is_loose:
            self._miss_more(notes)

    def _miss_more(self, notes: Notes) -> None:
        """Record further missing elements: libxml2 reports only the first per element."""
        put: list[etree._Element] = []
        size = int(_SIZE(self._message))
        while self._left > size and not is_valid(self._strictly, self._message, "reply.schema", "the reply"):
            self._left -= size
            count = len(put)
            for error in errors_of(self._strictly, self._message):
                name = next((wanted for wanted in error.expected if "*" not in wanted), "")
                if not error.is_of_content or not name or error.node in put:
                    continue
                within = self._lack(error, notes)
                if within is None:
                    continue
                put.append(etree.Element(name))
                within.insert(within.index(error.node) if error.is_unexpected else len(within), put[-1])
            if count == len(put):
                return

    def _settle(self, what: "_Alone", notes: Notes) -> Iterator["_Alone"]:
        """Handle a message or a single element; yield unexpected elements, removed since they hide their siblings."""
        while not self._is_valid(what.root):
            gone: dict[etree._Element, None] = {}
            for error in errors_of(self._schema, what.root):
                if what.element is not None and error.is_unexpected and not _is_below(error.node, what.element):
                    refuse(self._twins[what.element])  # it can stand nowhere in what it stood in
                    self._is_new(self._twins[what.element], notes)
                    return
                if error.key not in self._told and error.node in self._twins:
                    self._told.add(error.key)
                    gone |= dict.fromkeys(self._settled(error, notes))
            if len(self._told) > _MOST:
                raise _too_many()
            if not gone:
                return
            for element in gone:
                above = element.getparent()
                if above is not None:
                    known = self._is_loose and self._is_known(element)
                    frame = _frame(above) if known else None
                    above.remove(element)
                    if frame is not None:
                        frame.append(element)
                        yield _Alone(frame.getroottree().getroot(), element)

    def _is_valid(self, root: etree._Element) -> bool:
        self._left -= int(_SIZE(root))
        if self._left < 0 or steady() > self._ends:
            raise _too_many()
        return is_valid(self._schema, root, "reply.schema", "the reply")

    def _settled(self, error: SchemaError, notes: Notes) -> Iterator[etree._Element]:
        node, twin = error.node, self._twins[error.node]
        if error.is_of_content:
            if not error.is_unexpected:
                self._miss(error, notes)
                return
            yield from self._misplaced(node, notes)
            return
        path = self._path(node)
        if error.attribute:
            path = f"{path}/@{self._vocabulary.tellable(error.attribute)}".removeprefix("./")
        notes.differ(path)
        name = error.attribute.rpartition("}")[2]
        if error.is_unknown_attribute:
            self._drop_unknown(twin, error.attribute)
            notes.gaps += [(twin, "@"), (twin, name)]
        if error.is_harmless and not error.is_all_text:
            return
        if error.attribute:
            twin.attrib.pop(error.attribute, None)
            notes.gaps.append((twin, f"@{name}"))
        else:
            if len(twin) and not is_refused(twin):
                self._is_new(twin, notes)  # a text around elements hides them
            refuse(twin)
            notes.gaps.append((twin, ""))

    def _misplaced(self, node: etree._Element, notes: Notes) -> Iterator[etree._Element]:
        twin = self._twins[node]
        notes.differ(self._path(node))
        if not self._vocabulary.knows(node):
            self._is_new(twin, notes)
        if self._vocabulary.is_foreign(node) or (self._vocabulary.knows(node) and not self._is_loose):
            refuse(twin)  # it means something else; or nothing can tell what it holds
            self._is_new(twin, notes)
        elif _has_before(twin):
            mark_repeated(twin)
            self._is_new(twin, notes)
        if node.getparent() is not None:
            yield node
            for beside in node.itersiblings("*"):
                if not self._vocabulary.knows(beside):
                    notes.differ(self._path(beside))
                    self._is_new(self._twins[beside], notes)
                    yield beside

    def _drop_unknown(self, twin: etree._Element, attribute: str) -> None:
        """Drop an unknown attribute that a reader, which uses local names, could mistake for a known one."""
        # A namespace may hold what libxml2 puts around names; then any attribute with a namespace may be meant.
        keys = [str(key) for key in twin.attrib]
        for key in [attribute] if attribute in keys else [key for key in keys if key.startswith("{")]:
            if key.rpartition("}")[2] in self._vocabulary.names and not key.startswith(f"{{{XSI}}}"):
                del twin.attrib[key]

    def _qualify(self) -> None:
        """Add or remove the root's namespace where the schema expects that at the first error.

        Senders confuse this, and readers ignore it; but elements of another name would stay unchecked.
        """
        first = self._strict[0] if self._strict else None
        if first is None or not first.is_of_content:
            return
        root, tag = str(self._message.tag), str(first.node.tag)
        space = root[: root.find("}") + 1]
        inside = [node for node in self._message.iter("*") if node is not self._message]
        if space and space + tag in first.expected:
            for node in inside:
                if not str(node.tag).startswith("{"):
                    node.tag = space + str(node.tag)
        elif space and tag.startswith(space) and tag.removeprefix(space) in first.expected:
            for node in inside:
                node.tag = str(node.tag).removeprefix(space)

    def _is_known(self, node: etree._Element) -> bool:
        return self._vocabulary.knows(node) and not self._vocabulary.is_foreign(node)

    def _miss(self, error: SchemaError, notes: Notes) -> None:
        notes.differ(self._missing(error))
        if error.missing_attribute:
            notes.gaps.append((self._twins[error.node], f"@{error.missing_attribute}"))
        self._lack(error, notes)

    def _lack(self, error: SchemaError, notes: Notes) -> etree._Element | None:
        """Record a gap for each element allowed there; return the parent."""
        if (within := error.within) is not None:
            notes.gaps += [(self._twins[within], name.rpartition("}")[2]) for name in error.expected]
        return within

    @staticmethod
    def _is_new(twin: etree._Element, notes: Notes) -> None:
        """Record an element unknown to the schema: it may replace a missing one."""
        if (above := twin.getparent()) is not None:
            notes.gaps.append((above, twin))

    def _missing(self, error: SchemaError) -> str:
        """Return the path of the missing element; if its name is unknown, of the present one or the parent."""
        wanted = error.expected[0].rpartition("}")[2] if len(error.expected) == 1 else ""
        if not wanted or wanted not in self._vocabulary.names:
            return self._path(error.node)
        above = error.within
        return f"{self._path(above)}/{wanted}".removeprefix("./") if above is not None else wanted

    def _path(self, node: etree._Element) -> str:
        steps: list[str] = []
        at = node
        while (above := at.getparent()) is not None:
            steps.append(self._vocabulary.tellable(local_name(at)))
            at = above
        return "/".join(reversed(steps)) or "."


def _too_many() -> CallFailed:
    reason = "the reply breaks its schema in more places than are looked at, or they take too long to find"
    return CallFailed(OutcomeKind.INVALID, "reply.schema", reason, at_scale=True)


def _frame(element: etree._Element) -> etree._Element:
    above = element.getparent()
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    if above is None:
        return etree.Element(element.tag, attributes, element.nsmap)
    return etree.SubElement(_frame(above), element.tag, attributes, element.nsmap)


def _is_below(node: etree._Element, element: etree._Element) -> bool:
    return any(above is element for above in node.iterancestors())


def _has_before(node: etree._Element) -> bool:
    name = local_name(node)
    return any(local_name(sibling) == name for sibling in node.itersiblings("*", preceding=True))


def _unsigned(element: etree._Element) -> Iterator[etree._Element]:
    yield element
    for child in element:
        if child.tag != SIGNATURE:
            yield from _unsigned(child)
