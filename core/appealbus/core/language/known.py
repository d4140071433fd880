"""Translates stored English texts of the program for readers.

Only the text is stored, so old entries are translated too, without storing a sender's data for it.
"""

import re
from collections.abc import Iterable

from appealbus.core.lazy_text import Translator

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_LONGEST = 1000


class Known:
    """A set of known texts, with variables in braces: `the list has {size} entries`."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._whole: set[str] = set()
        self._shaped: list[tuple[str, re.Pattern[str]]] = []
        for text in texts:
            pattern = _PLACE.sub(r"(?P<\1>.{1,500}?)", re.escape(text))
            if "{" in text:
                self._shaped.append((text, re.compile(pattern)))
            else:
                self._whole.add(text)

    def tell(self, written: str, to: Translator) -> str | None:
        """Translate a text and any known texts within; None if unknown."""
        if written in self._whole:
            return to.say(written)
        if len(written) < _LONGEST:
            for text, pattern in self._shaped:
                if match := pattern.fullmatch(written):
                    values = {name: self.tell(value, to) or value for name, value in match.groupdict().items()}
                    return to.say(text, **values)
        return None
