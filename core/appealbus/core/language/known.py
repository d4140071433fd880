"""Texts that the program writes in English, for journals and programs, told in the reader's language.

What is kept is the text and nothing else: so what was kept years ago is told as well, and nothing that a sender wrote
has to be kept for it.
"""

import re
from collections.abc import Iterable

from appealbus.core.lazy_text import Translator

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_LONGEST = 1000
"""Characters of what is looked at: what is longer nobody has foreseen."""


class Known:
    """Texts that are known.

    Args:
        texts: as they are written, with what differs from one to another in braces: `the list has {size} entries`.

    """

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
        """Return a text in the language of who reads, and so what stands in it that is known; None: nobody knows it."""
        if written in self._whole:
            return to.say(written)
        if len(written) < _LONGEST:
            for text, pattern in self._shaped:
                if found := pattern.fullmatch(written):
                    values = {name: self.tell(value, to) or value for name, value in found.groupdict().items()}
                    return to.say(text, **values)
        return None
