"""Describes violated schema rules without libxml2's texts, which quote values and must not be shown."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from lxml import etree

from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.schemas import Vocabulary
from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.dates import date_from
from appealbus.schemas.outcome import OutcomeKind

_RULES = {
    "SCHEMAV_CVC_PATTERN_VALID": "its text breaks a pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "its text is not one of the values that the contract lists",
    "SCHEMAV_CVC_LENGTH_VALID": "its text has another length than the contract says",
    "SCHEMAV_CVC_MINLENGTH_VALID": "its text is too short",
    "SCHEMAV_CVC_MAXLENGTH_VALID": "its text is too long",
    "SCHEMAV_CVC_MININCLUSIVE_VALID": "its number is too small",
    "SCHEMAV_CVC_MINEXCLUSIVE_VALID": "its number is too small",
    "SCHEMAV_CVC_MAXINCLUSIVE_VALID": "its number is too large",
    "SCHEMAV_CVC_MAXEXCLUSIVE_VALID": "its number is too large",
    "SCHEMAV_CVC_TOTALDIGITS_VALID": "its number has too many digits",
    "SCHEMAV_CVC_FRACTIONDIGITS_VALID": "its number has too many digits after the point",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "it must be empty",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "it takes a text, and holds elements",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "it takes elements, and holds a text",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "the contract has no such attribute there",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute that must be there is missing",
    "SCHEMAV_CVC_TYPE_3_1_1": "it takes no attributes",
    "SCHEMAV_CVC_TYPE_3_1_2": "it takes a text, and holds elements",
    "SCHEMAV_CVC_ELT_1": "the contract has no such element",
    "SCHEMAV_CVC_ELT_2": "its element is abstract",
    "SCHEMAV_CVC_ELT_3_1": "it cannot be nil",
    "SCHEMAV_CVC_ELT_3_2_1": "it is nil, and holds something",
    "SCHEMAV_CVC_ELT_4_2": "its xsi:type is not in the contract",
    "SCHEMAV_CVC_ELT_4_3": "its xsi:type does not fit there",
    "SCHEMAV_CVC_ELT_5_2_2_2_2": "the contract fixes its value",
    "SCHEMAV_CVC_AU": "the contract fixes the value of an attribute",
    "SCHEMAV_CVC_IDC": "a key is missing, or there twice",
}
_TYPE = re.compile(r"is not a valid value of the (?:\w+ )?(?:atomic|list|union) type '([\w:.{}/#-]{1,200})'\.$")
_NAMES = re.compile(r"Expected is (?:one of )?\( ([^()]{1,500}) \)\.$")
_ATTRIBUTE = re.compile(r"Element '[^']{1,500}', attribute '([^']{1,200})'")
_SPACE = re.compile(r"\{[^}]*\}")


def broken_rule(schema: etree.XMLSchema) -> str:
    """Return the rule of the first error of the last validation, after a colon; "" if unknown."""
    errors = schema.error_log.filter_from_errors()
    rule = rule_of(errors[0]) if len(errors) else ""
    return f": {rule}" if rule else ""


def rule_of(error: etree._LogEntry) -> str:
    """Return the rule named by a validator's error; "" if unknown. It has names of the contract only."""
    kind = error.type_name
    if kind == "SCHEMAV_ELEMENT_CONTENT":
        return _of_content(error.message)
    if kind.startswith("SCHEMAV_CVC_DATATYPE_VALID"):
        match = _TYPE.search(error.message)
        rule = f"its text is no {_bare(match[1])}" if match else "its text is not what its type takes"
    else:
        rule = _RULES.get(kind, "")
    # What has a value that a type forbids is declared, so that its name is the contract's.
    attribute = _ATTRIBUTE.match(error.message)
    return rule.replace("its text", f"its attribute {_bare(attribute[1])}") if attribute else rule


def _of_content(message: str) -> str:
    match = _NAMES.search(message)
    expected = f"; expected is {_bare(match[1])}" if match else ""
    if "Missing child element(s)." in message:
        return f"something in it is missing{expected}"
    return f"it is not expected there{expected}"


def _bare(names: str) -> str:
    return _SPACE.sub("", names)


_STEP = re.compile(r"(?:[^:/\[]+:)?([^:/\[]+)(?:\[(\d+)\])?")
_SUBJECT = re.compile(r"Element '(?:\{[^}']*\})?([^']{1,200})'(?:, attribute '([^']{1,200})')?: ")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.+) \)\.$")
_CONTENT = 1871
"""libxml2's number for an unexpected or missing element."""
_VALUE = 1824
"""Its number for an invalid value."""
_UNKNOWN = frozenset({1827, 1866, 1867})
"""Its numbers for unexpected attributes: of text, without and with an attribute wildcard."""
_ALL_TEXT = 1843
_FEW = re.compile(r": The attribute '(?:\{[^}']*\})?([^']{1,200})' is required but missing\.$")
_HARMLESS = frozenset({1843, 1845, 1851, 1868}) | _UNKNOWN
"""Its numbers for errors that spoil no value: stray text, undeclared open content, an unknown xsi:type, attributes."""

ErrorKey: TypeAlias = tuple[etree._Element, int, str]
Missing: TypeAlias = tuple[str, bool, tuple[str, ...]]
_Beside: TypeAlias = dict[tuple[etree._Element, str], list[etree._Element]]


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One violation in a message.

    Attributes:
        text: libxml2's, quotes values.
        attribute: the invalid one; "": the element itself.
    """

    node: etree._Element
    number: int
    text: str
    attribute: str = ""

    @property
    def key(self) -> ErrorKey:
        """Identifies the error across validations."""
        return self.node, self.number, self.attribute

    @property
    def is_of_content(self) -> bool:
        """Whether the element is unexpected or lacks another, rather than having a wrong value."""
        return self.number == _CONTENT

    @property
    def is_unexpected(self) -> bool:
        return self.is_of_content and self.text.rpartition("': ")[2].startswith("This element is not expected")

    @property
    def within(self) -> etree._Element | None:
        """The element that lacks something: the parent of an unexpected element, or else this one."""
        return self.node.getparent() if self.is_unexpected else self.node

    @property
    def is_harmless(self) -> bool:
        """Whether no value is spoiled; also a time where a date is expected, or another notation."""
        return self.number in _HARMLESS or (not self.attribute and self._is_date)

    @property
    def _is_date(self) -> bool:
        if self.number != _VALUE or not self.text.endswith(("'xs:date'.", "'xs:dateTime'.")):
            return False
        with suppress(ValueError):
            date_from((self.node.text or "").strip())
            return True
        return False

    @property
    def is_all_text(self) -> bool:
        """Whether there is text in place of elements."""
        return self.number == _ALL_TEXT and not len(self.node)

    @property
    def missing_attribute(self) -> str:
        """Local name."""
        match = _FEW.search(self.text)
        return match[1] if match is not None else ""

    @property
    def is_unknown_attribute(self) -> bool:
        return self.number in _UNKNOWN

    @property
    def expected(self) -> list[str]:
        """Allowed elements as `{namespace}name`."""
        match = _EXPECTED.search(self.text)
        return match[1].split(", ") if match is not None else []


def missing_in(text: str) -> Missing | None:
    """Return an element, whether the gap is inside or before it, and the missing names; all local names."""
    subject, expected = _SUBJECT.match(text), _EXPECTED.search(text)
    if subject is None or expected is None:
        return None
    return subject[1], ": Missing" in text, tuple(name.rpartition("}")[2] for name in expected[1].split(", "))


def is_valid(schema: etree.XMLSchema, message: etree._Element, code: str, what: str) -> bool:
    """Whether a message is valid. CallFailed if validation failed."""
    try:
        return schema.validate(message)
    except etree.XMLSchemaValidateError:
        # libxml2 gave up: a pattern of the schema has too many ways to fit a long text.
        reason = f"{what} cannot be checked against its schema: a pattern has too many ways to fit"
        raise CallFailed(OutcomeKind.INVALID, code, reason, at_scale=True) from None


def first_place(schema: etree.XMLSchema, vocabulary: Vocabulary, message: etree._Element) -> str:
    """Return the path of the first invalid element of the last validation."""
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
    return "/".join(step if step.partition("[")[0] in vocabulary.names else "*" for step in steps) or "its root"


def errors_of(schema: etree.XMLSchema, root: etree._Element) -> Iterator[SchemaError]:
    """Yield the errors of the last validation."""
    beside: _Beside = {}
    for error in schema.error_log.filter_from_errors():
        node: etree._Element | None = root
        for step in [step for step in (error.path or "").split("/") if step][1:]:
            node = None if node is None else _child(node, step, beside)
        if node is not None:
            subject = _SUBJECT.match(error.message)
            attribute = subject[2] if subject is not None else None
            yield SchemaError(node, error.type, error.message, attribute or "")


def _child(above: etree._Element, step: str, beside: _Beside) -> etree._Element | None:
    """Resolve a step of libxml2's paths: `*` is any element, else the prefix must match."""
    match = _STEP.fullmatch(step)
    if match is None:
        return None
    name = step.partition("[")[0]
    alike = beside.get((above, name))
    if alike is None:
        prefix = name.rpartition(":")[0]
        alike = [
            node
            for node in above.iterchildren("*")
            if name == "*" or ((node.prefix == prefix and local_name(node) == match[1]) if prefix else node.tag == name)
        ]
        beside[above, name] = alike
    place = int(match[2] or 1) - 1
    return alike[place] if place < len(alike) else None
