"""A record stays only while something that still counts leads to it: the appeal as it is now, or a record beside it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import From, FromAll, Lookup, OutcomeKind, Request, Taken, clocks, found, not_found
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.work import source_watch
from appealbus.core.domain.case import NOT_GIVEN
from appealbus.core.domain.pauses import Pause
from appealbus.core.journal import keeping, log, pauses
from appealbus.core.journal.appeals import leases, lists
from appealbus.core.management.records import records, withdraw
from appealbus.schemas import Dossier
from appealbus.schemas.dossier import Input
from tests.core.bus.test_changes import ONE as FIRST
from tests.core.bus.test_changes import OTHER, change
from tests.core.kit import Thing, dossier, lookup, message, running_bus
from tests.services.processes import PATIENCE

pytestmark = pytest.mark.proof

SLOWLY = {"first": 3600, "max": 3600}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look five times a second, so that nobody waits a second for each look."""
    monkeypatch.setattr(source_watch, "_POLL", 0.2)


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name a journal of each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    return str(request.getfixturevalue("journal_database"))


class Register:
    """Lands with their owners, and persons; what is not in it is not found."""

    def __init__(self, **owners: list[str]) -> None:
        self.owners = owners
        self.asked: list[tuple[str, str]] = []

    async def land(self, query: Any, source: Any) -> Any:
        await self._call("land", query.x, source)
        owners = self.owners.get(query.x)
        return not_found() if owners is None else found(Thing(name=query.x, next=list(owners)))

    async def person(self, query: Any, source: Any) -> Any:
        await self._call("person", query.x, source)
        return found(Thing(name=query.x))

    async def _call(self, name: str, x: str, source: Any) -> None:
        self.asked.append((name, x))
        await source.call(Request({"name": name, "x": x}))

    @property
    def lookups(self) -> list[Lookup[Any, Any]]:
        return [
            lookup("s.land", self.land, x=FromAll("repeats[*]")),
            lookup("s.person", self.person, x=FromAll("s.land/next[*]")),
        ]


def running(path: Path, journal: str, *lookups: Lookup[Any, Any], **guard: Any) -> Any:
    source = {"connector": "scripted", "guard": {"attempts": 1, **guard}}
    tables = {"bus": {"journal": journal, "grace": 1}, "sources": {"s": source}, "retry": SLOWLY}
    return running_bus(path, *lookups, **tables)


async def sent(bus: Bus, message_id: str = "m-1", **given: Any) -> str:
    """Have an appeal taken and worked; return its number."""
    taken = await bus.accept(message(message_id, **given))
    assert isinstance(taken, Taken)
    await bus.settle()
    return taken.receipt.number


async def again(bus: Bus, number: str, **given: Any) -> Dossier:
    """Have it worked once more; return the newest version."""
    await bus.journal.do(leases.Retry(number, **given))
    bus._dispatcher.more()
    await bus.settle()
    return await dossier(bus, number)


async def corrected(bus: Bus, number: str, change_id: str, **given: Any) -> Dossier:
    """Have the appeal corrected; return the newest version."""
    await bus.accept(change(change_id, number=number, corrected=given))
    await bus.settle()
    return await dossier(bus, number)


def names(told: Dossier) -> set[str]:
    """Return whom and what the records are about."""
    return {fact.record.name for fact in told.facts if isinstance(fact.record, Thing)}


async def until(wanted: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await wanted():
            await asyncio.sleep(0.02)


async def paused(bus: Bus) -> Pause:
    now = clocks.wall()
    order = Pause("s", now, now + timedelta(hours=1), "they mend the database", "olga")
    await bus.journal.do(pauses.Pausing(order))

    async def seen() -> bool:
        return bus.guards["s"].state().paused_until is not None

    await until(seen)
    return order


async def resumed(bus: Bus, number: str) -> Dossier:
    """Let the source be asked again, and wait until the dossier is complete."""
    await bus.journal.do(pauses.Resuming("s", by="olga"))

    async def complete() -> bool:
        return (await dossier(bus, number)).completeness == "complete"

    await until(complete)
    return await dossier(bus, number)


async def test_news_after_a_pause_leave_no_owner_of_before(tmp_path: Path, journal: str) -> None:
    """What was served from memory is superseded with all that was asked from it, and says meanwhile what it is."""
    register = Register(C1=["O1"])
    async with running(tmp_path, journal, *register.lookups, fresh=0.001, stale=3600) as bus:
        await sent(bus, repeats=["C1"])
        order = await paused(bus)
        number = await sent(bus, "m-2", repeats=["C1"])
        first = await dossier(bus, number)
        assert (names(first), first.completeness) == ({"C1", "O1"}, "partial")
        stale = [gap for gap in first.gaps if gap.code == "source.stale"]
        assert [(gap.lookup, gap.outcome, gap.next_attempt_at) for gap in stale] == [
            (name, OutcomeKind.UNAVAILABLE, order.until) for name in ("s.land", "s.person")
        ]
        register.owners["C1"] = ["O2"]
        last = await resumed(bus, number)
        assert (names(last), last.gaps) == ({"C1", "O2"}, [])
        assert [(each.lookup, each.reason) for each in last.not_carried] == [
            ("s.person", "it was answered from memory alone, and the question is not put any more")
        ]
        row = await bus.journal.ask(lists.appeal_row, number)
        assert row is not None
        assert (row.completeness, row.waits_for, row.due_at) == ("complete", (), None)


async def test_what_was_served_from_memory_and_is_confirmed_is_told(tmp_path: Path, journal: str) -> None:
    """Though the record is the same: the version before said that it was provisional."""
    register = Register(C1=[])
    async with running(tmp_path, journal, register.lookups[0], fresh=0.001, stale=3600) as bus:
        await sent(bus, repeats=["C1"])
        await paused(bus)
        number = await sent(bus, "m-2", repeats=["C1"])
        assert (await dossier(bus, number)).completeness == "partial"
        last = await resumed(bus, number)
        assert (last.version, names(last), last.gaps, last.not_carried) == (2, {"C1"}, [], [])


async def test_a_source_that_knows_no_such_record_supersedes_what_was_served_from_memory(
    tmp_path: Path, journal: str
) -> None:
    """With all that was asked from it; before, the dossier was `partial` for good, and nothing was to come."""
    register = Register(C1=["O1"])
    async with running(tmp_path, journal, *register.lookups, fresh=0.001, stale=3600) as bus:
        await sent(bus, repeats=["C1"])
        await paused(bus)
        number = await sent(bus, "m-2", repeats=["C1"])
        assert names(await dossier(bus, number)) == {"C1", "O1"}
        del register.owners["C1"]
        last = await resumed(bus, number)
        assert (names(last), [each.lookup for each in last.not_carried]) == (set(), ["s.person"])
        assert last.outcomes[0].outcome is OutcomeKind.NOT_FOUND


async def test_what_was_served_from_memory_is_asked_when_its_appeal_is_taken_up_again(
    tmp_path: Path, journal: str
) -> None:
    """It had ended meanwhile, and says so: nobody asks."""
    register = Register(C1=["O1"])
    async with running(tmp_path, journal, *register.lookups, fresh=0.001, stale=3600) as bus:
        await sent(bus, repeats=["C1"])
        await paused(bus)
        number = await sent(bus, "m-2", repeats=["C1"])
        await bus.accept(change("c-1", "answered", appeal_message_id="m-2"))
        await bus.settle()
        gaps = [gap for gap in (await dossier(bus, number)).gaps if gap.code == "source.stale"]
        assert [(gap.reason, gap.next_attempt_at) for gap in gaps] == [
            ("nobody asks any more: the appeal was answered", None)
        ] * 2
        register.owners["C1"] = ["O2"]
        await bus.journal.do(pauses.Resuming("s", by="olga"))
        await bus.accept(change("c-2", "extended", appeal_message_id="m-2", due_on="2027-01-11"))
        assert names(await resumed(bus, number)) == {"C1", "O2"}


@pytest.mark.parametrize("refresh", [True, False], ids=["refresh", "retry all"])
async def test_asking_again_in_a_pause_keeps_what_there_is(tmp_path: Path, journal: str, refresh: bool) -> None:
    """What was found, what was not, and what was served from memory, which others are still served from."""
    register = Register(C1=["O1"])
    async with running(tmp_path, journal, *register.lookups, fresh=0.001, stale=3600) as bus:
        whole = await sent(bus, repeats=["C1", "none"])
        await paused(bus)
        provisional = await sent(bus, "m-2", repeats=["C1", "none"])
        before = [await dossier(bus, each) for each in (whole, provisional)]
        kinds = [[(o.lookup, o.outcome) for o in told.outcomes] for told in before]
        for _ in range(2):
            for each in (whole, provisional):
                await again(bus, each, everything=True, refresh=refresh)
        now = [await dossier(bus, each) for each in (whole, provisional)]
        assert [[(o.lookup, o.outcome) for o in told.outcomes] for told in now] == kinds
        assert [told.completeness for told in now] == ["complete", "partial"]
        assert [names(told) for told in now] == [{"C1", "O1"}] * 2
        third = await dossier(bus, await sent(bus, "m-3", repeats=["C1"]))
        assert names(third) == {"C1", "O1"}
        register.owners |= {"none": ["O3"], "C1": ["O2"]}
        assert names(await resumed(bus, provisional)) == {"C1", "O2", "none", "O3"}


async def test_an_owner_goes_with_the_parcel_that_named_him(tmp_path: Path, journal: str) -> None:
    """The one of before, too, when the register has had another one since; each with its reason."""
    register = Register(C1=["O1"], C2=["O3"])
    async with running(tmp_path, journal, *register.lookups) as bus:
        number = await sent(bus, repeats=["C1"])
        register.owners["C1"] = ["O2"]
        second = await again(bus, number, refresh=True)
        assert names(second) == {"C1", "O2"}
        assert [each.reason for each in second.not_carried] == [
            "no record of this version leads to it any more: the one that did is withdrawn, no longer told, or newer"
        ]
        third = await corrected(bus, number, "c-1", repeats=["C2"])
        assert names(third) == {"C2", "O3"}
        assert {each.lookup for each in third.not_carried} == {"s.land", "s.person"}
        assert len(third.not_carried) == 3
        fourth = await corrected(bus, number, "c-2", repeats=["C1"])
        assert names(fourth) == {"C1", "O2"}


async def test_a_stranger_whom_a_mistake_named_goes_when_it_is_mended(tmp_path: Path, journal: str) -> None:
    """The plugin took somebody else for the owner; whom another record names as well, stays."""
    register = Register(C1=["stranger", "both"], C2=["both"])
    async with running(tmp_path, journal, *register.lookups) as bus:
        number = await sent(bus, repeats=["C1", "C2"])
    register.owners["C1"] = ["O1"]
    async with running(tmp_path, journal, *register.lookups) as bus:
        told = await again(bus, number, refresh=True)
        assert names(told) == {"C1", "C2", "O1", "both"}


async def test_who_is_still_named_stays_while_a_plugin_is_away(tmp_path: Path, journal: str) -> None:
    """Be it in another field of the appeal that the lookup asks about, or in a record whose model is not here."""
    register = Register()
    who = lookup("s.person", register.person, x=FromAll("applicant.iin", "representative.iin"))
    other = lookup("s.other", x=From("text"))
    async with running(tmp_path, journal, who, other) as bus:
        number = await sent(bus, text="t", applicant={"type": "person", "iin": FIRST})
    async with running(tmp_path, journal, other) as bus:
        given = {"applicant": {"type": "person", "iin": OTHER}, "representative": {"type": "person", "iin": FIRST}}
        told = await corrected(bus, number, "c-1", **given)
        assert FIRST in names(told)
        assert not told.not_carried
        told = await corrected(bus, number, "c-2", representative={"type": "person", "iin": OTHER})
        assert FIRST not in names(told)


async def test_a_record_that_a_person_withdraws_goes_and_readers_are_told(tmp_path: Path, journal: str) -> None:
    """With what was found by it; it is asked again when a person has it asked, and not from memory."""
    register = Register(C1=["stranger"])
    async with running(tmp_path, journal, *register.lookups, fresh=3600) as bus:
        number = await sent(bus, repeats=["C1"])
        land, _ = await records(bus.journal, number)
        assert await withdraw(bus.journal, number, land, reason="the wrong column", by="olga")
        assert not await withdraw(bus.journal, number, land, reason="twice", by="olga")
        bus._dispatcher.more()
        await bus.settle()
        second = await dossier(bus, number)
        assert (second.version, names(second), second.completeness) == (2, set(), "settled")
        assert [(gap.lookup, gap.outcome, gap.code) for gap in second.gaps if gap.lookup == "s.land"] == [
            ("s.land", OutcomeKind.INVALID, "record.withdrawn")
        ]
        assert {each.lookup: each.reason for each in second.not_carried} == {
            "s.land": "a person has withdrawn it, as it was misread: the wrong column",
            "s.person": str(NOT_GIVEN),
        }
        entry = next(each for each in (await bus.journal.ask(log.history, number)) if each.what == "retracted")
        assert (entry.about, entry.detail["reason"]) == ("s.land", "the wrong column")
        register.owners["C1"] = ["O1"]
        third = await again(bus, number)
        assert (names(third), third.completeness) == ({"C1", "O1"}, "complete")
        assert [each.lookup for each in third.not_carried] == ["s.person"]


async def test_a_dossier_that_an_older_release_left_with_both_owners_is_mended(tmp_path: Path, journal: str) -> None:
    """Idle, partial for good, and nothing missing: `retry` takes the former owner out."""
    register = Register(C1=["O2"])
    async with running(tmp_path, journal, *register.lookups) as bus:
        number = await sent(bus, repeats=["C1"])
        row = await bus.journal.ask(lists.appeal_row, number)
        assert row is not None
        _, person = await records(bus.journal, number)
        given = (Input(name="x", value="O1", path="s.land/next[*]"),)
        former = replace(person, key="former", inputs=given, code="source.stale", record=Thing(name="O1"))
        await bus.journal.post(keeping.Keep(row.appeal_id, former))
        assert names(await again(bus, number)) == {"C1", "O2"}
        assert (await bus.journal.ask(lists.appeal_row, number)).completeness == "complete"  # type: ignore[union-attr]


@pytest.mark.parametrize("refreshed", [True, False], ids=["asked anew", "as it was"])
@pytest.mark.parametrize("how", ["a name", "a field"])
async def test_a_record_is_withdrawn_under_each_name_and_key(
    tmp_path: Path, journal: str, how: str, refreshed: bool
) -> None:
    """The lookup was renamed, or its query has one more field: what the dossier names goes, and stays away."""
    register = Register(C1=["stranger"])
    if how == "a name":
        land = lookup("s.parcel", register.land, x=FromAll("repeats[*]"))
        type(land).formerly = ("s.land",)
        newer = [land, lookup("s.person", register.person, x=FromAll("s.parcel/next[*]"))]
    else:
        more = {"y": (str | None, From("place.kato"), None)}
        newer = [lookup("s.land", register.land, x=FromAll("repeats[*]"), **more), register.lookups[1]]
    async with running(tmp_path, journal, *register.lookups) as bus:
        number = await sent(bus, repeats=["C1"])
    async with running(tmp_path, journal, *newer) as bus:
        await again(bus, number, refresh=refreshed)
        told = await corrected(bus, number, "c-0", text="s")
        [fact] = [each for each in told.facts if each.lookup != "s.person"]
        [state] = [each for each in await records(bus.journal, number) if each.lookup != "s.person"]
        assert (state.lookup, state.key) == (fact.lookup, fact.key)
        assert await withdraw(bus.journal, number, state, reason="the wrong column", by="olga")
        bus._dispatcher.more()
        await bus.settle()
        gone = await dossier(bus, number)
        assert (gone.version, names(gone), gone.completeness) == (told.version + 1, set(), "settled")
        assert [each.key for each in gone.not_carried if each.lookup == fact.lookup] == [fact.key]
        assert await records(bus.journal, number) == []
        assert names(await corrected(bus, number, "c-1", text="t")) == set()
    async with running(tmp_path, journal, *register.lookups) as bus:
        assert names(await corrected(bus, number, "c-2", text="u")) == set()
    async with running(tmp_path, journal, *newer) as bus:
        del register.owners["C1"]
        assert names(await again(bus, number)) == set()
        register.owners["C1"] = ["O1"]
        last = await again(bus, number, everything=True)
        assert (names(last), last.completeness) == ({"C1", "O1"}, "complete")


async def test_only_what_the_newest_version_tells_can_be_withdrawn(tmp_path: Path, journal: str) -> None:
    """A record of before, which the appeal does not lead to any more, is none of them."""
    register = Register(C1=[], C2=[])
    async with running(tmp_path, journal, register.lookups[0]) as bus:
        number = await sent(bus, repeats=["C1"])
        [former] = await records(bus.journal, number)
        await corrected(bus, number, "c-1", repeats=["C2"])
        [state] = await records(bus.journal, number)
        assert isinstance(state.record, Thing)
        assert state.record.name == "C2"
        assert not await withdraw(bus.journal, number, former, reason="the wrong column", by="olga")


async def test_a_lookup_of_its_own_is_not_withdrawn_with_another(tmp_path: Path, journal: str) -> None:
    """One that took another one's name over as a former one, while that is still there, asks something else."""
    register = Register(C1=[])
    both = [lookup(name, register.land, x=FromAll("repeats[*]")) for name in ("s.land", "s.parcel")]
    type(both[1]).formerly = ("s.land",)
    async with running(tmp_path, journal, *both) as bus:
        number = await sent(bus, repeats=["C1"])
        land, _ = await records(bus.journal, number)
        assert await withdraw(bus.journal, number, land, reason="the wrong column", by="olga")
        assert [each.lookup for each in await records(bus.journal, number)] == ["s.parcel"]
