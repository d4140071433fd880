"""The schema of a source's messages: what a plugin checks a reply against before it reads it."""

from functools import cached_property
from pathlib import Path

from lxml import etree

from appealbus.core.interfaces.wire import CallFailed, Layer
from appealbus.schemas.outcome import OutcomeKind

_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


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
    def _schema(self) -> etree.XMLSchema:
        return etree.XMLSchema(file=str(self.path))

    @cached_property
    def _names(self) -> frozenset[str]:
        found: set[str] = set()
        for file in self.path.parent.glob("*.xsd"):
            declared = etree.parse(file).iter("{http://www.w3.org/2001/XMLSchema}element")
            found.update(element.get("name", "") for element in declared)
        return frozenset(found)

    def check(self, message: etree._Element) -> None:
        """Check a message, and give it the root that it lacks.

        Raises:
            CallFailed: `reply.schema`, naming the element that breaks the schema, never its value.

        """
        if not str(message.tag).startswith("{"):
            message.tag = self.root
            message.attrib.pop(_XSI_TYPE, None)
        if self._schema.validate(message):
            return
        first = self._schema.error_log.filter_from_errors()[0]
        raise CallFailed(
            OutcomeKind.INVALID,
            "reply.schema",
            f"the reply breaks its schema at {self._where(first.path)}",
            layer=Layer.BUSINESS,
        )

    def _where(self, path: str | None) -> str:
        # The names in a path are the sender's; only those that the schema knows are repeated.
        steps = [step.partition(":")[2] or step for step in (path or "").split("/") if step]
        return "/".join(step if step.partition("[")[0] in self._names else "*" for step in steps) or "its root"
