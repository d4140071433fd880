"""The terminal: what is shown there may come from a stranger, and must not steer it."""

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters, what turns the direction of writing, and lone surrogates, which no terminal can be sent.
_STEERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """Return the text with all that steers a terminal written out, as `\\x1b`; newlines and tabs stay."""
    return _STEERS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class Terminal(Console):
    """A console that writes out whatever would steer it, wherever in a table or a sentence it stands."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render for the terminal."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(escaped(segment.text), segment.style)
