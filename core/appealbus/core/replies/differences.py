"""Where a message differs from its schema: told by names of the schema alone, and settled for those who read it."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

from appealbus.core.interfaces.notes import MORE, Notes
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
_ROUNDS = 8
"""Checks of one message: after an element that is not expected libxml2 looks at nothing beside it, so it is taken out,
and the rest is checked again."""
_MOST = 500
"""Errors that are looked at, of one message."""


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
    def key(self) -> tuple[etree._Element, int, str]:
        """What tells it from others: the next check finds it again."""
        return self.node, self.kind, self.attribute


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
        self._schema = loose if loose is not None else schema
        self._names, self._spaces = vocabulary.names, vocabulary.spaces
        self._message = deepcopy(message) if message is reply else message
        self._twins = dict(zip(self._message.iter(), _unsigned(reply), strict=False))
        # Kept: it must be there as long as the dictionary, for else its elements are made anew.
        self._strict = list(self._errors(schema))

    def settle(self, notes: Notes) -> None:
        """Count the differences, and make unreadable what the schema does not allow: values, and repetitions.

        Raises:
            CallFailed: nobody can say.

        """
        self._qualify()
        told: set[tuple[etree._Element, int, str]] = set()
        for _ in range(_ROUNDS):
            if is_valid(self._schema, self._message, "reply.schema", "the reply"):
                break
            gone: dict[etree._Element, None] = {}
            for error in self._errors(self._schema):
                if error.key in told:
                    continue
                told.add(error.key)
                if len(told) > _MOST:
                    notes.differ(MORE)
                    return
                gone |= dict.fromkeys(self._settled(error, notes))
            if not gone:
                break
            for element in gone:
                self._remove(element)
        else:
            notes.differ(MORE)
        for error in self._strict:
            if error.key not in told:
                notes.differ(self._missing(error))

    def _settled(self, error: _Error, notes: Notes) -> Iterator[etree._Element]:
        """Deal with one error; yield the elements without which more can be seen."""
        node, twin = error.node, self._twins.get(error.node)
        if error.kind == _CONTENT:
            if not error.text.rpartition("': ")[2].startswith("This element is not expected"):
                notes.differ(self._missing(error))
                return
            notes.differ(self._path(node))
            if twin is not None and self._is_foreign(node):
                refuse(twin)
            elif twin is not None and _has_before(node):
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
        if error.kind in _HARMLESS or twin is None:
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

    def _remove(self, element: etree._Element) -> None:
        above = element.getparent()
        if above is not None:
            above.remove(element)

    def _missing(self, error: _Error) -> str:
        """Return the path of what should be there; where nothing tells its name, of what is there or should hold it."""
        wanted = _WANTED.search(error.text)
        if wanted is None or wanted[1] not in self._names:
            return self._path(error.node)
        missing = error.text.rpartition("': ")[2].startswith("Missing child")
        above = error.node if missing else error.node.getparent()
        return f"{self._path(above)}/{wanted[1]}".removeprefix("./") if above is not None else wanted[1]

    def _path(self, node: etree._Element) -> str:
        """Return where an element stands, from the root's children on."""
        steps: list[str] = []
        at: etree._Element | None = node
        while at is not None and at is not self._message:
            name = local_name(at)
            steps.append(name if name in self._names else "*")
            at = at.getparent()
        return "/".join(reversed(steps)) or "."

    def _errors(self, schema: etree.XMLSchema) -> Iterator[_Error]:
        beside: dict[tuple[etree._Element, str], list[etree._Element]] = {}
        for error in schema.error_log.filter_from_errors():
            node: etree._Element | None = self._message
            for step in [step for step in (error.path or "").split("/") if step][1:]:
                node = None if node is None else _child(node, step, beside)
            if node is not None:
                subject = _SUBJECT.match(error.message)
                yield _Error(node, error.type, error.message, (subject[2] or "") if subject is not None else "")


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
