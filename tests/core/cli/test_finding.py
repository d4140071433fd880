"""`appealbus appeals`: finding appeals by all that is said of them."""

import json
import subprocess
from datetime import UTC, date, datetime

import pytest

from appealbus.core.journal import log
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from tests.services.commands import PROGRAM, own_environment

IIN = "900101300017"


@pytest.fixture
async def named(journal):
    """Two appeals of one person, and one of somebody else."""
    numbers = []
    for at, iin in enumerate((IIN, IIN, None)):
        content = Appeal(
            message_id=f"m{at}",
            channel="files",
            kind=AppealKind.COMPLAINT,
            applicant=PersonApplicant(iin=iin),
            text="",
            due_on=date(2026, 12, 3 - at),
        )
        taken = await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"))
        numbers.append(taken.receipt.number)
    return numbers


def numbers_in(done):
    """Return the numbers of the appeals that are listed."""
    assert done.returncode == 0, done.stderr
    return [row["number"] for row in json.loads(done.stdout)]


async def test_the_most_urgent_first_page_after_page(program, named):
    """What `--after` wants then is opaque; a place of another list, and nonsense, is a wrong command line."""
    done = program("appeals", "--due-before", "2026-12-04", "--limit", "2")
    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == [named[2], named[1]]
    assert "term 2026-12-01" in done.stdout
    place = done.stdout.split("--after ")[1].strip()
    rest = program("appeals", "--due-before", "2026-12-04", "--after", place)
    assert (rest.stdout.split()[0], "--after" in rest.stdout) == (named[0], False)
    rows = json.loads(program("appeals", "--due-before", "2026-12-04", "--json").stdout)
    assert rows[1]["place_in_list"] == place
    assert numbers_in(program("appeals", "--due-from", "2026-12-03", "--json")) == [named[0]]
    for wrong in (place, "nonsense!", "cDEu"):
        done = program("appeals", "--after", wrong)
        assert (done.returncode, "--after" in done.stderr) == (2, True)
    assert program("appeals", "--source", "egkn", "--after", "7").returncode == 2
    assert program("appeals", "--kind", "proposal").stdout == "There is none like that.\n"


async def test_a_person_is_never_on_the_command_line(program, named, journal, tmp_path):
    """The number comes from a file; the purpose is noted with the look before anything is shown."""
    (tmp_path / "who").write_text(f"{IIN}\n")
    asked = ("appeals", "--person-file", "who", "--json")
    done = program(*asked, "--purpose", "the court asked for it")
    assert numbers_in(done) == named[:2]
    (look,) = (await journal.ask(log.page, what=["read"])).entries
    assert look.detail == {"as": "appeals", "found": 2, "purpose": "the court asked for it"}
    assert "appeals, 2 found: the court asked for it" in program("tail").stdout
    assert IIN not in done.stderr + done.stdout

    assert program(*asked, "--purpose", " ").returncode == 2
    nobody = program(*asked)  # nobody is there to answer
    assert (nobody.returncode, nobody.stdout.strip()) == (130, "")
    (tmp_path / "who").write_text("900101300018")
    wrong = program(*asked, "--purpose", "x")
    assert (wrong.returncode, "900101300018" in wrong.stderr) == (2, False)
    assert "this is no ИИН or БИН" in wrong.stderr
    assert program("appeals", "--person-file", "nothing", "--purpose", "x").returncode == 2
    assert len((await journal.ask(log.page, what=["read"])).entries) == 1


@pytest.mark.proof
def test_a_person_is_asked_for(named, tmp_path):
    """By a question, and so is the purpose."""
    done = subprocess.run(
        [PROGRAM, "appeals", "--person", "--json"],
        cwd=tmp_path,
        input=f"{IIN[:6]} {IIN[6:]}\nthe court asked\n",
        capture_output=True,
        text=True,
        env=own_environment(),
        timeout=60,
        check=False,
    )
    assert numbers_in(done) == named[:2]
    assert "The ИИН or БИН" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--held", "--state", "parked"), "--held is --state held"),
        (("--place", "12"), "nine digits of a place"),
        (("--body", "120101500006"), "write a БИН"),  # an ИИН is none
        (("--completeness", "parital"), "write partial, complete or settled"),
        (("--signal", "warn"), "write info, warning or critical"),
        (("--due-before", "Friday"), "'Friday' does not match the format"),
    ],
)
def test_what_is_no_such_thing(program, options, told):
    """Exit code 2, and what to write."""
    done = program("appeals", *options)
    assert (done.returncode, told in done.stderr) == (2, True)
