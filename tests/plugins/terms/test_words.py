"""The words of terms, in Kazakh and Russian."""

import inspect
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from appealbus.plugins import terms
from appealbus.plugins.terms import formatting, words
from appealbus.schemas.base import Word
from tests.plugins.terms.making import LAW

ASSUMED_AROUND_A_TERM = {"redirect", "extension_notice", "objections", "termination_notice", "execution"}
ASSUMED_AROUND_A_TERM |= {"complaint_filing", "complaint_forwarding"}
"""What is assumed of these no term rests on."""


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_every_word_is_in_the_catalogue(language: str) -> None:
    """Each word of the plugin's lists, and each assumption of a term in the data; and no other."""
    found = [each for module in (words, formatting) for _, each in inspect.getmembers(module, inspect.isclass)]
    lists = {each for each in found if issubclass(each, Word) and each is not Word}
    wanted = {(each.__name__, word.value) for each in lists for word in each}
    norms = [each for each in LAW.norms.norms if each.what not in ASSUMED_AROUND_A_TERM]
    assumed = {text for norm in norms for text in norm.assumed}
    assumed |= {each.assumed for each in LAW.norms.doubts}
    assumed |= {LAW.norms.day_ends_assumed, *LAW.calendar.assumed.values()}
    path = Path(terms.__file__).parent / "locale" / language / "LC_MESSAGES" / "appealbus.po"
    with path.open("rb") as file:
        told = {(each.context, each.id) for each in read_po(file) if each.id}
    assert told == wanted | {("Assumption", text) for text in assumed}
