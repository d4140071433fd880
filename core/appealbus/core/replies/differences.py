"""Where a message differs from its schema: told by names of the schema alone, and settled for those who read it."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from appealbus.core.interfaces.notes import Notes
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.marks import mark_repeated, refuse
from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.outcome import OutcomeKind

SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_STEP = re.compile(r"(?:[^:/\[]+:)?([^:/\[]+)(?:\[(\d+)\])?")
_SUBJECT = re.compile(r"Element '(?:\{[^}']*\})?([^']{1,200})'(?:, attribute '([^']{1,200})')?: ")
_WANTED = re.compile(r"Expected is \( (?:\{[^}']*\})?([^ '{}]{1,200}) \)\.$")
_NAMES = re.compile(r"(?:\{[^}]*\})?[^\s,(){}]+")
_CONTENT = 1871
"""libxml2's number for: this element is not expected here, or one is missing."""
_HARMLESS = frozenset({1843, 1851, 1866, 1867, 1868})
"""Its numbers for what spoils no value: stray text between elements, an xsi:type that it does not know, an attribute
too many, and one too few."""
_SIZE = etree.XPath("count(descendant-or-self::*)")
_ENOUGH = 40_000
"""Elements that are checked for one message, again and again: 20 times the largest whose differences are looked for."""
_MOST = 2_000
"""Errors that are looked at, of one message: 20 ms."""
_Key: TypeAlias = tuple[etree._Element, int, str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names of a schema.

    Attributes:
        names: of all its elements and attributes, without namespaces.
        elements: its global elements, as `{namespace}local`.
        spaces: its namespaces.

    """

    names: frozenset[str]
    elements: frozenset[str] = frozenset()
    spaces: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Error:
    node: etree._Element
    kind: int
    text: str
    attribute: str = ""

    @property
    def key(self) -> _Key:
        """What tells it from others: the next check finds it again."""
        return self.node, self.kind, self.attribute

    @property
    def is_unexpected(self) -> bool:
        """Whether the element should not be where it is, rather than what is in it."""
        return self.kind == _CONTENT and self.text.rpartition("': ")[2].startswith("This element is not expected")


@dataclass(frozen=True, slots=True)
class _Alone:
    """A message; or an element alone in those that it stood in, beginning with the root."""

    root: etree._Element
    element: etree._Element | None


def is_valid(schema: etree.XMLSchema, message: etree._Element, code: str, what: str) -> bool:
    """Say whether a message is valid.

    Raises:
        CallFailed: nobody can say.

    """
    try:
        return schema.validate(message)
    except etree.XMLSchemaValidateError:
        # libxml2 gave up: a pattern of the schema has too many ways to fit a long text.
        reason = f"{what} cannot be checked against its schema: a pattern has too many ways to fit"
        raise CallFailed(OutcomeKind.INVALID, code, reason, at_scale=True) from None


def first_difference(schema: etree.XMLSchema, names: frozenset[str], message: etree._Element) -> str:
    """Return the path of the first element that broke the schema when the message was last checked."""
    errors = schema.error_log.filter_from_errors()
    if not len(errors):
        return "its root"
    steps = [step.partition(":")[2] or step for step in (errors[0].path or "").split("/") if step]
    subject = _SUBJECT.match(errors[0].message)
    # libxml2 writes * for names without a prefix. The two that matter are known all the same.
    if steps and steps[0] == "*":
        steps[0] = local_name(message)
    if subject is not None and steps and steps[-1].startswith("*"):
        steps[-1] = subject[1] + steps[-1][1:]
    return "/".join(step if step.partition("[")[0] in names else "*" for step in steps) or "its root"


class Differences:
    """The differences of one reply, small enough that all may be looked for."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        schema: etree.XMLSchema,
        loose: etree.XMLSchema | None,
        message: etree._Element,
        reply: etree._Element,
    ) -> None:
        """Begin.

        Args:
            vocabulary: of the schema.
            schema: what the message has just been checked against.
            loose: the same where nothing need be there, so that what is missing hides no other difference.
            message: the reply, or a copy of it without signatures.
            reply: in which values are made unreadable.

        """
        self._schema = schema if loose is None else loose
        self._is_loose = loose is not None
        self._names, self._spaces = vocabulary.names, vocabulary.spaces
        self._message = deepcopy(message) if message is reply else message
        self._twins = dict(zip(self._message.iter(), _unsigned(reply), strict=False))
        # Kept: it must be there as long as the dictionary, for else its elements are made anew.
        self._strict = list(self._errors(schema, self._message))
        self._told: set[_Key] = set()
        self._left = _ENOUGH

    def settle(self, notes: Notes) -> None:
        """Count the differences, and make unreadable what the schema does not allow: values, and repetitions.

        Raises:
            CallFailed: nobody can say, or there are too many.

        """
        self._qualify()
        waiting: list[_Alone] = [_Alone(self._message, None)]
        while waiting:
            waiting += self._settle(waiting.pop(), notes)
        told = {(node, kind) for node, kind, _ in self._told}
        for error in self._strict:
            if (error.node, error.kind) not in told:
                notes.differ(self._missing(error))

    def _settle(self, what: "_Alone", notes: Notes) -> Iterator["_Alone"]:
        """Settle a message, or an element alone; yield what was not expected where it was, each alone.

        What is not expected hides what is beside it, so it is taken out and the rest is checked again.
        """
        while not self._is_valid(what.root):
            gone: dict[etree._Element, None] = {}
            for error in self._errors(self._schema, what.root):
                if what.element is not None and error.is_unexpected and not _is_below(error.node, what.element):
                    refuse(self._twins[what.element])  # it can stand nowhere in what it stood in
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
                    known = self._is_loose and local_name(element) in self._names and not self._is_foreign(element)
                    frame = _frame(above) if known else None
                    above.remove(element)
                    if frame is not None:
                        frame.append(element)
                        yield _Alone(frame.getroottree().getroot(), element)

    def _is_valid(self, root: etree._Element) -> bool:
        self._left -= int(_SIZE(root))
        if self._left < 0:
            raise _too_many()
        return is_valid(self._schema, root, "reply.schema", "the reply")

    def _settled(self, error: _Error, notes: Notes) -> Iterator[etree._Element]:
        """Deal with one error; yield the elements without which more can be seen."""
        node, twin = error.node, self._twins[error.node]
        if error.kind == _CONTENT:
            if not error.is_unexpected:
                notes.differ(self._missing(error))
                return
            notes.differ(self._path(node))
            if self._is_foreign(node) or not (self._is_loose or local_name(node) not in self._names):
                refuse(twin)  # it means something else; or nothing can tell what it holds
            elif _has_before(twin):
                mark_repeated(twin)
            if node.getparent() is not None:
                yield node
                for beside in node.itersiblings("*"):
                    if local_name(beside) not in self._names:
                        notes.differ(self._path(beside))
                        yield beside
            return
        path = self._path(node)
        if error.attribute:
            path = f"{path}/@{error.attribute if error.attribute in self._names else '*'}".removeprefix("./")
        notes.differ(path)
        if error.kind in _HARMLESS:
            return
        if error.attribute:
            twin.attrib.pop(error.attribute, None)
        else:
            refuse(twin)

    def _qualify(self) -> None:
        """Give elements the namespace of the root, or take it from them, where the schema expects the first so.

        Senders mix that up, and readings do not mind. But what is in an element of another name is not checked.
        """
        first = self._strict[0] if self._strict else None
        if first is None or first.kind != _CONTENT:
            return
        root, tag = str(self._message.tag), str(first.node.tag)
        space = root[: root.find("}") + 1]
        expected = _NAMES.findall(first.text.rpartition("Expected is ")[2])
        inside = [node for node in self._message.iter("*") if node is not self._message]
        if space and space + tag in expected:
            for node in inside:
                if not str(node.tag).startswith("{"):
                    node.tag = space + str(node.tag)
        elif space and tag.startswith(space) and tag.removeprefix(space) in expected:
            for node in inside:
                node.tag = str(node.tag).removeprefix(space)

    def _is_foreign(self, node: etree._Element) -> bool:
        """Say whether an element is in a namespace of which the schema knows nothing: it means something else."""
        space = etree.QName(node).namespace
        return bool(self._spaces) and space is not None and space not in self._spaces

    def _missing(self, error: _Error) -> str:
        """Return the path of what should be there; where nothing tells its name, of what is there or should hold it."""
        wanted = _WANTED.search(error.text)
        if wanted is None or wanted[1] not in self._names:
            return self._path(error.node)
        above = error.node.getparent() if error.is_unexpected else error.node
        return f"{self._path(above)}/{wanted[1]}".removeprefix("./") if above is not None else wanted[1]

    def _path(self, node: etree._Element) -> str:
        """Return where an element stands, from the root's children on."""
        steps: list[str] = []
        at = node
        while (above := at.getparent()) is not None:
            name = local_name(at)
            steps.append(name if name in self._names else "*")
            at = above
        return "/".join(reversed(steps)) or "."

    def _errors(self, schema: etree.XMLSchema, root: etree._Element) -> Iterator[_Error]:
        beside: dict[tuple[etree._Element, str], list[etree._Element]] = {}
        for error in schema.error_log.filter_from_errors():
            node: etree._Element | None = root
            for step in [step for step in (error.path or "").split("/") if step][1:]:
                node = None if node is None else _child(node, step, beside)
            if node is not None:
                subject = _SUBJECT.match(error.message)
                yield _Error(node, error.type, error.message, (subject[2] or "") if subject is not None else "")


def _too_many() -> CallFailed:
    reason = "the reply breaks its schema in more places than are looked at"
    return CallFailed(OutcomeKind.INVALID, "reply.schema", reason, at_scale=True)


def _frame(element: etree._Element) -> etree._Element:
    """Return a copy of an element in copies of those around it, with nothing else in them."""
    above = element.getparent()
    attributes = {str(name): str(value) for name, value in element.attrib.items()}
    if above is None:
        return etree.Element(element.tag, attributes, element.nsmap)
    return etree.SubElement(_frame(above), element.tag, attributes, element.nsmap)


def _is_below(node: etree._Element, element: etree._Element) -> bool:
    return any(above is element for above in node.iterancestors())


def _child(
    above: etree._Element, step: str, beside: dict[tuple[etree._Element, str], list[etree._Element]]
) -> etree._Element | None:
    """Return the element that a step of a path of libxml2 means: of `*` any, else one of its prefix and name."""
    match = _STEP.fullmatch(step)
    if match is None:
        return None
    name = step.partition("[")[0]
    alike = beside.get((above, name))
    if alike is None:
        prefix = name.rpartition(":")[0] or None
        alike = [
            each
            for each in above.iterchildren("*")
            if name == "*" or (local_name(each) == match[1] and each.prefix == prefix)
        ]
        beside[above, name] = alike
    place = int(match[2] or 1) - 1
    return alike[place] if place < len(alike) else None


def _has_before(node: etree._Element) -> bool:
    name = local_name(node)
    return any(local_name(each) == name for each in node.itersiblings("*", preceding=True))


def _unsigned(element: etree._Element) -> Iterator[etree._Element]:
    """Yield all elements but those of signatures, in their order."""
    yield element
    for child in element:
        if child.tag != SIGNATURE:
            yield from _unsigned(child)
