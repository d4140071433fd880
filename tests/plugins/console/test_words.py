"""The words of the console: all that it says is there in three languages, and nothing else is in the catalogues."""

from pathlib import Path

import pytest

from appealbus.plugins.console.words import folders
from tests.plugins.console.said import LANGUAGES, catalogue, missing, of_folder


@pytest.mark.parametrize("folder", folders(), ids=lambda path: path.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_said_is_in_the_catalogue(folder: Path, language: str) -> None:
    """Of a view in its own or the console's; what nobody says any more is gone."""
    assert missing(folder, language) == set()
    assert catalogue(folder, language) <= of_folder(folder)
    assert of_folder(folder)
