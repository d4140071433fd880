"""`appealbus deliveries`: what waits alone, given up or sent again by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core.journal.writes.concluding import Conclusion
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
    await journal.delivered([row.delivery_id for row in await journal.undelivered("copy", due, 10)])
    await journal.deliveries_alone(
        [(row.delivery_id, "http.413") for row in await journal.undelivered("registry", due, 1)]
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
    assert {row.state: row.reason for row in await journal.deliveries(number)} == {
        "delivered": None,
        "skipped": "they have it on paper",
    }
    assert program("deliveries", "resend", "--all").returncode == 3
    assert program("deliveries", "resend", number).stdout == "1 version is sent again.\n"
    assert (await journal.counts()).outbox == {"registry": 1}
    assert program("deliveries", "resend", number, "--version", "1", "--receiver", "copy").returncode == 0
    assert (await journal.counts()).outbox == {"copy": 1, "registry": 1}
    assert program("deliveries", "resend", "AB-0").returncode == 3
    assert program("deliveries", "resend").returncode == 2
    assert program("deliveries", "skip", number).returncode == 2
