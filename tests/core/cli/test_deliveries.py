"""`appealbus deliveries`: what waits alone, given up or sent again by hand."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core.journal import figures
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.schemas import Completeness


@pytest.fixture
async def number(journal, accepted):
    """An appeal whose dossier one receiver refuses and another one has."""
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.COMPLETE,
            receivers=["copy", "registry"],
            due_at=None,
            owner="me",
        )
    )
    due = datetime.now(UTC) + timedelta(days=1)
    await journal.do(
        delivering.Confirmed([row.delivery_id for row in await journal.ask(deliveries.undelivered, "copy", due, 10)])
    )
    await journal.do(
        delivering.GivenUp(
            [(row.delivery_id, "http.413") for row in await journal.ask(deliveries.undelivered, "registry", due, 1)]
        )
    )
    return accepted.receipt.number


async def test_what_waits_alone_is_listed_with_its_reason(program, number):
    """By receiver, in words and for programs; with a number all of that appeal; `status` counts it."""
    (row,) = json.loads(program("deliveries", "list", "--json").stdout)
    told = {key: row[key] for key in ("receiver", "number", "version", "state", "reason", "attempts")}
    assert told == {
        "receiver": "registry",
        "number": number,
        "version": 1,
        "state": "alone",
        "reason": "http.413",
        "attempts": 1,
    }
    line = program("deliveries", "list").stdout
    assert line.startswith(f"registry  {number}  version 1  alone since ")
    assert line.endswith(", 1 attempt: http.413\n")
    rows = json.loads(program("deliveries", "list", number, "--json").stdout)
    assert {row["receiver"]: row["state"] for row in rows} == {"copy": "delivered", "registry": "alone"}
    assert program("deliveries", "list", "--receiver", "copy").stdout == "Nothing waits alone.\n"
    assert "1 for registry; see `appealbus deliveries list`" in program("status").stdout


async def test_it_is_given_up_or_sent_again(program, journal, number):
    """One appeal's or all; a version that was delivered only when it is named; what is not there exits 3."""
    done = program("deliveries", "skip", number, "--reason", "they have it on paper")
    assert (done.returncode, done.stdout) == (0, "1 version is given up.\n")
    assert {row.state: row.reason for row in await journal.ask(deliveries.deliveries, number)} == {
        "delivered": None,
        "skipped": "they have it on paper",
    }
    assert program("deliveries", "resend", "--all").returncode == 3
    assert program("deliveries", "resend", number).stdout == "1 version is sent again.\n"
    assert (await journal.ask(figures.counts)).outbox == {"registry": 1}
    assert program("deliveries", "resend", number, "--version", "1", "--receiver", "copy").returncode == 0
    assert (await journal.ask(figures.counts)).outbox == {"copy": 1, "registry": 1}
    assert program("deliveries", "resend", "AB-0").returncode == 3
    assert program("deliveries", "resend").returncode == 2
    assert program("deliveries", "skip", number).returncode == 2


async def test_what_was_confirmed_is_listed_and_sent_again(program, journal, number):
    """By receiver and time: shown first, with a hash; under the delivery id that it had."""
    (row,) = json.loads(program("deliveries", "list", "--confirmed", "--json").stdout)
    assert (row["receiver"], row["number"], row["version"], row["state"]) == ("copy", number, 1, "delivered")
    listed = program("deliveries", "list", "--since", "2026-01-01", "--limit", "1").stdout
    assert listed.startswith(f"copy  {number}  version 1  delivered since ")
    rest = program("deliveries", "list", "--confirmed", "--after", listed.split("--after ")[1].strip())
    assert rest.stdout == "There is none like that.\n"
    for wrong in (("--after", "7"), ("--since", "noon"), ("--until", "2026-01-01T25:00")):
        assert program("deliveries", "list", "--confirmed", *wrong).returncode == 2
    assert program("deliveries", "list", number, "--confirmed").returncode == 2

    order = ("deliveries", "resend", "--receiver", "copy", "--since", "2026-01-01T00:00")
    assert program(*order, "--until", "2026-01-02").stdout == "There is none like that.\n"
    shown = program(*order).stdout
    assert "1 delivery, and nothing is done yet" in shown
    mark = shown.split("--yes ")[1].split()[0]
    assert program(*order, "--yes", mark, "--reason", "their disk was lost").stdout == "1 done\n"
    assert (await journal.ask(figures.counts)).outbox == {"copy": 1}
    (again,) = await journal.ask(deliveries.undelivered, "copy", datetime.now(UTC) + timedelta(days=1), 10)
    assert again.delivery_id == row["id"]


async def test_a_receiver_that_came_later_asks_for_history(program, journal, accepted, tmp_path: Path):
    """It is shown what would go, gets it once it is confirmed, and what was wrong on the command line is said."""
    (tmp_path / "appealbus.toml").write_text(
        '[deliveries.late]\nkind = "files"\nfolder = "late"\n[deliveries.other]\nkind = "files"\nfolder = "o"\n',
        "utf-8",
    )
    for version in (1, 2):
        complete = Completeness.COMPLETE
        given = {"dossier": b"{}", "version": version, "completeness": complete, "receivers": ["other"]}
        await journal.conclude(Conclusion(accepted.appeal_id, **given))
    shown = json.loads(program("deliveries", "history", "late", "--from-beginning", "--json").stdout)
    assert (shown["operation"], shown["count"], [row["version"] for row in shown["sample"]]) == ("history", 2, [1, 2])
    assert "2 versions, and nothing is done yet. To hand late them" in (
        program("deliveries", "history", "late", "--after", "1.0").stdout
    )
    confirmed = ("--from-beginning", "--yes", shown["hash"], "--reason", "it came later")
    done = program("deliveries", "history", "late", *confirmed)
    assert (done.returncode, done.stdout) == (0, "2 done\n"), done.stderr
    assert "came later" not in done.stderr
    assert len(await journal.ask(deliveries.undelivered, "late", journal.now(), 10)) == 1
    assert program("deliveries", "history", "late", *confirmed).returncode == 1  # nothing is left
    for wrong, code, told in (
        (("lat", "--from-beginning"), 3, "did you mean late?"),
        (("late",), 2, "--from-beginning"),
        (("late", "--after", "1.0", "--from-beginning"), 2, "exclude"),
        (("late", "--after", "x"), 2, "EPOCH.POSITION"),
        (("late", "--after", "1.99999"), 2, "start again from"),
        (("late", "--yes", "00ff", "--reason", "r"), 3, "00ff"),
    ):
        failed = program("deliveries", "history", *wrong)
        assert (failed.returncode, failed.stdout) == (code, ""), failed.stderr
        assert told in " ".join(failed.stderr.replace("│", " ").split())
