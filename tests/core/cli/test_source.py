"""`appealbus source pause` and `resume`: what a person is told, and which times are taken."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer

from appealbus.core.cli.source import moment
from appealbus.core.journal import pauses

NOON = datetime(2026, 11, 24, 12).astimezone()


@pytest.mark.parametrize(
    ("text", "after"),
    [("18:00", timedelta(hours=6)), ("11:59", timedelta(hours=23, minutes=59)), ("2026-11-25", timedelta(hours=12))],
)
def test_the_next_such_time_is_meant(text, after):
    """A time of day is today's or tomorrow's, a date its beginning here."""
    assert moment(text, NOON) == NOON + after


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-11-24T11:00", "2027-01-01", "0001-01-01", "9999-12-31"])
def test_other_times_are_refused(text):
    """What is no time, is over, or is more than a month from now."""
    with pytest.raises(typer.BadParameter):
        moment(text, NOON)


async def test_a_source_is_paused_seen_and_resumed(program, journal, tmp_path: Path):
    """The reason is never logged; exit codes tell what was wrong."""
    (tmp_path / "appealbus.toml").write_text('[sources.egkn]\nconnector = "shep"\n', "utf-8")
    given = ("--until", "23:59", "--reason", "they mend it")
    done = program("source", "pause", "egkn", *given)
    assert (done.returncode, "is paused until" in done.stdout) == (0, True), done.stderr
    assert "mend" not in done.stderr
    assert (await journal.ask(pauses.news)).pauses["egkn"].reason == "they mend it"
    told = json.loads(program("source", "pause", "egkn", *given, "--json").stdout)
    assert (told["pause"]["source"], told["in_danger"], told["in_danger_count"]) == ("egkn", [], 0)
    impact = json.loads(program("source", "impact", "egkn", "--until", "23:59", "--json").stdout)
    assert (impact["source"], impact["missed"], impact["days"], impact["first"]) == ("egkn", 0, [], [])
    assert program("source", "pause", "nosuch", *given).returncode == 3
    assert program("source", "pause", "egkn", "--until", "soon", "--reason", "x").returncode == 2
    assert program("source", "resume", "egkn").returncode == 0
    assert program("source", "resume", "egkn").returncode == 3
