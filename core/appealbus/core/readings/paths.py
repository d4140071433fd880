"""Paths into a reply.

`LeftSide/Side[*]`, `Type/@code`, `Payload/xml()/Person/name`. Names are local names: namespaces are ignored.
"""

import itertools
import re
from dataclasses import dataclass

from appealbus.core.errors import AppealBusError

_NAME = r"[^\W\d][\w.\-]*"
_STEP = re.compile(rf"({_NAME})(\[\*\])?")
_ATTRIBUTE = re.compile(rf"@{_NAME}")

XML = "xml()"
REST = "*"
SELF = "."


class DeclarationError(AppealBusError):
    """A declaration that can never work: the message names the field or the path, and says what to write."""


@dataclass(frozen=True, slots=True)
class ReplyPath:
    """A parsed path.

    Attributes:
        text: as it was written.
        steps: names of elements from outside in, and `xml()` where the text of an element is parsed as XML.
        each: for every step, whether all that match are meant (`[*]`), not the first alone.
        end: `@name` for an attribute of the last element, `*` for what no other field takes; empty for the element.

    """

    text: str
    steps: tuple[str, ...]
    each: tuple[bool, ...]
    end: str = ""

    @property
    def repeats(self) -> bool:
        """Whether it leads to several values."""
        return any(self.each)

    def repeated(self) -> "ReplyPath":
        """Return the path with `[*]` at its last step, for a list whose path does not say so itself."""
        if self.repeats or not self.steps:
            return self
        return ReplyPath(self.text, self.steps, (*self.each[:-1], True), self.end)


def parse_reply_path(text: str) -> ReplyPath:
    """Parse a path.

    Raises:
        DeclarationError: it does not follow the grammar.

    """
    if text == SELF:
        return ReplyPath(text, (), ())
    parts = text.split("/")
    end = parts.pop() if parts[-1] == REST or parts[-1].startswith("@") else ""
    if end.startswith("@") and not _ATTRIBUTE.fullmatch(end):
        raise DeclarationError(f"the path {text!r}: {end!r} is not the name of an attribute such as @code")
    steps: list[str] = []
    each: list[bool] = []
    for part in parts:
        match = _STEP.fullmatch(part)
        if part != XML and match is None:
            raise DeclarationError(
                f"the path {text!r}: {part!r} is not the name of an element, a name and [*], or xml(); "
                "@name and * may only end a path"
            )
        steps.append(part if match is None else match[1])
        each.append(match is not None and match[2] is not None)
    doubled = any(one == other == XML for one, other in itertools.pairwise(steps))
    if steps and (steps[0] == XML or steps[-1] == XML or doubled):
        raise DeclarationError(f"the path {text!r}: xml() stands between an element and what is inside its text")
    return ReplyPath(text, tuple(steps), tuple(each), end)
