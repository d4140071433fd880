"""Prose that is read once: short sentences, and none of the words that the project has given up."""

import re
from pathlib import Path

import pytest

from tests.packaging.test_budget import REWRITTEN

ROOT = Path(__file__).parents[2]
PAGES = [each for each in sorted((ROOT / "docs").glob("*.md")) if each.name not in REWRITTEN]
LONGEST = 30
"""Words of a sentence."""
GIVEN_UP = {
    "told.py": "lazy_text.py",
    "doors.py": "plugin_calls.py",
    "kinds.py": "extension_points.py",
    "own_file.py": "sidecar.py",
    "telling.py": "a presenter",
    "sight.py": "queries.py",
    "seeing.py": "pages.py",
    "doing.py": "actions.py",
    "giving_back.py": "form_repopulation.py",
}
"""Names of modules that may not come back, with the word of the field."""
_NO_PROSE = re.compile(r"```.*?```|<!-- settings: .*?<!-- end -->|^ *\|.*?$|^#.*?$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_BLOCK = re.compile(r"\n\s*\n|\n\s*(?:[-*]|\d+\.)\s")
_END = re.compile(r"(?<=[.!?:;])[*)»”\"]*\s+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_are_short(page: Path) -> None:
    """Tables and code aside."""
    text = _LINK.sub(r"\1", _CODE.sub("code", _NO_PROSE.sub("\n\n", page.read_text(encoding="utf-8"))))
    sentences = [" ".join(each.split()) for block in _BLOCK.split(text) for each in _END.split(block)]
    assert [each for each in sentences if len(each.split()) > LONGEST] == []


def test_words_given_up_stay_away() -> None:
    """No module has a name of the dialect that the project once had."""
    folders = ("core", "plugins", "connectors", "schemas", "client", "simulator")
    names = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py")}
    assert names & GIVEN_UP.keys() == set()
