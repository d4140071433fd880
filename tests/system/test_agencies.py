"""Agencies that answer badly or not at all: each gap has its reason, the bus stays up, what was parked comes back."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from appealbus.schemas import Appeal, Completeness, Dossier
from appealbus.simulator.population import Population
from tests.services.forms import form
from tests.system.installation import Agencies, Installation, letters
from tests.system.program import Program, appealbus
from tests.system.proof import nothing_is_lost

pytestmark = pytest.mark.system

MEMORY = 200
BAD_ANSWERS = {
    "fault": ("unavailable", "shep.fault.SCE909"),
    "status": ("unavailable", "shep.status.SCSE003"),
    "http_500": ("unavailable", "http.500"),
    "http_502": ("unavailable", "http.502"),
    "empty": ("invalid", "soap.empty"),
    "truncated": ("invalid", "xml.malformed"),
    "wrong_namespace": ("invalid", "reply.schema"),
    "oversized": ("invalid", "http.too_large"),
    "entity_bomb": ("invalid", "xml.doctype"),
    "silent": ("timed_out", "guard.timeout"),
    "cut": ("unavailable", "http.reset"),
    "repeated": ("invalid", "egkn.other_parcel"),
    "doubled": ("invalid", "shep.response"),
    "business_error": ("invalid", "egkn.404"),
    "other_person": ("invalid", "egkn.other_parcel"),
}


@cache
def about_land(count: int) -> list[Appeal]:
    """Return letters about a parcel that the cadastre knows."""
    population = Population()
    return [
        appeal
        for appeal in letters(count * 10)
        if len(appeal.parcels) == 1 and population.parcel_by_number(appeal.parcels[0].cadastral_number)
    ][:count]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, _agencies: Agencies) -> Iterator[tuple[Installation, Program]]:
    """A bus that takes files from a folder, for all tests of this module; it must outlive them."""
    here = Installation(tmp_path_factory.mktemp("busy"), _agencies)
    (here.folder / "inbox").mkdir()
    inbox = {"kind": "files", "folder": "inbox", "poll": "50ms", "settle": "0s"}
    here.configure(intakes={"inbox": inbox})
    with here.start("run", anew=True) as bus:
        bus.until(lambda: "bus.started" in bus.err, "the bus runs")
        yield here, bus
        assert bus.stop().code == 0


@pytest.mark.parametrize(("kind", "expected"), BAD_ANSWERS.items(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_one_gap_with_its_reason_until_the_agency_recovers(
    busy: tuple[Installation, Program], agencies: Agencies, kind: str, expected: tuple[str, str]
) -> None:
    """The dossier tells the outcome, other facts are there, and the next version has the record that was missing."""
    here, bus = busy
    agencies.misbehave(egkn={kind: 1})
    name, message = _drop(here, about_land(len(BAD_ANSWERS))[list(BAD_ANSWERS).index(kind)])
    bus.until(lambda: message in here.dossiers(), "the first version is there")
    first = here.dossiers()[message]
    (gap,) = (gap for gap in first.gaps if gap.lookup == "egkn.parcel")
    assert (gap.outcome.value, gap.code) == expected
    assert gap.required
    assert gap.next_attempt_at is not None
    assert first.completeness is Completeness.PARTIAL
    assert not (here.folder / "inbox" / name).exists()
    agencies.misbehave()
    bus.until(lambda: _complete(here, message), "the parked lookup comes back")
    last = here.dossiers()[message]
    assert "egkn.parcel" in {fact.lookup for fact in last.facts}
    assert last.version == first.version + 1
    assert bus.rss() < MEMORY


def test_values_that_the_contract_does_not_allow_are_none(
    busy: tuple[Installation, Program], agencies: Agencies
) -> None:
    """The record is there without them, and says which they are, until the agency answers well again."""
    here, bus = busy
    agencies.misbehave(egkn={"wrong_types": 1})
    _, message = _drop(here, about_land(len(BAD_ANSWERS) + 1)[-1])
    bus.until(lambda: message in here.dossiers(), "the first version is there")
    (parcel,) = (fact for fact in here.dossiers()[message].facts if fact.lookup == "egkn.parcel")
    assert any(path.endswith("Area") for path in parcel.provenance.unreadable or ())
    assert "неизвестно" not in parcel.model_dump_json()
    agencies.misbehave()
    bus.until(lambda: _complete(here, message), "it is asked again once the agency is well")


def _drop(here: Installation, appeal: Appeal) -> tuple[str, str]:
    name = f"{appeal.message_id}.jsonl"
    part = here.folder / "inbox" / f"{name}.part"
    part.write_text(appeal.model_dump_json(exclude_unset=True) + "\n")
    part.rename(part.with_suffix(""))
    return name, appeal.message_id


def _complete(here: Installation, message: str) -> bool:
    return here.dossiers()[message].completeness is not Completeness.PARTIAL


@pytest.mark.proof
def test_all_misbehaviour_at_once_is_sorted_out_in_the_end(here: Installation, agencies: Agencies) -> None:
    """A rough day in every agency costs time, no appeal; afterwards all is as if nothing had been."""
    kinds = [kind for kind in BAD_ANSWERS if kind not in ("silent", "oversized")]
    rough = {**dict.fromkeys(kinds, 0.04), "silent": 0.01, "oversized": 0.01, "latency_tail": "5ms"}
    agencies.misbehave(gbdfl=rough, gbdul=rough, egkn=rough)
    sent = here.write(letters(form(30, 60)))
    appealbus(here.folder, "intake", here.appeals.name)
    with here.start("run", anew=True) as bus:
        bus.until(lambda: len(here.dossiers()) == len(sent), "every appeal has a dossier")
        agencies.misbehave()
        # Whatever a letter lacks: with agencies that answer, nothing is left to find out.
        bus.until(lambda: all(map(_is_complete, here.dossiers().values())), "all are complete")
        assert bus.rss() < MEMORY
        assert bus.stop().code == 0
    here.settle()
    rough_ones = nothing_is_lost(here, sent)
    assert any(dossier.version > 1 for dossier in rough_ones.values())


def _is_complete(dossier: Dossier) -> bool:
    return dossier.completeness is not Completeness.PARTIAL


@pytest.mark.proof
def test_a_backlog_stays_small_and_the_most_urgent_go_first(here: Installation, agencies: Agencies) -> None:
    """Many appeals wait for a register that is down, in little memory; then those due soonest come first."""
    count = form(120, 2000)
    agencies.misbehave(gbdfl={"http_502": 1}, gbdul={"http_502": 1}, egkn={"http_502": 1})
    made = letters(count)
    # The last to come are the first to be due.
    days = [f"2026-{1 + (count - i) // 200:02d}-{1 + (count - i) // 10 % 20:02d}" for i in range(count)]
    due = dict(zip((appeal.message_id for appeal in made), days, strict=True))
    lines = [{**json.loads(a.model_dump_json(exclude_unset=True)), "due_on": due[a.message_id]} for a in made]
    here.appeals.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    tables: dict[str, Any] = {
        "completeness": {"default": {"wait": "20s"}},
        "retry": {"first": "4s", "factor": 1, "max": "4s"},
        "log": {"level": "warning", "format": "json"},
        "sources": {name: here.source(name, attempts=1, breaker_failures=5, breaker_open="2s") for name in _SOURCES},
    }
    here.configure(**tables, bus={"journal": "sqlite:///journal.db", "concurrency": 200})
    appealbus(here.folder, "intake", here.appeals.name)
    with here.start("run", anew=True) as bus:
        bus.until(lambda: here.rows()[-1].version and _waiting(here) == 0, "all have a dossier", 300)
        assert bus.rss() < MEMORY
        assert bus.stop().code == 0
    agencies.misbehave()
    last = max(row.due_at for row in here.rows() if row.due_at)
    time.sleep(max(0.0, (last - datetime.now(UTC)).total_seconds()))
    first = here.delivered.stat().st_size
    here.configure(**tables, bus={"journal": "sqlite:///journal.db", "concurrency": 4})
    with here.start("run", anew=True) as bus:
        bus.until(lambda: here.delivered.stat().st_size > first * 1.05, "the backlog clears")
        assert bus.rss() < MEMORY
        bus.kill()
    with here.delivered.open("rb") as file:
        file.seek(first)
        order = [due[json.loads(line)["appeal"]["message_id"]] for line in file if line.endswith(b"\n")]
    assert order
    urgent = sorted(due.values())[: len(order) + 8]
    assert set(order) <= set(urgent), "something less urgent went first"


_SOURCES = ("gbdfl", "gbdul", "egkn")


def _waiting(here: Installation) -> int:
    return sum(row.version == 0 for row in here.rows())
