"""`appealbus repeats`, over a real journal."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.plugins.repeats.making import LAND, by, text
from tests.services import commands
from tests.services.policies import any_change

LETTER = text(12, 1)
MESSAGES = [
    {"message_id": "m1", "number": "A-1", "text": f"{LETTER} Воды нет 10 дней.", "category": LAND, **by(0)},
    {"message_id": "m2", "number": "A-2", "text": LETTER, **by(1)},
    {"message_id": "m3", "number": "A-3", "text": f"{LETTER} Воды нет 25 дней. [red]Крыша[/] упала.",
     "category": LAND, **by(0)},
    {"type": "change", "message_id": "c1", "number": "A-1", "kind": "answered", "result": "refused",
     "answered_on": "2026-03-01", "ground": "ст. 64"},
]  # fmt: skip


@pytest.mark.proof
def test_what_is_new_is_shown_beside_the_decision(tmp_path: Path) -> None:
    """For people in their language, for programs whole; and it is noted of each appeal that is shown."""

    def program(*arguments: str) -> "CompletedProcess[str]":
        return commands.run(tmp_path, *arguments)

    (tmp_path / "appealbus.toml").write_text(
        f"{any_change(tmp_path, 'channels.files')}[plugins.repeats]\ncompare = true\n"
    )
    lines = "\n".join(json.dumps({"kind": "application", **each} if "type" not in each else each) for each in MESSAGES)
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    assert program("intake", "a.jsonl").returncode == 0
    assert program("run", "--until-idle").returncode == 0
    told = json.loads(program("repeats", "A-3", "--json").stdout)
    (matter,) = told["matters"]
    assert (matter["number"], matter["outcome"]["ground"], matter["norm"]) == ("A-1", "ст. 64", "АППК ст. 70 ч. 5")
    assert matter["news"]["new"] == ["[red]Крыша[/] упала."]
    assert matter["news"]["changed"] == [{"text": "Воды нет 25 дней.", "was": "Воды нет 10 дней."}]
    assert [each["number"] for each in told["copies"]["others"]] == ["A-2"]
    russian = program("repeats", "A-3", "--lang", "ru").stdout
    for part in ("A-1", "отказано 2026-03-01", "новое: [red]Крыша[/] упала.", "было: Воды нет 10 дней.", "A-2"):
        assert part in russian
    hidden = json.loads(program("repeats", "A-3", "--as", "integrator", "--json").stdout)
    assert (hidden["matters"], hidden["copies"]["others"]) == ([], [])
    for number, looks in (("A-3", 3), ("A-1", 2)):
        history = [json.loads(line) for line in program("history", number, "--json").stdout.splitlines()]
        assert [each["detail"]["as"] for each in history if each["what"] == "read"] == ["repeats"] * looks
