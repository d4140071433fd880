"""The machine's clock is wrong, with the real program: libfaketime moves it while the bus runs."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from appealbus.core.journal import figures
from tests.services.clock import Clock
from tests.services.forms import form
from tests.services.processes import free_port
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import PATIENCE, appealbus
from tests.system.proof import nothing_is_lost

pytestmark = [pytest.mark.system, pytest.mark.proof]


def test_a_clock_that_jumps_deletes_nothing_and_holds_nothing_back(
    here: Installation, agencies: Agencies, clock: Clock
) -> None:
    """Days ahead, back, and at a start: all goes on, and the bus is degraded until a person says otherwise."""
    port = free_port()
    sent = here.write(letters(form(12, 25)))
    tables: dict[str, Any] = {
        # What believes in a clock that is ahead deletes all that has ended, and gives up all that waits.
        "bus": {"journal": "sqlite:///journal.db", "retention": "1d", "quarantine_retention": "1d"},
        "retry": {"first": "300ms", "factor": 1, "max": "300ms", "give_up_after": "1h"},
        "plugins": {"monitor": {"listen": f"127.0.0.1:{port}"}},
    }
    here.configure(**tables)
    (here.folder / "bad.jsonl").write_text("no appeal\n")
    appealbus(here.folder, "intake", here.appeals.name)
    appealbus(here.folder, "intake", "bad.jsonl", expect=1)
    agencies.misbehave(egkn={"http_502": 1})
    with here.start("run", env=clock.environment) as bus:
        bus.until(lambda: len(here.dossiers()) == len(sent), "all have been worked once")
        bus.until(lambda: _counts(here)["parked"], "some wait")
        assert _readiness(port) == ("ready", True)
        for doubts, by in enumerate(("+400d", "-1d", "+6"), 1):
            clock.step(by)
            bus.until(lambda doubts=doubts: bus.err.count('"clock.doubted"') == doubts, f"{by} is noticed")  # type: ignore[misc]
            asked = len(here.asked())
            bus.until(lambda asked=asked: len(here.asked()) > asked + 5, "what is parked comes due")  # type: ignore[misc]
        assert _readiness(port) == ("degraded", False)
        assert appealbus(here.folder, "prune", expect=4, env=clock.environment).err.count("clock accept") == 1
    clock.step("+800d")
    agencies.misbehave()
    with here.start("run", env=clock.environment) as bus:
        bus.until(lambda: not any(map(_counts(here).get, ("open", "parked", "unsent"))), "all is delivered")
        clock.step("+0")
        bus.until(lambda: '"jumped"' in bus.err, "the clock is put right")
        accepted = appealbus(here.folder, "clock", "accept", env=clock.environment)
        assert "It was in doubt" in accepted.out
        bus.until(lambda: '"clock.trusted"' in bus.err, "the bus hears of it")
        bus.until(lambda: _readiness(port) == ("ready", True), "it is ready")
        told = bus.stop()
    assert "prune_failed" not in told.err
    dossiers = nothing_is_lost(here, sent)
    assert {dossier.completeness.value for dossier in dossiers.values()} <= {"complete", "settled"}
    assert appealbus(here.folder, "status", "--json").json()["quarantine"] == 1


def _readiness(port: int) -> tuple[str, bool]:
    """Return what `/readyz` says of the whole, and of the clock."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE) as reply:
            told = json.load(reply)
    except HTTPError as error:
        told = json.load(error)
    return told["status"], next(check["ok"] for check in told["checks"] if check["name"] == "clock")


def _counts(here: Installation) -> dict[str, int]:
    counts = here.read(lambda journal: journal.ask(figures.counts))
    return {
        "open": counts.ready + counts.in_work + counts.suspect,
        "parked": counts.parked,
        "unsent": sum(counts.outbox.values()),
    }
