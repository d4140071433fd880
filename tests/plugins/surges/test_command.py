"""`appealbus surges`, over a journal with three months of appeals."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from appealbus.core.cli.person import person
from appealbus.core.clocks import KAZAKHSTAN, day_of, wall
from appealbus.core.domain.event import EventType
from appealbus.core.journal import log
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.plugins.surges import kept
from appealbus.plugins.surges.series import monday_of
from appealbus.plugins.surges.store import Store
from appealbus.schemas import Appeal
from tests.plugins.surges.calm import poisson
from tests.plugins.surges.test_kept import alarm
from tests.services.commands import run
from tests.services.journals import sqlite_journal

WEEKS, SERIES, BURNT = 14, 12, 30
FIRE = {"category": {"code": "waste", "name": "Қоқыс"}, "place": {"kato": "273620100", "address": "ауыл Дарьинск, 5"}}


def this_monday() -> date:
    return monday_of(day_of(wall()))


async def fill(url: str) -> None:
    """Have twelve topics come calmly for fourteen weeks up to this one, and a dump burn in the last whole one."""
    random = Random(3)
    begins = datetime.combine(this_monday(), datetime.min.time(), KAZAKHSTAN)
    async with await Journal.open(url) as journal:
        for ago in range(WEEKS, 0, -1):
            tuesday = begins - timedelta(weeks=ago) + timedelta(hours=30)
            about = [{"category": {"code": f"c{at}"}} for at in range(SERIES) for _ in range(poisson(random, 4.0))]
            about += [FIRE] * (BURNT if ago == 1 else 2)
            news = [
                NewAppeal(Appeal.model_validate({"message_id": f"{ago}.{at}", **each}), tuesday, "appealbus")
                for at, each in enumerate(about)
            ]
            await asyncio.gather(*map(journal.accept, news))


async def of_alarms(url: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    async with await Journal.open(url) as journal:
        page = await journal.ask(log.page, None, 5000, what=[EventType.ALARM_TAKEN, EventType.ALARM_CLOSED])
    return [(each.what, each.actor, each.about, dict(each.detail)) for each in page.entries]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_journal(tmp_path_factory.mktemp("surges") / "journal.db")
    asyncio.run(fill(url))
    return url


@pytest.fixture
def program(filled: str, tmp_path: Path) -> Any:
    """Runs the command; with a file for alarms."""
    config = tmp_path / "appealbus.toml"
    config.write_text(f'[bus]\njournal = "{filled}"\n[plugins.surges]\nfile = "surges.db"\n', encoding="utf-8")

    def called(*words: str) -> tuple[int, str, str]:
        done = run(tmp_path, "--config", str(config), "surges", *words)
        return done.returncode, done.stdout, done.stderr

    return called


def test_a_surge_is_told_with_the_appeals_behind_it(program: Any) -> None:
    """The fire is the one surge of the last whole week, with its numbers, its place and what it was compared with."""
    code, out, _ = program("--json")
    told = json.loads(out)
    assert (code, told["monday"]) == (0, str(this_monday() - timedelta(weeks=1)))
    (surge,) = told["surges"]
    assert (surge["category"], surge["name"], surge["place"]) == ("waste", "Қоқыс", "2736")
    assert (surge["observed"], surge["expected"], surge["method"]) == (BURNT, 2.0, "ears_c2")
    assert [count for _, count in surge["compared"]] == [2] * 7
    assert len(surge["numbers"]) == BURNT
    assert surge["shared"] == [{"kind": "address", "value": "ауыл дарьинск", "appeals": BURNT}]
    assert {(part["category"], part["place"]) for part in surge["also"]} >= {("waste", "27"), ("waste", "")}
    assert told["tested"] == surge["tested"] > SERIES


def test_people_read_it_in_sentences(program: Any) -> None:
    """What was observed, expected and compared stands in lines, and of a quiet week that nothing stands out."""
    code, out, _ = program()
    assert code == 0
    assert "1 surges, of" in out
    assert f"category waste (Қоқыс), КАТО 2736: {BURNT} appeals; 2.0 expected" in " ".join(out.split())
    code, out, _ = program("--week", str(this_monday() - timedelta(weeks=2)))
    assert code == 0
    assert "0 surges, of" in out


def test_too_early_a_week_is_told(program: Any) -> None:
    """Of a week with fewer than ten before it nothing is said, and the reason is."""
    code, out, _ = program("--week", str(this_monday() - timedelta(weeks=8)))
    assert (code, "fewer than 10 weeks lie before it" in " ".join(out.split())) == (0, True)


@pytest.mark.proof
def test_a_damaged_file_is_made_anew(program: Any, tmp_path: Path) -> None:
    """What to do stands in the error; the old file stays as it was, and the week is told as before."""
    before = json.loads(program("--json")[1])
    file = tmp_path / "surges.db"
    file.write_bytes(b"no database " * 400)
    code, _, told = program("--json")
    assert (code, "cannot be used: SQLITE_NOTADB; `appealbus surges anew` makes it anew" in told) == (2, True)
    code, _, told = program("anew")
    assert (code, "nobody answered the question" in told, file.read_bytes()[:2]) == (130, True, b"no")
    file.with_name("surges.db-journal").write_bytes(b"of the old one")
    code, told, _ = program("anew", "--yes")
    assert (code, "surges.db is made anew; the old one is" in told) == (0, True)
    assert [each.read_bytes()[:2] for each in sorted(tmp_path.glob("surges.db.*"))] == [b"no", b"of"]
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(program("--json")[1]) == before
    file.unlink()
    code, _, told = program("anew", "--yes")
    assert (code, "There is no file" in told) == (3, True)


def test_the_file_of_another_is_not_made_anew(program: Any, tmp_path: Path) -> None:
    """Whoever names the journal for it by a slip of the pen still has one."""
    with closing(sqlite3.connect(tmp_path / "surges.db")) as other:
        other.execute("CREATE TABLE appeal (id)")
    before = (tmp_path / "surges.db").read_bytes()
    code, _, told = program("anew", "--yes")
    assert (code, "is not a file of surges: it has the tables appeal" in told) == (2, True)
    assert [each.read_bytes() for each in tmp_path.glob("surges.db*")] == [before]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--week", "next"], "write a week, as 2026-W47"),
        (["--week", "2026-W60"], "write a week, as 2026-W47"),
        (["--week", "2126-01-01"], "no working time of this week is over yet"),
        (["take", "1", "--until", "2020-01-01"], "this day is over"),
        (["take", "1", "--until", "soon"], "write a day"),
        (["take", "1", "--until", "2126-01-01"], "there is no alarm 1"),
        (["close", "1", "--as", "maybe", "--done", "x"], "write one of true, false, known"),
        (["close", "1", "--as", "true", "--done", " "], "write one to 1000 characters"),
    ],
)
def test_what_cannot_be_is_refused(program: Any, words: list[str], told: str) -> None:
    """A wrong command line ends with 2 and says what to write."""
    code, _, err = program(*words)
    assert (code, told in " ".join(err.split())) == (2, True), err


def test_without_a_file_weeks_are_told_and_no_alarms_are(filled: str, tmp_path: Path) -> None:
    """What the journal holds is counted anew; alarms need a file, and the command says so."""
    config = tmp_path / "appealbus.toml"
    config.write_text(f'[bus]\njournal = "{filled}"\n', encoding="utf-8")
    told = json.loads(run(tmp_path, "surges", "--json").stdout)
    assert [surge["category"] for surge in told["surges"]] == ["waste"]
    done = run(tmp_path, "surges", "alarms")
    assert (done.returncode, "[plugins.surges] file" in " ".join(done.stderr.split())) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["appealbus.toml"]


@pytest.mark.proof
def test_an_alarm_is_listed_taken_on_and_closed(program: Any, filled: str, tmp_path: Path) -> None:
    """The commands do what the file is for; whoever looks sees who has it and how it ended; the log has it once."""
    with closing(Store(tmp_path / "surges.db")) as store:
        kept.raise_alarms(store, [alarm()], wall())
    assert "nobody has it" in program("alarms")[1]
    for _ in range(2):
        taken = program("take", "1", "--until", "2126-01-01", "--reason", "I ask the akimat")
        assert "has it until 2126-01-01" in " ".join(taken[1].split())
    shown = " ".join(program("show", "1")[1].split())
    assert "9 name the parcel 27036042077" in shown
    assert program("close", "1", "--as", "true", "--done", "The dump is out.")[0] == 0
    assert "No alarm is open. Of 1 closed alarms 100% were no false ones." in " ".join(program("alarms")[1].split())
    told = json.loads(program("alarms", "--all", "--json")[1])
    assert [(each["verdict"], each["done"]) for each in told["alarms"]] == [("true", "The dump is out.")]
    assert told["record"]["precision"] == 1.0
    assert json.loads(program("show", "1", "--json")[1])["verdict"] == "true"
    assert program("show", "2")[0] == 3
    assert asyncio.run(of_alarms(filled)) == [
        ("alarm_taken", f"person:{person()}", "1", {"until": "2126-01-01", "reason": "I ask the akimat"}),
        ("alarm_closed", f"person:{person()}", "1", {"verdict": "true", "reason": "The dump is out."}),
    ]
