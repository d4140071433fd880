"""How the content of a question lies in a gateway's message: a service wants it in one way."""

from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """How the content of a question lies in a gateway's message."""

    CHILD = "child"
    """As one child element of `data`."""
    BARE = "bare"
    """Its children directly in `data`."""
    TYPED = "typed"
    """Its children directly in `data`, which has their type as xsi:type."""
    TEXT = "text"
    """As escaped text of the type xs:string."""
    CDATA = "cdata"
    """As text in a CDATA section."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a service wants its content to lie in a gateway's message. Wires without such a place ignore it.

    Attributes:
        shape: how it lies there.
        type_name: for `typed`, the name of the type as `{namespace}name`; None: the content's own name.
        signed: whether the service takes signed content alone (XML Signature, enveloped).

    """

    shape: Shape = Shape.CHILD
    type_name: str | None = None
    signed: bool = False
