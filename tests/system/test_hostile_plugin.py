"""A plugin that ends, blocks and does not listen: every other appeal is delivered, and SIGTERM ends the program."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appealbus.core.cli.supervisor import MARGIN
from tests.system.program import Program, appealbus

pytestmark = pytest.mark.system

WORDS = ["exit", "interrupt", "cancel", "own", "block", "deaf", "stray", "thread", "stop"]
APPEALS = 60
PLUGIN = Path(__file__).with_name("hostile.py")
CONFIGURATION = f"""
bus = {{ journal = "sqlite:///journal.db", grace = "1s", plugins = ["{PLUGIN}"] }}
log = {{ format = "json" }}
retry = {{ first = "300ms", factor = 1, max = "300ms" }}
completeness.default = {{ wait = "2s" }}
sources.hostile = {{ connector = "hostile", guard = {{ timeout = "200ms", attempts = 1, concurrency = 4 }} }}
deliveries.registry = {{ kind = "files", path = "dossiers.jsonl" }}
"""


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Program]:
    """A running bus with appeals about all that the plugin can do, and others between them."""
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    lines = []
    for number in range(APPEALS):
        words = [WORDS[number // 2 % len(WORDS)]] if number % 2 else [f"good {number}"]
        person = {"type": "person"}
        lines.append(
            json.dumps({"message_id": f"m-{number}", "kind": "complaint", "applicant": person, "repeats": words})
        )
    (tmp_path / "appeals.jsonl").write_text("\n".join(lines))
    appealbus(tmp_path, "intake", "appeals.jsonl")
    with Program(tmp_path, "run") as running:
        yield running


def test_a_hostile_plugin_harms_itself_alone(bus: Program, tmp_path: Path) -> None:
    """All have their dossier, those that nobody attacked a complete one, and the exit is in time and in order."""
    out = tmp_path / "dossiers.jsonl"

    def newest() -> dict[str, dict[str, object]]:
        lines = out.read_text().splitlines() if out.exists() else []
        return {made["receipt"]["message_id"]: made for made in map(json.loads, lines)}

    def whole() -> list[str]:
        return [name for name, made in newest().items() if made["completeness"] == "complete"]

    bus.until(lambda: len(newest()) == APPEALS, "all are delivered")
    good = {f"m-{number}" for number in range(0, APPEALS, 2)}
    bus.until(lambda: good <= set(whole()), "those that nobody attacked are complete, if not at first")
    made = newest()
    assert made["m-0"]["unassessed"] == ["quits"]
    asked = time.monotonic()
    assert bus.stop().code == 0
    assert time.monotonic() - asked < 1 + MARGIN  # about six on a machine that is at rest
    events = {line["event"] for line in map(json.loads, bus.err.splitlines())}
    assert {"lookup.raised", "lookup.left_behind", "assessor.raised", "plugin.raised", "service.raised"} <= events
    assert {"plugin.left_the_loop", "source.raised", "process.left_behind", "bus.stopped"} <= events
    assert "process.held_up" in events
    assert "program.crashed" not in events
