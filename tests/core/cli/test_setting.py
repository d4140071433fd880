"""A configuration without any source, lookup or receiver: the start, `status` and `health` tell of it."""

import json
from pathlib import Path

import pytest

from appealbus.core.domain.event import Cursor
from appealbus.core.journal import clients

SOURCE = 'connector = "shep"\nurl = "http://127.0.0.1:9/"\nservice_id = "S"\nsender_id = "bus"\n'
RECEIVER = '[deliveries.out]\nkind = "files"\npath = "out.jsonl"\n'


@pytest.mark.parametrize(
    ("configuration", "lacks"),
    [
        ("", {"sources": "warning", "receivers": "info"}),
        (RECEIVER, {"sources": "warning"}),
        (f"[sources.nobody]\n{SOURCE}{RECEIVER}", {"lookups": "warning"}),
        (f"[sources.gbdfl]\n{SOURCE}", {"receivers": "info"}),
        (f"[sources.gbdfl]\n{SOURCE}{RECEIVER}", {}),
    ],
)
def test_what_a_bus_has_none_of(program, tmp_path: Path, configuration: str, lacks: dict[str, str]) -> None:
    """Each is told once, everywhere; a bus that has all says nothing."""
    (tmp_path / "appealbus.toml").write_text(configuration + '[log]\nformat = "json"\n')
    started = program("run", "--until-idle")
    assert started.returncode == 0
    lines = [json.loads(line) for line in started.stderr.splitlines()]
    assert [line["part"] for line in lines if line["event"] == "bus.has_none"] == list(lacks)
    findings = json.loads(program("health", "--json").stdout)["findings"]
    assert {each["about"]: each["severity"] for each in findings if each["about"] in lacks} == lacks
    told = json.loads(program("status", "--json").stdout)["lacks"]
    assert told == [each for each in findings if each["about"] in lacks]
    status = program("status").stdout
    for each in told:
        assert f"{each['about']:<12}{each['detail']}" in status


def test_it_is_told_in_the_language_of_who_reads(program, tmp_path: Path) -> None:
    """As all that health finds."""
    (tmp_path / "appealbus.toml").touch()
    program("run", "--until-idle")
    assert "источники: ни один не настроен" in program("health", "--lang", "ru").stdout
    assert "дереккөздер: ешқайсысы бапталмаған" in program("health", "--lang", "kk").stdout


async def test_who_reads_the_feed_is_a_receiver(program, journal, tmp_path: Path) -> None:
    """A bus that is asked over HTTP needs no other one."""
    (tmp_path / "appealbus.toml").touch()
    assert "receivers" in program("status").stdout
    assert program("client", "add", "desk", "--role", "registry").returncode == 0
    await journal.do(clients.Read("desk", Cursor(1, 0)))
    assert "receivers" not in program("status").stdout
