"""docs/design.md: every module of the parts that it explains, and a test behind every promise."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PARTS = ("bus", "domain", "enrichment", "journal", "loading", "planning", "plugin_calls", "preparation", "process")


@pytest.mark.parametrize("part", [*PARTS, "bus/delivery", "bus/duties", "bus/intake", "bus/work"])
def test_every_module_has_its_place(part: str) -> None:
    """Whoever opens one of these folders finds each of its modules on the page."""
    modules = [path.stem for path in (ROOT / "core/appealbus/core" / part).glob("*.py") if path.stem != "__init__"]
    assert modules
    assert [name for name in modules if not re.search(rf"[`/]{name}`", PAGE)] == []


def test_every_promise_is_proved() -> None:
    """Each names tests that are there."""
    rows = [line for line in PAGE.partition("## What it promises")[2].splitlines() if re.match(r"\| \d", line)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        proofs = TEST.findall(row)
        assert proofs, row
        for file, name in proofs:
            assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")
