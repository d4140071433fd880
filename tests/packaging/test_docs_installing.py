"""How people are told to install it: from a checkout or a wheel, for no index has our name, and anybody may take it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.wheels import ROOT, build

NAMED = re.compile(
    r"\b(?:pip3?|pipx|uv(?: pip)?|uvx|poetry)\s+(?:install|add|run|download|inject|tool install)?\b"
    r"[^\n`]*?(?<![\w./\\-])appealbus(?:-client|-simulator)?(?:\[[^\]]*\])?(?=['\"\s`.,;:)=<>~]|$)",
)
"""A command that would ask an index for our name."""
TOLD = re.compile(
    r"pip install (?:'\.\[\w+\]'|\"\$\([^`\n]*?\)\[\w+\]\"|\./client|\. \./simulator|"
    r"(?:--no-deps )?dist/appealbus[\w-]*\*\.whl)"
)
"""A command that installs from here."""
SOURCES = ("core", "plugins", "connectors", "schemas", "client", "simulator")
FOLDERS = ("docs", "examples", "deploy", "benchmarks", *SOURCES)
KINDS = {".md", ".py", ".po", ".toml", ".sh", ".yml", ".yaml", ".txt", ".service", ""}


def texts() -> dict[str, str]:
    """Return by name what we tell people, and what the program does."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    files = [ROOT / name for name in tracked if Path(name).parts[0] in FOLDERS] or [
        each for folder in FOLDERS for each in (ROOT / folder).rglob("*")
    ]
    files += [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", ROOT / "pyproject.toml"]
    read = [each for each in files if each.suffix in KINDS and each.is_file() and each.name != "package-lock.json"]
    return {str(each.relative_to(ROOT)): each.read_text(encoding="utf-8", errors="replace") for each in read}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "pip install 'appealbus[api]'",
            "pip install appealbus",
            "pip install appealbus-client",
            "pip install . appealbus-simulator",
            "`pip install appealbus`",
        ),
        *('pip install -U "appealbus"', "uv pip install appealbus==0.2", "pipx install appealbus", "uv add appealbus"),
    ],
)
def test_a_bare_name_is_found(text: str) -> None:
    """In all the ways in which people write it."""
    assert NAMED.search(text)


def test_nobody_is_told_a_bare_name() -> None:
    """Neither by a page nor by the program."""
    told = texts()
    assert {"README.md", "docs/api.md", "plugins/appealbus/plugins/api/command.py"} <= told.keys()
    assert {name: found[0] for name, text in told.items() if (found := NAMED.search(text))} == {}


def test_what_is_told_installs(wheel: Path, tmp_path: Path) -> None:
    """Each command works in a checkout with the wheels that docs/production.md builds there, and every extra is one."""
    commands = {found for text in texts().values() for found in TOLD.findall(text)}
    assert {"pip install '.[api]'", "pip install ./client", "pip install '.[postgres]'"} <= commands
    assert "pip install . ./simulator" in commands
    assert any("dist/appealbus-*.whl" in each and "[api]" in each for each in commands)
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "benchmarks")
    shutil.copytree(ROOT, checkout, ignore=ignored)
    (checkout / "dist").mkdir()
    shutil.copy(wheel, checkout / "dist")
    for folder in ("client", "simulator"):
        build(ROOT / folder, "wheel", checkout / "dist")
    for command in sorted(commands):
        # What it needs comes from an index, and is not the matter here.
        given = "--no-index --no-deps --no-build-isolation --disable-pip-version-check --dry-run --ignore-installed"
        there = command.replace("pip install", f"'{sys.executable}' -m pip install {given}", 1)
        done = subprocess.run(
            ["bash", "-c", there], cwd=checkout, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, (command, done.stderr)
        assert "Would install appealbus" in done.stdout
        assert "does not provide the extra" not in done.stdout + done.stderr
