"""Killed at the worst moment: every receipt keeps its promise, nothing is lost, nothing is done twice."""

import random
import sqlite3
import time
from contextlib import closing

import orjson
import pytest

from tests.services.forms import form
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import appealbus
from tests.system.proof import asked_since, finished, nothing_is_lost

pytestmark = [pytest.mark.system, pytest.mark.proof]

KILLED = -9
ROUNDS = form(4, 40)


@pytest.mark.parametrize(
    "place",
    [
        "reception.accepted:7",
        "bus.before_conclude:4",
        "bus.concluded:4",
        "relay.delivered:1",
        "journal.before_commit:9",
        "journal.after_commit:20",
    ],
)
def test_killed_at_a_named_place(here: Installation, agencies: Agencies, place: str) -> None:
    """Wherever the process dies, the next one finishes what the receipts promised and repeats no finished question."""
    agencies.misbehave(egkn={"http_502": 0.5, "latency": "20ms"}, gbdfl={"latency": "10ms"})
    sent = here.write(letters(20))
    here.with_sender()
    with here.start("run", env={"APPEALBUS_FAILPOINT": place}) as bus:
        assert bus.ended().code == KILLED
    known, last = finished(here), max((row.id for row in here.access()), default=0)
    agencies.misbehave()
    here.settle()
    assert nothing_is_lost(here, sent)
    assert known.isdisjoint(asked_since(here, last))


def test_killed_at_random_again_and_again(here: Installation, agencies: Agencies) -> None:
    """A bus that dies every second or so gets there all the same, whatever it was doing."""
    chance = random.Random(2026)
    agencies.misbehave(egkn={"http_502": 0.3, "latency": "30ms"}, gbdfl={"latency": "30ms", "cut": 0.2})
    sent = here.write(letters(form(60, 400)))
    here.with_sender(together=3)
    for _ in range(ROUNDS):
        known = finished(here) if (here.folder / "journal.db").exists() else set()
        last = max((row.id for row in here.access()), default=0) if known else 0
        before = len(here.acknowledged())
        with here.start("run") as bus:
            bus.until(lambda before=before: len(here.acknowledged()) > before, "a receipt is given")  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 0.5))
            bus.kill()
        if known:
            assert known.isdisjoint(asked_since(here, last))
    agencies.misbehave()
    appealbus(here.folder, "intake", here.appeals.name, "--channel", "sender")
    here.settle()
    dossiers = nothing_is_lost(here, sent)
    assert dossiers.keys() == set(sent)


@pytest.mark.parametrize("place", ["reception.accepted:30", "journal.after_commit:2"])
def test_intake_that_is_killed_may_simply_be_repeated(here: Installation, place: str) -> None:
    """The same file again after a crash makes no appeal twice."""
    sent = here.write(letters(60))
    appealbus(here.folder, "intake", "appeals.jsonl", expect=KILLED, env={"APPEALBUS_FAILPOINT": place})
    counts = appealbus(here.folder, "intake", "appeals.jsonl", "--json").counts()
    assert counts["new"] + counts["known"] == len(sent)
    rows = here.rows()
    assert {row.message_id for row in rows} == set(sent)
    assert len({row.number for row in rows}) == len(sent)


@pytest.mark.parametrize(
    "place", ["reception.changed:15", *form([], ["reception.accepted:5", "journal.after_commit:3"])]
)
def test_changes_in_a_file_that_is_read_twice_count_once(here: Installation, place: str) -> None:
    """Half of the changes before their appeals, half after them: each is there once, with its appeal, and is told."""
    sent, text = here.write(letters(20)), {"text": "…"}
    changes = [
        {"type": "change", "message_id": f"c{at}", "appeal_message_id": each, "kind": "corrected", "corrected": text}
        for at, each in enumerate(sent)
    ]
    lines = [orjson.dumps(each).decode() for each in changes]
    whole = [*lines[:10], *here.appeals.read_text(encoding="utf-8").splitlines(), *lines[10:]]
    here.appeals.write_text("\n".join(whole), encoding="utf-8")
    appealbus(here.folder, "intake", "appeals.jsonl", expect=KILLED, env={"APPEALBUS_FAILPOINT": place})
    counts = appealbus(here.folder, "intake", "appeals.jsonl", "--json").counts()
    assert counts["new"] + counts["known"] == 2 * len(sent)
    with closing(sqlite3.connect(here.folder / "journal.db")) as connection, connection:
        found = connection.execute("SELECT message_id, changes FROM appeal").fetchall()
        waits = connection.execute("SELECT count(*) FROM change WHERE appeal_id IS NULL").fetchone()[0]
    assert (dict(found), waits) == (dict.fromkeys(sent, 1), 0)
    for where in form([], ["bus.before_conclude:4", "bus.concluded:9"]):
        with here.start("run", env={"APPEALBUS_FAILPOINT": where}) as bus:
            assert bus.ended().code == KILLED
    if form(False, True):
        here.settle()
        dossiers = nothing_is_lost(here, sent)
        assert {dossier.appeal.text for dossier in dossiers.values()} == {"…"}
