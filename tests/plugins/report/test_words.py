"""The words of reports, in Kazakh and Russian."""

import inspect
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from appealbus.plugins import report
from appealbus.plugins.report import words
from appealbus.plugins.report.words import Column, Formula
from appealbus.schemas.base import Word


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_every_word_is_in_the_catalogue(language: str) -> None:
    """Each word of the plugin's lists has a translation, and there is no other."""
    lists = [each for _, each in inspect.getmembers(words, inspect.isclass) if issubclass(each, Word)]
    wanted = {(each.__name__, word.value) for each in lists if each is not Word for word in each}
    path = Path(report.__file__).parent / "locale" / language / "LC_MESSAGES" / "appealbus.po"
    with path.open("rb") as file:
        told = {(each.context, each.id) for each in read_po(file) if each.id and each.string}
    assert told == wanted


def test_every_column_has_its_formula() -> None:
    """Each column has a footnote, in the same order."""
    assert [each.name for each in Column] == [each.name for each in Formula]
