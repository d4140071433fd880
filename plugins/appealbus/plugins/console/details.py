"""Translates English details of the bus and of links, written for logs and programs, where the text is known."""

import re
from typing import NamedTuple

from appealbus.core.language import Known, ReaderLanguage, problems_told
from appealbus.plugins.console.words import Words

_CODE = re.compile(r"^[a-z_.]{1,40}: ")


class Detail(NamedTuple):
    text: str
    lang: str


class Details:
    """The translatable texts.

    Args:
        texts: with the variable parts in braces: `not JSON, at character {n}`.
    """

    def __init__(self, *texts: str) -> None:
        self._known = Known(texts)

    def of(self, written: str, words: Words) -> Detail:
        if words.language is not ReaderLanguage.ENGLISH:
            found = self._known.tell(written, words) or self._known.tell(_CODE.sub("", written), words)
            if found is not None:
                return Detail(found, words.language.value)
        return Detail(written, ReaderLanguage.ENGLISH.value)

    def parts(self, written: str, words: Words) -> list[Detail]:
        """Translate a whole text; if it is unknown, each of the field problems in it."""
        whole = self.of(written, words)
        if not written or whole.lang != ReaderLanguage.ENGLISH or words.language is ReaderLanguage.ENGLISH:
            return [whole] if written else []
        lang = words.language.value
        return [
            Detail(problem.text, lang if problem.known else ReaderLanguage.ENGLISH.value)
            for problem in problems_told(written, words)
        ]
