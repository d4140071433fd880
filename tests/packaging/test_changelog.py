"""The changelog tells of the version that this is."""

import re
from pathlib import Path

from appealbus.core import __version__

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
HEADING = re.compile(r"^## \[([^\]]+)\](?: - \d{4}-\d\d-\d\d)?$", re.MULTILINE)


def number(version):
    return tuple(map(int, version.split(".")))


def test_the_newest_changes_are_those_of_this_version():
    """The first heading is this version, or *Unreleased* with a line that names it; below it versions only fall."""
    text = CHANGELOG.read_text()
    first, *rest = HEADING.findall(text)
    if first == "Unreleased":
        told = re.search(r"^## \[Unreleased\]\n\nVersion (\S+?)[:.]? ", text, re.MULTILINE)
        assert told is not None
        first = told[1]
    assert first == __version__
    assert sorted([first, *rest], key=number, reverse=True) == [first, *rest]
