"""What a source's messages must look like, as a wire knows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree


@dataclass(frozen=True, slots=True)
class MessageContract:
    """The contract of one question and its answer. Elements are names in the form `{namespace}local`.

    Attributes:
        schemas: the roots of all XSD documents.
        request: the element of the request; None: not known, or there is none.
        reply: the element of the answer; None: not known, or there is none.

    """

    schemas: Sequence[etree._Element]
    request: str | None = None
    reply: str | None = None
