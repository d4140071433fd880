"""The words of the console: all that it says is there in three languages, and nothing else is in the catalogues."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core.domain.pauses import Period
from appealbus.core.language import ReaderLanguage
from appealbus.plugins.console.words import Words, folders
from tests.plugins.console.said import LANGUAGES, catalogue, missing, of_folder, translations


@pytest.mark.proof
@pytest.mark.parametrize("folder", folders(), ids=lambda path: path.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_said_is_in_the_catalogue(folder: Path, language: str) -> None:
    """Of a view in its own or the console's; what nobody says any more is gone."""
    assert missing(folder, language) == set()
    assert catalogue(folder, language) <= of_folder(folder)
    assert of_folder(folder)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_several_views_say_is_said_alike(language: str) -> None:
    """Whichever catalogue is read first, all read the same words; what means something else is said otherwise."""
    said: dict[str, dict[str, Any]] = {}
    for folder in folders():
        for text, words in translations(folder, language).items():
            said.setdefault(text, {})[folder.name] = words
    assert {text: by for text, by in said.items() if len(set(map(str, by.values()))) > 1} == {}


def test_days_begin_where_terms_and_quotas_have_them_begin() -> None:
    """By Kazakhstan's clock, wherever the machine is; and that clock is named with the times."""
    words = Words(ReaderLanguage.ENGLISH)
    before, after = datetime(2026, 11, 26, 18, 59, tzinfo=UTC), datetime(2026, 11, 26, 19, 0, tzinfo=UTC)
    assert [words.today(each) for each in (before, after)] == [date(2026, 11, 26), date(2026, 11, 27)]
    assert Period.DAY.begins(after) == after
    assert words.moment(before) == "26 Nov 2026, 23:59:00"
    assert words.left(date(2026, 11, 27), after) == "today"
    assert words.zone_said(after) == "GMT+05:00"


def test_times_are_told_in_their_largest_unit() -> None:
    """A whole day is a day; what is no whole one is told in hours up to two days, and no day is lost."""
    words = Words(ReaderLanguage.ENGLISH)
    told = {86_400: "1 day", 90_000: "25 hours", 3600: "1 hour", 5400: "90 minutes", 61: "1 minute", 59: "59 s"}
    assert {seconds: words.lasted(timedelta(seconds=seconds)) for seconds in told} == told
    assert words.lasted(None) == ""
