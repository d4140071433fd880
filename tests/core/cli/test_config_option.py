"""`--config`: found before the commands are known, in every spelling that the program takes."""

from pathlib import Path

import pytest

from appealbus.core.cli.main import _config_option

A = Path("a.toml")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-c", "a.toml", "run"], A),
        (["-ca.toml", "run"], A),
        (["--config", "a.toml", "run"], A),
        (["--config=a.toml", "run"], A),
        (["--config=", "run"], Path()),
        (["-c", "b.toml", "--config=a.toml", "run"], A),
        (["run", "-c", "a.toml"], None),
        (["intake", "--config=a.toml"], None),
        (["--", "-ca.toml"], None),
        (["-c"], None),
        ([], None),
    ],
)
def test_every_spelling_is_understood(arguments, named, monkeypatch):
    """The last one counts, before the command alone; what is named there goes before the environment."""
    monkeypatch.delenv("APPEALBUS_CONFIG", raising=False)
    assert _config_option(arguments) == named
    monkeypatch.setenv("APPEALBUS_CONFIG", "b.toml")
    assert _config_option(arguments) == (named or (None if arguments == ["-c"] else Path("b.toml")))


@pytest.mark.parametrize("spelling", ["-cother.toml", "--config=other.toml"])
def test_the_named_file_is_the_one_that_counts(program, tmp_path, spelling):
    """Never the defaults in silence."""
    (tmp_path / "other.toml").write_text('[bus]\nactor = "me"\nmisspelt = 1\n', encoding="utf-8")
    done = program(spelling, "check")
    assert done.returncode == 2
    assert "other.toml:3" in done.stderr


def test_an_empty_name_is_a_mistake(program):
    """As any file that cannot be read."""
    assert program("--config=", "check").returncode == 2
