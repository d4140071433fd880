"""Whatever happens to plugins, registers and the appeal: no version loses a fact that something still leads to."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from appealbus.core import CallFailed, From, FromAll, Lookup, OutcomeKind, Request, Taken, found, not_found
from appealbus.core.bus.bus import Bus
from appealbus.core.journal.appeals import leases, lists
from appealbus.schemas import Dossier
from tests.core.bus.test_changes import ONE as FIRST
from tests.core.bus.test_changes import OTHER, change
from tests.core.kit import Thing, dossier, lookup, message, running_bus
from tests.services.forms import form, seeds

UP, RENAMED = "s.up", "s.parcel"


class Registers:
    """Answers by whom it is asked about: what there is changes, is gone, or cannot be had."""

    def __init__(self) -> None:
        self.how: dict[tuple[str, str], str] = {}
        self.issue: dict[str, int] = {}

    def lookups(self, *, renamed: bool, wider: bool) -> dict[str, Lookup[Any, Any]]:
        """Make all lookups of a release: one of them may have another name, and a query with one more field."""
        more: dict[str, Any] = {"y": (str | None, From("place.kato"), None)} if wider else {}
        up = self._lookup(RENAMED if renamed else UP, x=FromAll("repeats[*]"), **more)
        if renamed:
            type(up).formerly = (UP,)
        return {
            "up": up,
            "holder": self._lookup("s.holder", x=FromAll("s.up/next[*]")),
            "person": self._lookup("s.person", x=From("applicant.iin")),
            "text": self._lookup("s.text", x=From("text")),
            "either": self._lookup("s.either", x=FromAll("applicant.iin", "s.holder/name")),
        }

    def _lookup(self, name: str, **fields: Any) -> Lookup[Any, Any]:
        async def ask(query: Any, source: Any) -> Any:
            await source.call(Request({"name": name, "x": query.x}))
            how = self.how.get((present(name), query.x))
            if how == "down":
                raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
            issue = self.issue.get(query.x, 0)
            leads = [f"{query.x}.{(i + issue) % 4}" for i in range(1 + issue % 3)] if present(name) == UP else []
            return not_found() if how == "none" else found(Thing(name=f"{query.x}#{issue}", next=leads))

        return lookup(name, ask, **fields)


def present(name: str) -> str:
    return UP if name == RENAMED else name


def facts(told: Dossier) -> dict[tuple[str, tuple[str, ...]], Any]:
    """Return what it tells, by what was asked about whom: under whatever name and key."""
    inputs = {(each.lookup, each.key): tuple(given.value for given in each.inputs) for each in told.outcomes}
    by_question = {(present(each.lookup), inputs[each.lookup, each.key]): each.record for each in told.facts}
    assert len(by_question) == len(told.facts)
    return by_question


def leading(told: Dossier) -> dict[str, set[str | None]]:
    """Return what the appeal and the records of a version lead each lookup to."""
    things = [(present(each.lookup), each.record) for each in told.facts if isinstance(each.record, Thing)]
    iin = getattr(told.appeal.applicant, "iin", None)
    return {
        UP: set(told.appeal.repeats),
        "s.holder": {each for name, thing in things if name == UP for each in thing.next},
        "s.person": {iin},
        "s.text": {told.appeal.text},
        "s.either": {iin, *(thing.name for name, thing in things if name == "s.holder")},
    }


def check(before: Dossier | None, now: Dossier, known: set[str]) -> None:
    """Compare a version with the one before it, and with all that could ever be asked."""
    leads = leading(now)
    for name, (x, *_) in facts(now):
        assert x in leads[name]
    if before is not None and (gone := facts(before).keys() - facts(now).keys()):
        assert not any(x in leads[name] for name, (x, *_) in gone)
        assert len(now.not_carried) >= len(gone)
    if now.completeness == "complete":
        assert not any(each.code == "lookup.not_loaded" for each in now.outcomes)
        asked = {(present(each.lookup), given.value) for each in now.outcomes for given in each.inputs}
        wanted = {(UP, each) for each in now.appeal.repeats} | {
            ("s.person", getattr(now.appeal.applicant, "iin", None))
        }
        leads = [
            each.record.next for each in now.facts if present(each.lookup) == UP and isinstance(each.record, Thing)
        ]
        wanted |= {("s.holder", each) for led in leads for each in led}
        assert {(name, value) for name, value in wanted if name in known and value} <= asked


async def happens(random: Random, registers: Registers, bus: Bus, number: str, step: str) -> None:
    """Let one thing happen, and have the case worked."""
    what = random.choice(["retry", "all", "refresh", "corrected", "register", "register"])
    if what == "register":
        about = random.choice(["p", "q", "r", "t", "p.0", "p.1", FIRST, OTHER])
        registers.issue[about] = registers.issue.get(about, 0) + random.randrange(2)
        name = random.choice([UP, "s.holder", "s.person", "s.text", "s.either"])
        registers.how[name, about] = random.choice(["found", "none", "down"])
        return
    if what == "corrected":
        given: dict[str, Any] = {"repeats": random.choice([["p"], ["p", "q"], ["q", "r"], ["r"]])}
        iin = random.choice([FIRST, OTHER, None])
        more: dict[str, Any] = {"removed": ["applicant.iin"]} if iin is None else {}
        given |= {"applicant": {"type": "person", "iin": iin}} if iin else {}
        await bus.accept(change(step, number=number, corrected=given, **more))
    else:
        await bus.journal.do(leases.Retry(number, everything=what == "all", refresh=what == "refresh"))
        bus._dispatcher.more()
    await bus.settle()


@pytest.mark.proof
@pytest.mark.parametrize("seed", seeds(1, 40))
async def test_no_version_loses_a_fact_whatever_happens(tmp_path: Path, seed: int) -> None:
    """Lookups come and go and are renamed, registers change and fail, the appeal is corrected."""
    random, registers = Random(seed), Registers()
    known: set[str] = set()
    number, last = "", None
    for start in range(form(4, 8)):
        made = registers.lookups(renamed=random.random() < 0.3, wider=random.random() < 0.3)
        loaded = [each for each in made.values() if random.random() < 0.75]
        tables: dict[str, Any] = {
            "sources": {"s": {"connector": "scripted", "guard": {"attempts": 1}}},
            "retry": {"first": "1h"},
        }
        async with running_bus(tmp_path, *loaded, **tables) as bus:
            known |= {present(node.lookup.name) for node in bus.parts.nodes}
            if not number:
                about: dict[str, Any] = {"repeats": ["p", "q"], "applicant": {"type": "person", "iin": FIRST}}
                taken = await bus.accept(message(text="t", **about))
                assert isinstance(taken, Taken)
                number = taken.receipt.number
            await bus.settle()
            for step in range(4):
                newest = await bus.journal.ask(lists.appeal_row, number)
                assert newest is not None
                for version in range((last.version if last else 0) + 1, newest.version + 1):
                    now = await dossier(bus, number, version)
                    check(last, now, known)
                    last = now
                if step < 3:
                    await happens(random, registers, bus, number, f"c-{start}-{step}")
