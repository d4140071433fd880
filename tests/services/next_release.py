"""The release after this one: a copy of the code in which each list has a word more, and each form a field more.

Its programs run with that copy in front of ours, so what they write is written by their own models.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CHANGED = {
    "core/appealbus/core/version.py": [('__version__ = "', '__version__ = "9')],
    "core/appealbus/core/domain/event.py": [
        ("class EventType(StrEnum):\n", 'class EventType(StrEnum):\n    SEALED = "sealed"\n')
    ],
    "schemas/appealbus/schemas/appeal.py": [
        ("class AppealKind(Word):\n", 'class AppealKind(Word):\n    MANIFESTO = "manifesto"\n'),
        ("    place: Place | None = None\n", "    place: Place | None = None\n    tone: Text | None = None\n"),
    ],
    "schemas/appealbus/schemas/outcome.py": [
        (
            "class OutcomeKind(Word):\n",
            'class OutcomeKind(Word):\n    WITHDRAWN = "consent_withdrawn"\n    QUEUED = "queued"\n',
        ),
        ("_FINAL = frozenset({", "_FINAL = frozenset({OutcomeKind.WITHDRAWN, "),
    ],
    "schemas/appealbus/schemas/signal.py": [
        ("class Severity(Word):\n", 'class Severity(Word):\n    URGENT = "urgent"\n'),
    ],
    "schemas/appealbus/schemas/person.py": [
        ("    citizenship: Coded\n", "    citizenship: Coded\n    tax_residence: Coded | None = None\n"),
    ],
    "schemas/appealbus/schemas/provenance.py": [
        ("    purpose: Text\n", '    purpose: Text\n    consent: Text = "c-1"\n'),
    ],
    "schemas/appealbus/schemas/dossier.py": [
        ("    receipt: Receipt\n", '    receipt: Receipt\n    seal: Text = "s-1"\n'),
    ],
}


class NextRelease:
    """One of them, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Make it."""
        self._folder = folder
        for package in ("core", "schemas"):
            shutil.copytree(ROOT / package, folder / package, copy_function=shutil.copy2)
        for name, changes in _CHANGED.items():
            self.change(name, *changes)

    def change(self, name: str, *changes: tuple[str, str]) -> None:
        """Change a file of it."""
        path = self._folder / name
        text = path.read_text()
        for before, after in changes:
            assert before in text, (name, before)
            text = text.replace(before, after, 1)
        path.write_text(text)

    def append(self, name: str, text: str) -> None:
        """Add lines to a file of it."""
        with (self._folder / name).open("a") as file:
            file.write(text)

    def start(self, *command: str, cwd: Path = ROOT) -> "subprocess.Popen[str]":
        """Start a Python program with its code."""
        first = os.pathsep.join(str(each) for each in (self._folder / "core", self._folder / "schemas", ROOT))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("APPEALBUS")}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            env={**environment, "PYTHONPATH": first},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
