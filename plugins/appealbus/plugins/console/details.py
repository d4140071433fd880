"""What the bus or a link wrote in English, for logs and programs, told in the reader's language where it is known."""

import re
from typing import NamedTuple

from appealbus.core.language import ReaderLanguage
from appealbus.plugins.console.words import Words

_PLACE = re.compile(r"\\\{(\w+)\\\}")
_LONGEST = 1000
"""Characters of what is looked at: what is longer nobody has foreseen."""


class Detail(NamedTuple):
    """A text with the language that it is in."""

    text: str
    lang: str


class Details:
    """Texts that are known.

    Args:
        texts: as they are written, with what differs from one to another in braces: `not JSON, at character {n}`.

    """

    def __init__(self, *texts: str) -> None:
        self._known = [
            (text, re.compile(r"(?:[a-z_.]{1,40}: )?" + _PLACE.sub(r"(?P<\1>.{1,200}?)", re.escape(text))))
            for text in texts
        ]

    def of(self, written: str, words: Words) -> Detail:
        """Return a text in the reader's language where it is one of these, else as it was written."""
        if words.language is not ReaderLanguage.ENGLISH and len(written) < _LONGEST:
            for text, pattern in self._known:
                if found := pattern.fullmatch(written):
                    return Detail(words.say(text, **found.groupdict()), words.language.value)
        return Detail(written, ReaderLanguage.ENGLISH.value)
