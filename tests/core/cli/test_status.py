"""`appealbus status` and `appealbus appeals`: what the journal holds, for who looks after it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from appealbus.core.cli.status import status_view
from appealbus.core.domain.counts import Counts
from appealbus.core.journal import workers
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
async def parked(journal, accepted) -> str:
    """The number of an appeal that is parked with a version on its way; one behind it is ready, one message is kept."""
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.PARTIAL,
            receivers=["registry"],
            due_at=datetime.now(UTC) + timedelta(hours=1),
        )
    )
    content = Appeal(message_id="m2", channel="portal", kind=AppealKind.REPORT, applicant=PersonApplicant(), text="")
    await journal.accept(NewAppeal(content, datetime.now(UTC), "appealbus"))
    await journal.do(NewQuarantine(datetime.now(UTC), "files", "a:1", "no JSON", b"{", "application/json"))
    return accepted.receipt.number


async def test_status_for_programs(program, journal, parked):
    """Everything that the metrics of the journal tell, and who works."""
    await journal.do(workers.Beat(WorkerState("w", "host1", 7, NOW, in_flight=3), [], 600))
    told = json.loads(program("status", "--json").stdout)
    assert {name: told[name] for name in ("ready", "in_work", "parked", "idle", "quarantine", "outbox")} == {
        "ready": 1,
        "in_work": 0,
        "parked": 1,
        "idle": 0,
        "quarantine": 1,
        "outbox": {"registry": 1},
    }
    assert told["oldest_unfinished"]
    assert told["oldest_undelivered"].keys() == {"registry"}
    assert [(worker["host"], worker["in_flight"]) for worker in told["workers"]] == [("host1", 3)]


async def test_status_for_people(program, parked):
    """The same in lines."""
    done = program("status")
    assert done.returncode == 0, done.stderr
    assert "1 ready, 0 in work, 1 parked, 0 idle; the oldest unfinished is " in done.stdout
    assert "quarantine  1\n" in done.stdout
    assert "none is alive" in done.stdout
    assert done.stdout.splitlines()[-2].split()[:2] == ["registry", "1"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_ages(seconds, shown):
    """In the unit that a person would choose; a clock that is behind makes nothing negative."""
    counts = Counts(1, 0, 0, 0, 0, {}, NOW - timedelta(seconds=seconds))
    console = Console(width=120, record=True)
    console.print(status_view(counts, [], NOW))
    text = console.export_text()
    assert f"the oldest unfinished is {shown} old" in text
    assert "none waits" in text


async def test_appeals_of_one_state_in_pages(program, parked):
    """By state and behind an id; a line for people says when a parked one is asked again."""
    both = json.loads(program("appeals", "--json").stdout)
    assert [(row["channel"], row["state"], row["version"]) for row in both] == [
        ("files", "parked", 1),
        ("portal", "ready", 0),
    ]
    assert both[0]["due_at"]
    assert both[0]["completeness"] == "partial"
    (one,) = json.loads(program("appeals", "--json", "--state", "parked").stdout)
    assert one == both[0] | {"place_in_list": one["place_in_list"]}  # parked ones are in an order of their own
    assert json.loads(program("appeals", "--json", "--after", str(both[0]["appeal_id"])).stdout) == both[1:]
    text = program("appeals", "--limit", "1").stdout
    assert text.startswith(f"{parked}  accepted ")
    assert ", asked again " in text
    assert text.endswith(f"version 1 partial\nThere may be more: --after {both[0]['appeal_id']}\n")
    assert program("appeals", "--state", "idle").stdout == "There is none like that.\n"
    assert program("appeals", "--state", "lost").returncode == 2
