"""docs/operating.md: every command and every log event, with its keys."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from appealbus.core.cli import exits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## The log")[2]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
EVENT = re.compile(r"[a-z_]+(\.[a-z_]+)+")


# In a process of its own: building the program sets logging up.
COMMANDS = """
from typer.main import get_command

from appealbus.core.cli.context import Cli
from appealbus.core.cli.main import build

def below(group, prefix):
    for name in group.list_commands(None):
        each = group.get_command(None, name)
        if hasattr(each, "commands"):
            below(each, f"{prefix} {name}")
        else:
            print(prefix, name)

below(get_command(build(Cli(None))), "appealbus")
"""


@cache
def events() -> dict[str, set[str]]:
    """Find every event that is logged, with the keys that it may have. It takes long: not while collecting."""
    found: dict[str, set[str]] = defaultdict(set)
    for part in ("core", "connectors", "plugins", "simulator"):
        for file in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                    continue
                name = next((arg.value for arg in node.args if isinstance(arg, ast.Constant)), None)
                if node.func.attr in LEVELS and isinstance(name, str) and EVENT.fullmatch(name):
                    found[name] |= {keyword.arg for keyword in node.keywords if keyword.arg} - {"exc_info"}
    return found


def test_the_events_are_found() -> None:
    """The other tests would be empty otherwise."""
    assert {"bus.started", "appeal.enriched", "library.message", "program.crashed"} <= set(events())


def test_every_command_is_on_the_page(tmp_path: Path) -> None:
    """As one would type it, those of plugins included."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    commands = done.stdout.splitlines()
    assert {"appealbus run", "appealbus quarantine replay", "appealbus simulate"} <= set(commands)
    assert [command for command in commands if f"`{command}" not in PAGE] == []


def test_every_event_is_on_the_page_with_its_keys() -> None:
    """Exactly those that the code gives it."""
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \|([^|]*)", TABLE, re.MULTILINE))
    on_page = {event: set(re.findall(r"`(\w+)`", rows[event])) if event in rows else "no row" for event in events()}
    assert on_page == events()


def test_no_event_is_on_the_page_that_the_code_does_not_know() -> None:
    """A row that outlived its event misleads."""
    assert set(re.findall(r"^\| `([a-z_]+(?:\.[a-z_]+)+)` \|", TABLE, re.MULTILINE)) == set(events())


@pytest.mark.parametrize("code", [name for name in vars(exits) if name.startswith("EXIT_")])
def test_every_exit_code_is_on_the_page(code: str) -> None:
    """In the table of exit codes."""
    assert re.search(rf"^\| {getattr(exits, code)} \| ", PAGE, re.MULTILINE)


@pytest.mark.parametrize("number", [*range(1, 15), 16, 17])
def test_every_promise_names_the_tests_that_prove_it(number: int) -> None:
    """docs/design.md says where each promise is proved, and the tests are there."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {number} \| .*$", page, re.MULTILINE)
    assert row
    named = re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", row[0])
    assert named
    for file, test in named:
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test
