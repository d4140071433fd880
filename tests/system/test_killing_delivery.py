"""A version that kills whoever hands it over: it waits alone, and nobody else is blamed for the deaths."""

import json
import signal
from pathlib import Path

import pytest

from tests.system.program import PATIENCE, Program, appealbus

pytestmark = pytest.mark.system

APPEALS = 15
PLUGIN = str(Path(__file__).with_name("poison.py"))
LIVES = 20


def test_a_killing_delivery_waits_alone_and_holds_nobody(tmp_path: Path) -> None:
    """The others reach both receivers, though the source is slow and the process died while they were in work."""
    (tmp_path / "appealbus.toml").write_text(
        f'[bus]\njournal = "sqlite:///journal.db"\nplugins = ["{PLUGIN}"]\nconcurrency = 10\n'
        '[retry]\nfirst = "300ms"\nfactor = 1\nmax = "300ms"\n'
        '[sources.inside]\nconnector = "inside"\n[log]\nformat = "json"\n'
        '[deliveries.deadly]\nkind = "deadly"\n[deliveries.registry]\nkind = "files"\npath = "dossiers.jsonl"\n'
    )
    letters = [
        {
            "message_id": f"m{at}",
            "kind": "complaint",
            "applicant": {"type": "person"},
            "text": "poison" if not at else "letter",
        }
        for at in range(APPEALS)
    ]
    (tmp_path / "appeals.jsonl").write_text("".join(json.dumps(each) + "\n" for each in letters))
    appealbus(tmp_path, "intake", "appeals.jsonl")
    for _ in range(LIVES):
        with Program(tmp_path, "run", "--until-idle", env={"POISON": "delivery", "HURRY": "1", "SLOW": "0.4"}) as bus:
            code = bus.process.wait(PATIENCE)
        if code != -signal.SIGKILL:
            break
    assert code == 0, bus.err
    numbers = {row["number"] for row in appealbus(tmp_path, "appeals", "--json").json()}
    (alone,) = appealbus(tmp_path, "deliveries", "list", "--json").json()
    assert (alone["receiver"], alone["reason"]) == ("deadly", "process.died")
    assert "process.died" in appealbus(tmp_path, "deliveries", "list").out
    assert set((tmp_path / "taken.txt").read_text().split()) == numbers - {alone["number"]}
    lines = (tmp_path / "dossiers.jsonl").read_text().splitlines()
    assert {json.loads(line)["number"] for line in lines} == numbers
    assert appealbus(tmp_path, "appeals", "--state", "held", "--json").json() == []
