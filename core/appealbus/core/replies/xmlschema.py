"""The schema of a source's messages: what a reply is checked against before it is read."""

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from appealbus.core.interfaces.notes import MORE, Notes, ReplyCheck
from appealbus.core.interfaces.wire import CallFailed
from appealbus.core.replies.differences import Differences
from appealbus.core.replies.schema_errors import Missing, broken_rule, first_place, is_valid, missing_in
from appealbus.core.replies.schemas import Vocabulary, compiled, loosened, vocabulary_of
from appealbus.core.replies.xmlread import take_out
from appealbus.core.replies.xsd import SchemaModel
from appealbus.schemas.namespaces import SIGNATURE, XSD, XSI_TYPE
from appealbus.schemas.outcome import OutcomeKind

_SIZE = etree.XPath("count(descendant-or-self::*) + count(descendant-or-self::*/@*)")
_CROWDED = etree.XPath("boolean(descendant-or-self::*[@*[1000]])")
_LARGE = 2_000
"""Elements up to which all errors are collected. libxml2 is quadratic: 20 ms for as many broken siblings."""
_LARGEST = 50_000
"""Elements and attributes up to which a broken large message may be accepted: another check costs 30 ms."""
_PIECE = 16 * 1024
"""Bytes parsed before a broken large message is dropped: 5 ms."""
_CODE = "reply.schema"

__all__ = ["Checker", "MessageSchema", "Vocabulary", "compiled", "loosened", "vocabulary_of"]


class Checker:
    """Checks messages against a schema, in a time that grows with their size and not with its square.

    An XML Signature that the schema does not know is looked away from: gateways and registers sign what their owners'
    schemas say nothing of.
    """

    def __init__(self, schema: etree.XMLSchema, vocabulary: Vocabulary, loose: etree.XMLSchema | None = None) -> None:
        """Remember the schema.

        Args:
            schema: what messages are checked against.
            vocabulary: its names: only these may appear in a reason, for all others are the sender's; and only its
                global elements may be a message.
            loose: the same schema where nothing need be there; see `loosened`.
        """
        self._schema = schema
        self._vocabulary = vocabulary
        self._loose = loose

    def check(self, message: etree._Element, code: str, what: str) -> None:
        """Check a message; `what` is `the reply` or `the request`.

        Raises:
            CallFailed: with the code, naming the element that breaks the schema, never its value.
        """
        message = self._unsigned(message)
        if _SIZE(message) > _LARGE:
            if not _is_large_valid(self._schema, message):
                reason = f"{what} breaks its schema, in a large message"
                raise CallFailed(OutcomeKind.INVALID, code, reason, at_scale=True)
        elif not is_valid(self._schema, message, code, what):
            place = first_place(self._schema, self._vocabulary, message)
            raise CallFailed(
                OutcomeKind.INVALID, code, f"{what} breaks its schema at {place}{broken_rule(self._schema)}"
            )

    def take(self, reply: etree._Element, notes: Notes) -> None:
        """Check a reply as strictly as the notes say, and count there where it differs.

        Where they say `lenient`, values in it that the schema does not allow are made unreadable: see `marks`. In a
        large one there must be none.

        Raises:
            CallFailed: `reply.schema`: it breaks the schema and may not, or it is no element of the schema at all.
        """
        if notes.check is ReplyCheck.OFF:
            return
        notes.compared = True
        notes.names |= self._vocabulary.names
        if notes.check is ReplyCheck.STRICT:
            self.check(reply, _CODE, "the reply")
            return
        known = self._vocabulary.elements
        if known and str(reply.tag) not in known:
            raise CallFailed(OutcomeKind.INVALID, _CODE, "the reply is no element of its schema")
        message = self._unsigned(reply)
        if _SIZE(message) > _LARGE:
            if not _is_large_valid(self._schema, message):
                missing = self._take_large(message)
                notes.differ(MORE)
                for name, is_inside, expected in missing:
                    above = (part if is_inside else part.getparent() for part in reply.iter(f"{{*}}{name}"))
                    notes.gaps += [(part, one) for part in above if part is not None for one in expected]
                new = [part for part in reply.iter("*") if part is not reply and not self._vocabulary.knows(part)]
                notes.gaps += [(part.getparent(), part) for part in new]
        elif not is_valid(self._schema, message, _CODE, "the reply"):
            Differences(self._vocabulary, self._schema, self._loose, message, reply).settle(notes)

    def _unsigned(self, message: etree._Element) -> etree._Element:
        """Return the message, or a copy without signatures unknown to the schema."""
        if SIGNATURE in self._vocabulary.elements or next(message.iter(SIGNATURE), None) is None:
            return message
        if _SIZE(message) <= _LARGE and is_valid(self._schema, message, _CODE, "the message"):
            return message  # it is open content
        copy = deepcopy(message)
        for signature in list(copy.iter(SIGNATURE)):
            take_out(signature)
        return copy

    def _take_large(self, message: etree._Element) -> set[Missing]:
        """Return missing elements of a large message.

        Raises:
            CallFailed: there are errors other than unknown or missing elements.
        """
        if self._loose is not None and _SIZE(message) <= _LARGEST:
            rest = deepcopy(message)
            for element in [odd for odd in rest.iter("*") if not self._vocabulary.knows(odd)]:
                above = element.getparent()
                if above is not None and not _is_in_text(element, above):
                    above.remove(element)
            if _is_large_valid(self._loose, rest):
                return {gap for gap in map(missing_in, _errors(self._schema, rest, _LARGE)) if gap is not None}
        raise CallFailed(OutcomeKind.INVALID, _CODE, "the reply breaks its schema, in a large message", at_scale=True)


def _is_in_text(element: etree._Element, above: etree._Element) -> bool:
    """Whether an element splits a text, of which readers would get the first half."""
    return bool((above.text or "").strip() or (element.tail or "").strip())


def _is_large_valid(schema: etree.XMLSchema, message: etree._Element) -> bool:
    """Validate while parsing, which can stop at the first error."""
    return not _CROWDED(message) and not _errors(schema, message, 1)  # all errors of one tag come at once


def _errors(schema: etree.XMLSchema, message: etree._Element, most: int) -> list[str]:
    """Return libxml2's errors while parsing, at most `most`."""
    # Huge texts are let through: what was parsed once within its limit may have grown by attachments put into it.
    parser = etree.XMLParser(schema=schema, resolve_entities=False, no_network=True, huge_tree=True)
    content = etree.tostring(message, encoding="utf-8", with_tail=False)
    try:
        for begin in range(0, len(content), _PIECE):
            parser.feed(content[begin : begin + _PIECE])
            if len(parser.feed_error_log) >= most:
                break
        else:
            parser.close()
    except etree.XMLSyntaxError as error:
        return [entry.message for entry in parser.feed_error_log] or [str(error)]
    return [entry.message for entry in parser.feed_error_log]


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
    def checker(self) -> Checker:
        """What checks against it."""
        files = _documents(self.path)
        schema = etree.XMLSchema(file=str(self.path))
        texts = {str(file): etree.tostring(root, encoding="utf-8") for file, root in files.items()}
        return Checker(schema, vocabulary_of(files.values()), loosened(texts, str(self.path.resolve())))

    @cached_property
    def model(self) -> SchemaModel:
        """What the schema allows, for proofs of what is declared over it."""
        return SchemaModel(_documents(self.path).values())

    @cached_property
    def spaces(self) -> frozenset[str | None]:
        """The namespaces that it declares elements in, and none."""
        return frozenset(root.get("targetNamespace") for root in _documents(self.path).values()) | {None}

    def check(self, message: etree._Element, notes: Notes | None = None) -> None:
        """Check a message, and give it the root that it lacks.

        Args:
            message: the content of a reply.
            notes: how strictly, and where to count differences: a lookup's `source.notes`. None: strictly.

        Raises:
            CallFailed: `reply.schema`, naming the element that breaks the schema, never its value.
        """
        if not str(message.tag).startswith("{"):
            message.tag = self.root
            message.attrib.pop(XSI_TYPE, None)
        self.checker.take(message, notes if notes is not None else Notes())


def _documents(entry: Path) -> dict[Path, etree._Element]:
    """Return the roots of a schema and of included or imported files; other locations are skipped."""
    documents: dict[Path, etree._Element] = {}
    waiting = [entry.resolve()]
    while waiting:
        file = waiting.pop()
        if file in documents or not file.is_file():
            continue
        documents[file] = root = etree.parse(file).getroot()
        for node in root.iterchildren(*(f"{{{XSD}}}{name}" for name in ("import", "include", "redefine", "override"))):
            waiting.append((file.parent / unquote(node.get("schemaLocation", ""))).resolve())
    return documents
