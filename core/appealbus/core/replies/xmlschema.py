"""The schema of a source's messages: what a reply is checked against before it is read."""

import re
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.rules import broken_rule
from appealbus.core.replies.xsd import XSD, SchemaModel
from appealbus.schemas.outcome import OutcomeKind

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_SUBJECT = re.compile(r"Element '(?:\{[^}']*\})?([^']{1,200})'")
_SIZE = etree.XPath("count(descendant-or-self::*) + count(descendant-or-self::*/@*)")
_CROWDED = etree.XPath("boolean(descendant-or-self::*[@*[1000]])")
_LARGE = 2_000
"""Elements and attributes up to which all errors are collected: each costs libxml2 a look at all siblings before it,
20 ms for as many broken siblings, and a minute for a hundred times as many."""
_PIECE = 16 * 1024
"""Bytes after which a large message is let go if it is broken: 5 ms of parsing."""


class Checker:
    """Checks messages against a schema, in a time that grows with their size and not with its square."""

    def __init__(self, schema: etree.XMLSchema, names: frozenset[str]) -> None:
        """Remember the schema.

        Args:
            schema: what messages are checked against.
            names: the names that it declares: only these may appear in a reason, for all others are the sender's.

        """
        self._schema = schema
        self._names = names

    def check(self, message: etree._Element, code: str, what: str) -> None:
        """Check a message.

        Args:
            message: the element.
            code: of the failure.
            what: `the reply`, `the request`.

        Raises:
            CallFailed: with the code, naming the element that breaks the schema, never its value.

        """
        if _SIZE(message) > _LARGE:
            if not self._is_large_valid(message):
                reason = f"{what} breaks its schema, in a large message"
                raise CallFailed(OutcomeKind.INVALID, code, reason, at_scale=True)
            return
        try:
            valid = self._schema.validate(message)
        except etree.XMLSchemaValidateError:
            # libxml2 gave up: a pattern of the schema has too many ways to fit a long text.
            reason = f"{what} cannot be checked against its schema: a pattern has too many ways to fit"
            raise CallFailed(OutcomeKind.INVALID, code, reason, at_scale=True) from None
        if not valid:
            reason = f"{what} breaks its schema at {self._place(message)}{broken_rule(self._schema)}"
            raise CallFailed(OutcomeKind.INVALID, code, reason)

    def _is_large_valid(self, message: etree._Element) -> bool:
        """Check while parsing, which can stop at the first error."""
        if _CROWDED(message):
            return False  # all errors of one tag come at once
        # Huge texts are let through: what was parsed once within its limit may have grown by attachments put into it.
        parser = etree.XMLParser(schema=self._schema, resolve_entities=False, no_network=True, huge_tree=True)
        content = etree.tostring(message, encoding="utf-8", with_tail=False)
        try:
            for begin in range(0, len(content), _PIECE):
                parser.feed(content[begin : begin + _PIECE])
                if len(parser.feed_error_log):
                    return False
            parser.close()
        except etree.XMLSyntaxError:
            return False
        return True

    def _place(self, message: etree._Element) -> str:
        """Return the path of the first element that breaks the schema."""
        errors = self._schema.error_log.filter_from_errors()
        if not len(errors):
            return "its root"
        steps = [step.partition(":")[2] or step for step in (errors[0].path or "").split("/") if step]
        subject = _SUBJECT.match(errors[0].message)
        # libxml2 writes * for names without a prefix. The two that matter are known all the same.
        if steps and steps[0] == "*":
            steps[0] = etree.QName(message).localname
        if subject is not None and steps and steps[-1].startswith("*"):
            steps[-1] = subject[1] + steps[-1][1:]
        return "/".join(step if step.partition("[")[0] in self._names else "*" for step in steps) or "its root"


class MessageSchema:
    """An XSD file in the plugin's own folder, with the files that it imports. Read at first use."""

    def __init__(self, path: Path, root: str) -> None:
        """Remember the file.

        Args:
            path: the schema.
            root: `{namespace}name` of an answer's root. Content that came without a root in a namespace, as
                some senders put it, is taken to be that.

        """
        self.path = path
        self.root = root

    @cached_property
    def _checker(self) -> Checker:
        names: set[str] = set()
        for file in self.path.parent.glob("*.xsd"):
            declared = etree.parse(file).iter("{http://www.w3.org/2001/XMLSchema}element")
            names.update(element.get("name", "") for element in declared)
        return Checker(etree.XMLSchema(file=str(self.path)), frozenset(names))

    @cached_property
    def model(self) -> SchemaModel:
        """What the schema allows, for proofs of what is declared over it."""
        return SchemaModel(_documents(self.path))

    def check(self, message: etree._Element) -> None:
        """Check a message, and give it the root that it lacks.

        Raises:
            CallFailed: `reply.schema`, naming the element that breaks the schema, never its value.

        """
        if not str(message.tag).startswith("{"):
            message.tag = self.root
            message.attrib.pop(_XSI_TYPE, None)
        self._checker.check(message, "reply.schema", "the reply")


def _documents(entry: Path) -> list[etree._Element]:
    """Return the roots of a schema and of the files that it brings in; what is not a file is left out."""
    found: dict[Path, etree._Element] = {}
    waiting = [entry.resolve()]
    while waiting:
        file = waiting.pop()
        if file in found or not file.is_file():
            continue
        found[file] = root = etree.parse(file).getroot()
        for node in root.iterchildren(*(f"{{{XSD}}}{name}" for name in ("import", "include", "redefine", "override"))):
            waiting.append((file.parent / unquote(node.get("schemaLocation", ""))).resolve())
    return list(found.values())
