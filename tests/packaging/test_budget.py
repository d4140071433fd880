"""What the project may weigh. Whoever needs more raises a number here, in a commit of its own that says why."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = {
    "core": 53_600,
    "plugins": 23_050,
    "connectors": 13_150,
    "schemas": 4_300,
    "client": 1_600,
    "simulator": 5_900,
}
"""Lines of Python, tests not counted."""
WORDS = 55_000
"""Words of docs, without the tables of settings, which are generated, and the pages in REWRITTEN."""
REWRITTEN = {"operating.md", "production.md", "metrics.md"}
SETTINGS = 360
WALK = {"an appeal": 127, "a dossier by the API": 47, "many held": 55}
"""Files of ours that one of them passes."""
VAGUE = {"each": 135, "found": 96, "told": 34}
"""Variables of these names: the noun of what one holds says more."""
RETIRED = {"Asked", "Deeds", "Seen", "Shown", "Sight", "Told", "Verdict", "Wanted", "What", "Wish"}
"""Names of classes that said nothing of what they hold, and several had the same; `Asked` is public in the kit."""
_WALKED = re.compile(r"^(.*): (\d+) files$", re.MULTILINE)
_TABLE = re.compile(r"<!-- settings: .*?<!-- end -->", re.DOTALL)


def test_lines() -> None:
    """No folder has more lines than it may."""
    hold({top: sum(map(lines, (ROOT / top).rglob("*.py"))) for top in LINES}, LINES)


def test_words_and_settings() -> None:
    """Docs are no longer, and settings no more, than they may be."""
    pages = {each.name: each.read_text(encoding="utf-8") for each in (ROOT / "docs").glob("*.md")}
    words = sum(len(_TABLE.sub("", text).split()) for name, text in pages.items() if name not in REWRITTEN)
    settings = pages["configuration.md"].count("\n| `")
    hold({"words": words, "settings": settings}, {"words": WORDS, "settings": SETTINGS})


def test_vague_names() -> None:
    """No more variables are named so than there are."""
    trees = (ast.parse(file.read_bytes()) for top in LINES for file in (ROOT / top).rglob("*.py"))
    stored = Counter(
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    hold({name: stored[name] for name in VAGUE}, VAGUE)


def test_retired_names_do_not_come_back() -> None:
    """No class of ours is named so again."""
    found = {
        f"{file.relative_to(ROOT)}: {node.name}"
        for top in LINES
        for file in (ROOT / top).rglob("*.py")
        for node in ast.parse(file.read_bytes()).body
        if isinstance(node, ast.ClassDef) and node.name in RETIRED
    }
    assert found == {"core/appealbus/core/testing/asking.py: Asked"}


@pytest.mark.proof
def test_walk() -> None:
    """Who follows an appeal, a read or an operation of many through the code opens no more files than this."""
    command = [sys.executable, "benchmarks/walk.py"]
    ran = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=400)
    hold({name: int(number) for name, number in _WALKED.findall(ran.stdout)}, WALK)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def hold(counted: dict[str, int], budget: dict[str, int]) -> None:
    table = "\n".join(f"{name:22}{number:8,} of {budget[name]:,}" for name, number in counted.items())
    print(table)
    assert counted.keys() == budget.keys()
    assert all(number <= budget[name] for name, number in counted.items()), f"over the budget:\n{table}"
