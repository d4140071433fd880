"""Told to stop, and started twice: the program ends in order, and only one works a journal."""

import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import make_url

from appealbus.core.cli.supervisor import MARGIN
from appealbus.core.journal import figures
from tests.services.forms import form
from tests.services.postgres import Postgres
from tests.services.proxy import FaultProxy
from tests.system.installation import SERVICES, Agencies, Installation, letters
from tests.system.program import Program, appealbus
from tests.system.proof import asked_since, nothing_is_lost

pytestmark = pytest.mark.system
_GRACE = 60.0
"""Seconds: a slow machine ends within them what is in flight, and nobody waits for them to pass."""
_FOREVER = "600s"
"""Longer than `Program.stop` waits for the end."""


def test_sigterm_under_load_ends_within_grace_and_loses_nothing(here: Installation, agencies: Agencies) -> None:
    """What is in flight ends and is kept, exit 0; the next run asks only what was not asked."""
    agencies.misbehave(**{name: {"latency": "300ms"} for name in ("gbdfl", "gbdul", "egkn")})
    sent = here.write(letters(60))
    patient: dict[str, Any] = {  # who is only slow is asked once
        "completeness": {"default": {"wait": _FOREVER}},
        "sources": {name: here.source(name, timeout="60s") for name in SERVICES},
    }
    here.with_sender(together=20, bus={"grace": f"{_GRACE}s"}, **patient)
    with here.start("run") as bus:
        bus.until(lambda: len(here.acknowledged()) >= 30, "thirty receipts are given")
        bus.until(lambda: len(here.asked()) >= 20, "twenty questions have left")
        started = time.monotonic()
        stopped = bus.stop()
        took = time.monotonic() - started
    assert stopped.code == 0, stopped.err
    assert took < _GRACE
    agencies.misbehave()
    appealbus(here.folder, "intake", here.appeals.name, "--channel", "sender")
    here.settle(**patient)
    dossiers = nothing_is_lost(here, sent)
    assert dossiers.keys() == set(sent)
    repeated = {question: count for question, count in Counter(asked_since(here, 0)).items() if count > 1}
    assert repeated == {}


def test_sigterm_does_not_wait_for_a_silent_agency(here: Installation, agencies: Agencies) -> None:
    """Calls that outlast the grace period are called off and parked; the next run puts them again."""
    agencies.misbehave(egkn={"silent": 1})
    sent = here.write([each for each in letters(200) if each.parcels][:5])
    here.configure(
        bus={"journal": "sqlite:///journal.db", "grace": "500ms"},
        completeness={"default": {"wait": _FOREVER}},
        sources={"egkn": here.source("egkn", timeout=_FOREVER)},
    )
    appealbus(here.folder, "intake", here.appeals.name)
    with here.start("run") as bus:
        bus.until(lambda: len(here.asked()) >= len(sent), "the questions have left")
        stopped = bus.stop()
    assert stopped.code == 0, stopped.err
    assert here.rows(), "the journal is whole"
    agencies.misbehave()
    here.settle()
    dossiers = nothing_is_lost(here, sent)
    assert {fact.lookup for dossier in dossiers.values() for fact in dossier.facts} >= {"egkn.parcel"}


STUCK = """
import asyncio
from appealbus.core import Delivery, Factory, NoSettings, hookimpl

class Stuck(Delivery):
    async def deliver(self, batch):
        await asyncio.sleep(3600)

@hookimpl
def register_deliveries():
    return [Factory("stuck", NoSettings, Stuck)]
"""


def test_sigterm_does_not_wait_for_a_stuck_receiver(here: Installation) -> None:
    """A receiver that takes nothing holds up neither the exit nor the other receiver, and gets its versions later."""
    (here.folder / "stuck.py").write_text(STUCK)
    deliveries = {"registry": {"kind": "files", "path": here.delivered.name}, "stuck": {"kind": "stuck"}}
    here.configure(
        bus={"journal": "sqlite:///journal.db", "plugins": ["./stuck.py"], "grace": "500ms"}, deliveries=deliveries
    )
    sent = here.write(letters(5))
    appealbus(here.folder, "intake", here.appeals.name)
    with here.start("run") as bus:
        bus.until(lambda: _outbox(here) == {"stuck": len(sent)}, "the other receiver has all")
        stopped = bus.stop()
    assert stopped.code == 0, stopped.err
    assert _outbox(here) == {"stuck": len(sent)}


def test_sigterm_does_not_wait_for_a_database_that_is_silent(
    here: Installation, agencies: Agencies, journal_database: str, postgres: Postgres
) -> None:
    """The line swallows everything, with appeals in flight: the process ends, and all its threads with it."""
    agencies.misbehave(egkn={"silent": 1})
    with FaultProxy(postgres.port) as proxy:
        here.configure(
            bus={"journal": postgres.url_at(proxy.port, make_url(journal_database).database), "grace": "1s"},
            completeness={"default": {"wait": _FOREVER}},
            sources={"egkn": here.source("egkn", timeout=_FOREVER)},
        )
        here.write([each for each in letters(200) if each.parcels][:5])
        appealbus(here.folder, "intake", here.appeals.name)
        with here.start("run") as bus:
            bus.until(lambda: len(here.asked()) >= 5, "the questions have left")
            proxy.blackhole()
            started = time.monotonic()
            stopped = bus.stop()
            took = time.monotonic() - started
    assert stopped.code == 0, stopped.err
    assert "bus.not_released" in stopped.err
    assert took < 1 + MARGIN, stopped.err


def _outbox(here: Installation) -> dict[str, int]:
    return here.read(lambda journal: journal.ask(figures.counts)).outbox


def test_a_second_bus_on_the_same_journal_is_refused(here: Installation) -> None:
    """It says which process to stop, exits 4, and the first one does not notice."""
    here.write(letters(3))
    appealbus(here.folder, "intake", here.appeals.name)
    with here.start("run") as first:
        first.until(lambda: "bus.started" in first.err, "the first bus runs")
        second = appealbus(here.folder, "run", expect=4)
        assert f"process {first.process.pid} " in second.err
        assert "Traceback" not in second.err
        first.until(lambda: len(here.dossiers()) == 3, "the first bus works on")
        assert first.stop().code == 0


@pytest.mark.proof
def test_the_same_file_twice_is_each_appeal_once(here: Installation) -> None:
    """Two intakes of one file at the same time, beside a running bus, then a third: one appeal and one receipt each."""
    sent = here.write(letters(form(40, 80)))
    with here.start("run") as bus:
        bus.until(lambda: "bus.started" in bus.err, "the bus runs")
        with _intake(here) as first, _intake(here) as second:
            counts = [first.ended(), second.ended()]
        assert [each.code for each in counts] == [0, 0], counts
        assert sum(each.counts()["new"] for each in counts) == len(sent)
        receipts = {row.message_id: (row.number, row.accepted_at) for row in here.rows()}
        third = _intake(here).ended()
        assert third.counts() == {"new": 0, "known": len(sent), "quarantined": 0}
        told = {r["receipt"]["message_id"]: r["receipt"]["number"] for r in third.results()}
        assert told == {message_id: number for message_id, (number, _) in receipts.items()}
        bus.until(lambda: len(here.dossiers()) == len(sent), "all have a dossier")
        assert bus.stop().code == 0
    here.settle()
    assert nothing_is_lost(here, sent).keys() == set(sent)
    assert {row.message_id: (row.number, row.accepted_at) for row in here.rows()} == receipts


def _intake(here: Installation) -> Program:
    return here.start("intake", here.appeals.name, "--json")
