"""Tables that R made of public series; they lie beside the project, since their licence is not ours."""

import csv
from functools import cache
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parents[3]
_PLACES = [folder / "shared" / "reference" for folder in (_PROJECT.parent, _PROJECT.parent.parent)]
FOLDER = next((place for place in _PLACES if place.is_dir()), _PLACES[0])
NEEDED = pytest.mark.skipif(not FOLDER.is_dir(), reason="the reference tables of R do not lie beside the project")


@cache
def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table, without the blanks that pad them."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(file)]


def salmonella() -> list[int]:
    """Return 312 weekly counts, the first of the week of 1 January 1990."""
    return [int(row["count"]) for row in table("salmonella_agona")]
