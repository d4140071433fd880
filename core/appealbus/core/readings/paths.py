"""Paths into a reply.

`LeftSide/Side[*]`, `Owner[1]/Name`, `Type/@code`, `Payload/xml()/Person/name`. Names are local: namespaces are
ignored.
"""

import itertools
import re
from dataclasses import dataclass, replace

from appealbus.core.errors import AppealBusError

_NAME = r"[^\W\d][\w.\-]*"
_STEP = re.compile(rf"({_NAME})(\[\*\]|\[1\])?")
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
        steps: element names, outermost first; `xml()` where text is parsed as XML.
        each: per step, whether all matches count (`[*]`), or the first.
        firsts: steps with an explicit `[1]`, whatever the contract allows.
        end: `@name` for an attribute, `*` for untaken content, or empty for the element.
    """

    text: str
    steps: tuple[str, ...]
    each: tuple[bool, ...]
    end: str = ""
    firsts: frozenset[int] = frozenset()

    @property
    def repeats(self) -> bool:
        return any(self.each)

    def repeated(self) -> "ReplyPath":
        """Return the path with `[*]` at its last step, unless another step repeats."""
        return self if self.repeats else self.every()

    def every(self) -> "ReplyPath":
        """Return the path with `[*]` at its last step in any case; DeclarationError if the step has `[1]`."""
        if len(self.steps) - 1 in self.firsts:
            raise DeclarationError(f"the path {self.text!r}: a list takes all that stand there, not [1]")
        return replace(self, each=(*self.each[:-1], True)) if self.steps else self


def parse_reply_path(text: str) -> ReplyPath:
    """Parse a path; DeclarationError for a syntax error."""
    if text == SELF:
        return ReplyPath(text, (), ())
    parts = text.split("/")
    end = parts.pop() if parts[-1] == REST or parts[-1].startswith("@") else ""
    if end.startswith("@") and not _ATTRIBUTE.fullmatch(end):
        raise DeclarationError(f"the path {text!r}: {end!r} is not the name of an attribute such as @code")
    steps: list[str] = []
    repeated: list[bool] = []
    for part in parts:
        match = _STEP.fullmatch(part)
        if part != XML and match is None:
            raise DeclarationError(
                f"the path {text!r}: {part!r} is not the name of an element, a name with [*] or [1], or xml(); "
                "@name and * may only end a path"
            )
        steps.append(part if match is None else match[1])
        repeated.append(match is not None and match[2] == "[*]")
    doubled = any(one == other == XML for one, other in itertools.pairwise(steps))
    if steps and (steps[0] == XML or steps[-1] == XML or doubled):
        raise DeclarationError(f"the path {text!r}: xml() stands between an element and what is inside its text")
    firsts = frozenset(i for i, part in enumerate(parts) if part.endswith("[1]"))
    return ReplyPath(text, tuple(steps), tuple(repeated), end, firsts)
