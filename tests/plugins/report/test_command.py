"""`appealbus report`, over a small journal."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from appealbus.core.journal.changes import targets
from appealbus.core.journal.journal import Journal
from tests.plugins.report.test_following import change, new
from tests.services.commands import run
from tests.services.journals import sqlite_journal


async def fill(url: str) -> None:
    """Have seven appeals come, of which four are answered and one is redirected."""
    async with await Journal.open(url) as journal:
        await asyncio.gather(*(journal.accept(new(f"m{at}")) for at in range(7)))
        for at, result in enumerate(["satisfied", "refused", "explained", "left"]):
            await journal.do(targets.Changing(change(f"c{at}", f"m{at}", "answered", result=result)))
        await journal.do(targets.Changing(change("c5", "m5", "redirected")))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_journal(tmp_path_factory.mktemp("report") / "journal.db")
    asyncio.run(fill(url))
    return url


@pytest.fixture
def program(filled: str, tmp_path: Path) -> Any:
    """Runs the command for November 2026."""
    config = tmp_path / "appealbus.toml"
    config.write_text(f'[bus]\njournal = "{filled}"\n[plugins.report]\nfile = "report.db"\n', encoding="utf-8")

    def called(*words: str) -> tuple[int, str, str]:
        period = ("--since", "2026-11-01", "--until", "2026-11-30")
        done = run(tmp_path, "--config", str(config), "report", *period, *words)
        return done.returncode, done.stdout, done.stderr

    return called


def test_json_has_every_figure(program: Any) -> None:
    """Counts and shares of the total and of each row, with formulas; the file is there for the next report."""
    for _ in range(2):
        code, out, _ = program("--format", "json", "--by", "district")
        told = json.loads(out)
        assert (code, [row["key"] for row in told["rows"]]) == (0, ["2752"])
        assert told["total"]["registered"] == {"count": 7, "percent": None}
        assert told["total"]["considered"] == {"count": 4, "percent": 57.1}
        assert told["total"]["other"] == {"count": 1, "percent": 25.0}
        assert [told["total"][name]["count"] for name in ("redirected", "open", "days_median")] == [1, 2, 1]
        assert "share of N" in told["formulas"]["considered"]


def test_csv_is_read_back(program: Any) -> None:
    """A row for each body and the sum, under the same names as in JSON."""
    _, out, _ = program("--format", "csv", "--round")
    body, total = csv.DictReader(io.StringIO(out))
    assert (body["label"], body["registered"], body["local_percent"]) == ("Аппарат акима", "7", "100.0")
    assert (total["body"], total["considered"], total["considered_percent"]) == ("total", "4", "57.1")


@pytest.mark.parametrize(("language", "word"), [("en", "considered"), ("ru", "рассмотрено"), ("kk", "қаралды")])
def test_html_is_one_page_without_scripts(program: Any, language: str, word: str) -> None:
    """A page in the reader's language with its footnotes, and nothing that is loaded or runs."""
    _, out, _ = program("--format", "html", "--lang", language)
    assert f'<html lang="{language}">' in out
    assert f"{word}<sup>4</sup>" in out
    assert f"[4] {word}:" in out
    assert [each for each in ("<script", "http", "src=", "onload") if each in out] == []


def test_text_names_every_denominator(program: Any) -> None:
    """People read each column with its number, and below what it counts and of what its share is."""
    _, out, _ = program("--lang", "ru")
    told = " ".join(out.split())
    assert "рассмотрено [4]: 4 (57,1 %)" in told
    assert "[4] рассмотрено: C: из N те" in told


def test_small_numbers_are_not_published(program: Any) -> None:
    """With `--public` seven appeals tell that they are seven, and no more."""
    _, out, _ = program("--format", "json", "--public")
    total = json.loads(out)["total"]
    assert {name for name, told in total.items() if told["count"] is not None} == {"registered"}
    assert "Тире стоит там" in program("--public", "--lang", "ru")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--until", "2026-10-01"], "the last day is before the first one"),
        (["--since", "0001-01-01"], "the year before has no number"),
        (["--place", "27x"], "write digits that КАТО begins with"),
    ],
)
def test_what_cannot_be_is_refused(program: Any, words: list[str], told: str) -> None:
    """A wrong command line ends with 2 and says what to write."""
    code, _, err = program(*words)
    assert (code, told in " ".join(err.replace("│", " ").split())) == (2, True), err
