"""What the bus or a link wrote in English, for logs and programs, told in the reader's language where it is known."""

import re
from typing import NamedTuple

from appealbus.core.language import ReaderLanguage
from appealbus.core.language.known import Known
from appealbus.core.language.problems import problems_told
from appealbus.plugins.console.words import Words

_CODE = re.compile(r"^[a-z_.]{1,40}: ")


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
        self._known = Known(texts)

    def of(self, written: str, words: Words) -> Detail:
        """Return a text in the reader's language where it is one of these, else as it was written."""
        if words.language is not ReaderLanguage.ENGLISH:
            found = self._known.tell(written, words) or self._known.tell(_CODE.sub("", written), words)
            if found is not None:
                return Detail(found, words.language.value)
        return Detail(written, ReaderLanguage.ENGLISH.value)

    def parts(self, written: str, words: Words) -> list[Detail]:
        """Return it so, or else what it says is wrong with each field of a message, each with the language it is in."""
        whole = self.of(written, words)
        if not written or whole.lang != ReaderLanguage.ENGLISH or words.language is ReaderLanguage.ENGLISH:
            return [whole] if written else []
        lang = words.language.value
        return [
            Detail(each.text, lang if each.known else ReaderLanguage.ENGLISH.value)
            for each in problems_told(written, words)
        ]
