"""Safe terminal output: text from strangers must not control the terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from appealbus.core.escaping import escaped, one_line

_UNWRAPPED = 1_000_000
"""Width for files and pipes, which are not wrapped. Longer than any field of an appeal but the text."""


class Terminal(Console):
    """A console that escapes control characters everywhere. Output to files and pipes is neither wrapped nor padded."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **given})
        if not self.is_terminal and "width" not in given:
            self.width = _UNWRAPPED

    def print(self, *objects: Any, lines: bool = False, **how: Any) -> None:
        """Print; a string stays one line, with line breaks escaped, unless `lines` allows more."""
        written = escaped if lines else one_line
        how.setdefault("soft_wrap", all(isinstance(part, str) for part in objects))
        shown = [Text(written(part)) if isinstance(part, str) else part for part in objects]
        super().print(*shown, **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        segments = (
            segment if segment.control else Segment(escaped(segment.text), segment.style)
            for segment in super().render(renderable, options)
        )
        return segments if self.is_terminal else _without_blank_ends(segments)


def say(text: str, *, err: bool = False, lines: bool = False) -> None:
    """Print a line for people, from commands without other output."""
    Terminal(stderr=err).print(text, lines=lines)


def _without_blank_ends(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Strip the padding at the ends of a table's lines."""
    line: list[Segment] = []
    for segment in segments:
        line.append(Segment(segment.text.removesuffix("\n"), segment.style, segment.control))
        if not segment.text.endswith("\n"):
            continue
        while line and not line[-1].control and not line[-1].text.strip(" "):
            line.pop()
        if line and not line[-1].control:
            line[-1] = Segment(line[-1].text.rstrip(" "), line[-1].style)
        yield from line
        yield Segment.line()
        line.clear()
    yield from line
