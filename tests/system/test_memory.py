"""Memory is bounded in bytes whatever a citizen writes: the largest letters, in the form that takes the most of it."""

import json
import time
from pathlib import Path

import pytest

from tests.services.forms import form
from tests.system.program import Program

pytestmark = [pytest.mark.system, pytest.mark.proof]

LETTERS = form(6, 10)
TEXT = "\U0001f600" + "a" * 4_100_000
"""One character outside the basic plane makes four bytes of each in memory."""
MOST = 350
PLUGIN = Path(__file__).with_name("poison.py")
CONFIGURATION = f"""
bus = {{ journal = "sqlite:///journal.db", plugins = ["{PLUGIN}"] }}
log = {{ format = "json" }}
sources.inside = {{ connector = "inside", guard = {{ concurrency = 50 }} }}
intakes.post = {{ kind = "files", folder = "in", settle = "0s", poll = "100ms" }}
deliveries.registry = {{ kind = "files", path = "dossiers.jsonl" }}
"""


def test_the_largest_letters_together_take_little(tmp_path: Path) -> None:
    """All are delivered, and the bus has never had more than 350 MB, with the process that reads for it."""
    (tmp_path / "appealbus.toml").write_text(CONFIGURATION)
    (tmp_path / "in").mkdir()
    for number in range(LETTERS):
        person = {"type": "person"}
        letter = {"message_id": f"m-{number}", "kind": "complaint", "applicant": person, "text": TEXT}
        (tmp_path / "in" / f"{number:02}.json").write_text(json.dumps(letter, ensure_ascii=False))
    with Program(tmp_path, "run", "--until-settled", env={"SLOW": "1.5"}, anew=True) as bus:
        highest = 0
        while bus.running:
            highest = max(highest, bus.memory())
            time.sleep(0.03)
        assert bus.ended().code == 0
    assert (tmp_path / "dossiers.jsonl").read_text().count("\n") == LETTERS
    assert highest < MOST
