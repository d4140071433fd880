"""Lookups that are gone, back, or renamed: no version loses a fact by it, and none is complete by it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appealbus.core import Call, CallFailed, From, FromAll, Lookup, OutcomeKind, Reply, Request, Taken, found
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.work import case_run
from appealbus.core.bus.work import dispatcher as dispatching
from appealbus.core.domain.listing import AppealRow
from appealbus.core.enrichment import assembly
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.loading.host import Host, Plugin
from appealbus.schemas import Completeness, Dossier, Iin
from tests.core.kit import ScriptedWire, Thing, dossier, lookup, message, reply, running_bus
from tests.services.processes import PATIENCE

KEPT = lookup("s.kept", x=From("text"))
LOST = lookup("s.lost", x=From("text"))
Start = Callable[..., AbstractAsyncContextManager[Bus]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a bus over one journal with these lookups; what is carried is worked again at once."""
    monkeypatch.setattr(claiming, "_AGAIN", -timedelta(hours=1))

    def started(*lookups: Lookup[Any, Any], **given: Any) -> AbstractAsyncContextManager[Bus]:
        return running_bus(tmp_path, *lookups, **given)

    return started


async def taken(bus: Bus, message_id: str = "m-1", **given: Any) -> str:
    """Have a message taken and worked; return its number."""
    result = await bus.accept(message(message_id, text="a", **given))
    assert isinstance(result, Taken)
    await bus.settle()
    return result.receipt.number


async def newest(bus: Bus, number: str) -> Dossier:
    return await dossier(bus, number)


async def row(bus: Bus, number: str) -> AppealRow:
    found = await bus.journal.ask(lists.appeal_row, number)
    assert found is not None
    return found


@pytest.mark.proof
async def test_what_a_lost_lookup_told_stays_and_is_marked(start: Start) -> None:
    """Its fact is in the next version, marked as not asked now; the version names the plan and why it is not in it."""
    async with start(KEPT, LOST) as bus:
        number = await taken(bus)
        first = await newest(bus, number)
        assert [(each.lookup, each.plugin, each.not_loaded) for each in first.plan] == [
            ("s.kept", "test", None),
            ("s.lost", "test", None),
        ]
        assert not any(fact.not_asked_now for fact in first.facts)
    other = lookup("s.other", x=From("text"))
    async with start(KEPT, other) as bus:
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        second = await newest(bus, number)
        assert second.version == 2
        assert second.completeness == "complete"
        assert {fact.lookup: fact.not_asked_now for fact in second.facts} == {
            "s.kept": None,
            "s.lost": True,
            "s.other": None,
        }
        lost = next(each for each in second.plan if each.lookup == "s.lost")
        assert (lost.plugin, lost.plugin_version) == ("test", "1")
        assert lost.not_loaded == "its plugin test brings it no longer"
        assert (await row(bus, number)).lacks == ()
        assert (await bus.journal.ask(figures.counts)).lacking == {}
    async with start(KEPT, other) as bus:  # nothing comes of starting without it once more
        await bus.settle()
        assert (await row(bus, number)).version == 2
    async with start(KEPT, LOST, other) as bus:  # nobody has to say that it is back, and no source is asked again
        await bus.settle()
        third = await newest(bus, number)
        assert (third.version, third.completeness) == (3, "complete")
        assert [fact.not_asked_now for fact in third.facts] == [None, None, None]
        trails = [next(fact for fact in of.facts if fact.lookup == "s.lost").provenance for of in (first, third)]
        assert trails[0] == trails[1]
    async with start(KEPT, LOST, other) as bus:
        await bus.settle()
        assert (await row(bus, number)).version == 3


@pytest.mark.proof
async def test_two_workers_that_lack_different_lookups_make_no_versions_for_each_other(
    start: Start, journal_database: str
) -> None:
    """As where a new release is rolled out: what the one does gives the other nothing to say."""
    given, other = {"bus": {"journal": journal_database, "grace": 1}}, lookup("s.other", x=From("text"))
    async with start(KEPT, LOST, other, **given) as bus:
        number = await taken(bus)
    async with start(KEPT, LOST, **given) as one, start(KEPT, other, **given) as two:
        for at in range(4):
            for bus in (one, two):
                await bus.journal.do(leases.Retry(number))
                bus._dispatcher.more()
                await asyncio.sleep(0.3)
            if not at:
                version = (await row(one, number)).version
        assert (await row(one, number)).version == version


async def test_a_lost_lookup_makes_no_dossier_complete_and_is_asked_when_it_is_back(start: Start) -> None:
    """Nobody says so in the configuration: the journal remembers what could be asked."""
    async with start(KEPT, LOST):
        pass
    async with start(KEPT) as bus:
        number = await taken(bus)
        first = await newest(bus, number)
        assert first.completeness == "partial"
        (gap,) = first.gaps
        assert (gap.lookup, gap.required, gap.outcome, gap.code) == ("s.lost", True, "unavailable", "lookup.not_loaded")
        assert gap.reason == "it cannot be asked now: its plugin test brings it no longer"
        assert (await row(bus, number)).lacks == ("s.lost",)
        assert (await bus.journal.ask(figures.counts)).lacking == {"s.lost": 1}
        assert [each.number for each in await bus.journal.ask(lists.appeals, lacking=True)] == [number]
    async with start(KEPT) as bus:  # nothing comes of starting without it once more
        await bus.settle()
        assert (await row(bus, number)).version == 1
    async with start(KEPT, LOST) as bus:
        await bus.settle()
        second = await newest(bus, number)
        assert (second.version, second.completeness, second.gaps) == (2, "complete", [])
        assert (await row(bus, number)).lacks == ()
        assert (await bus.journal.ask(figures.counts)).lacking == {}


async def test_a_source_that_is_taken_out_makes_no_dossier_complete(start: Start) -> None:
    """What takes an input from its lookups is missing with them, and both stay in the contract."""
    record = lookup("t.next", x=FromAll("s.lost/next[*]"))
    async with start(KEPT, LOST, record):
        pass
    sources = {"t": {"connector": "scripted"}}
    async with start(KEPT, LOST, record, sources=sources) as bus:
        number = await taken(bus)
        first = await newest(bus, number)
        assert first.completeness == "partial"
        assert {gap.lookup: gap.code for gap in first.gaps} == dict.fromkeys(
            ("s.kept", "s.lost", "t.next"), "lookup.not_loaded"
        )
        assert "write [sources.s]" in first.gaps[0].reason
    async with start(KEPT, LOST, record) as bus:
        await bus.settle()
        assert (await newest(bus, number)).completeness == "complete"


async def test_what_is_retired_is_missed_no_longer(start: Start, tmp_path: Path) -> None:
    """Somebody says that it is gone for good: what waited for it is complete now."""
    async with start(KEPT, LOST):
        pass
    async with start(KEPT) as bus:
        number = await taken(bus, "m-0")
        assert (await row(bus, number)).lacks == ("s.lost",)
    bus_table = {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "grace": 1, "retired": ["s.lost"]}
    async with start(KEPT, bus=bus_table) as bus:
        assert (await newest(bus, await taken(bus))).completeness == "complete"
        found = await row(bus, number)
        assert (found.version, found.completeness, found.lacks) == (2, "complete", ())


@pytest.mark.parametrize("marked", [False, True])
async def test_what_was_retired_and_comes_back_is_confirmed_by_itself(
    start: Start, tmp_path: Path, marked: bool
) -> None:
    """Whether it was missed before it was retired or not; while it is away nothing comes of looking again."""
    other = lookup("s.other", x=From("text"))
    bus_table = {"journal": f"sqlite:///{tmp_path / 'journal.db'}", "grace": 1, "retired": ["s.lost"]}
    async with start(KEPT, LOST) as bus:
        number = await taken(bus)
    if marked:
        async with start(KEPT, other) as bus:
            assert told_by(await worked_again(bus, number))["s.lost"] is True
    async with start(KEPT, other, bus=bus_table) as bus:
        second = await worked_again(bus, number)
        assert (second.version, told_by(second)["s.lost"], second.completeness) == (2, True, "complete")
        assert (await row(bus, number)).lacks == ()
        worked_at = (await row(bus, number)).changed_at
    async with start(KEPT, other, bus=bus_table) as bus:
        await bus.settle()
        assert (await row(bus, number)).changed_at == worked_at
    async with start(KEPT, LOST, other, bus=bus_table) as bus:
        await bus.settle()
        third = await newest(bus, number)
        assert (third.version, set(told_by(third).values())) == (3, {None})


async def test_what_the_configuration_requires_counts_though_nobody_ever_brought_it(start: Start) -> None:
    """The bus runs with the rest, and says at its start and in each dossier what is missing."""
    completeness = {"default": {"required": ["s.kept", "s.never"]}}
    async with start(KEPT, LOST, completeness=completeness) as bus:
        (problem,) = bus.parts.problems
        assert problem.endswith("s.never cannot be asked: no plugin brings it; there are: s.kept, s.lost")
        first = await newest(bus, await taken(bus))
        assert first.completeness == "partial"
        assert [(gap.lookup, gap.reason) for gap in first.gaps] == [
            ("s.never", "it cannot be asked now: no plugin brings it")
        ]
    async with start(KEPT, LOST, completeness={"default": {"required": ["s.kept"]}}) as bus:  # it was misspelt
        await bus.settle()
        assert (await row(bus, first.number)).completeness == "complete"


async def test_what_is_optional_and_not_there_is_a_gap_and_no_more(start: Start) -> None:
    """The dossier is complete without it, and gets it when it is there."""
    completeness = {"default": {"required": ["s.kept"], "optional": ["s.lost"]}}
    async with start(KEPT, completeness=completeness) as bus:
        first = await newest(bus, await taken(bus))
        assert first.completeness == "complete"
        assert [(gap.lookup, gap.required, gap.code) for gap in first.gaps] == [("s.lost", False, "lookup.not_loaded")]
    async with start(KEPT, LOST, completeness=completeness) as bus:
        await bus.settle()
        assert (await newest(bus, first.number)).gaps == []


@pytest.mark.parametrize("known", [False, True])
async def test_a_plugin_that_is_broken_makes_no_dossier_complete(
    start: Start, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is known here that it brings no lookup: nobody can say what a broken one would ask."""
    plugin = Plugin("other", "1", "installed", brought={})
    loaded = Host.__init__

    def with_another(host: Host, *args: Any) -> None:
        loaded(host, *args)
        host.plugins.append(plugin)

    monkeypatch.setattr(Host, "__init__", with_another)
    if known:
        async with start(KEPT):
            pass
    plugin.state, plugin.reason = "broken", "ImportError: no module"
    async with start(KEPT) as bus:
        number = await taken(bus)
        first = await newest(bus, number)
        assert first.completeness == ("complete" if known else "partial")
        assert [gap.lookup for gap in first.gaps] == ([] if known else ["other"])
    plugin.state = "active"
    async with start(KEPT) as bus:
        await bus.settle()
        assert (await newest(bus, number)).completeness == "complete"
        assert (await row(bus, number)).lacks == ()


async def test_what_was_open_when_its_lookup_was_lost_is_lacking(start: Start) -> None:
    """A question that waited for its next attempt waits for its plugin; nothing new is told by that alone."""
    answers = {"down": True}

    def script(request: Request, call: Call) -> Reply:
        if answers["down"] and request.body["name"] == "s.lost":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    wire = ScriptedWire(script)
    async with start(KEPT, LOST, wire=wire, retry={"first": "1h", "max": "1h"}) as bus:
        number = await taken(bus)
        assert (await newest(bus, number)).completeness == "partial"
    async with start(KEPT) as bus:
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        found = await row(bus, number)
        assert (found.version, found.completeness, found.lacks) == (1, "partial", ("s.lost",))
        assert found.due_at is None
    answers["down"] = False
    async with start(KEPT, LOST, wire=wire) as bus:
        await bus.settle()
        found = await row(bus, number)
        assert (found.version, found.completeness, found.lacks) == (2, "complete", ())


async def test_a_run_that_raises_to_the_end_makes_no_dossier_complete(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What there is is delivered when nobody tries any more; that nothing is known to be open proves nothing."""

    def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(case_run, "PlanRun", broken)
    async with start(KEPT, retry={"first": "10ms", "max": "10ms", "give_up_after": "50ms"}) as bus:
        result = await bus.accept(message(text="a"))
        assert isinstance(result, Taken)
        await bus.settle(parked=True)
        assert (await newest(bus, result.receipt.number)).completeness == "partial"


def renamed(made: Lookup[Any, Any], *formerly: str) -> Lookup[Any, Any]:
    """Let a lookup have had other names."""
    type(made).formerly = formerly
    return made


async def test_what_was_found_under_a_former_name_counts_for_the_present_one(start: Start) -> None:
    """Nothing is asked again and nothing told twice; contracts and paths that use the old name go on."""
    wire = ScriptedWire()
    before = lookup("s.lost", x=From("text"))
    behind = lookup("s.behind", x=From("s.lost/name"))
    completeness = {"default": {"required": ["s.lost", "s.behind"]}}
    async with start(before, behind, wire=wire, completeness=completeness) as bus:
        number = await taken(bus)
    asked = len(wire.asked)
    after = renamed(lookup("s.new", x=From("text")), "s.lost")
    other = lookup("s.other", x=From("text"))
    async with start(after, behind, other, wire=wire, completeness=completeness) as bus:
        assert bus.parts.problems == []
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        assert (await row(bus, number)).version == 1  # a new name alone is no news
        second = await taken(bus, "m-2")
        assert {fact.lookup for fact in (await newest(bus, second)).facts} == {"s.new", "s.behind"}
    assert len(wire.asked) == asked + 2
    completeness["default"]["required"].append("s.other")
    async with start(after, behind, other, wire=wire, completeness=completeness) as bus:
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        told = await newest(bus, number)
        assert {fact.lookup: fact.not_asked_now for fact in told.facts} == dict.fromkeys(
            ("s.new", "s.behind", "s.other")
        )
        assert (told.version, told.completeness) == (2, "complete")
    assert len(wire.asked) == asked + 3


async def test_what_a_contract_names_as_another_worker_does_is_asked_under_the_name_here(start: Start) -> None:
    """The plan of a run is that of its contract, which knows the names of all workers."""
    async with start(KEPT, renamed(lookup("s.new", x=From("text")), "s.lost")):
        pass  # a worker with the newer plugin
    async with start(KEPT, LOST, completeness={"default": {"required": ["s.kept", "s.new"]}}) as bus:
        told = await newest(bus, await taken(bus))
        assert {fact.lookup for fact in told.facts} == {"s.kept", "s.lost"}
        assert told.completeness == "complete"


async def test_a_lookup_that_is_renamed_without_a_word_is_missed(start: Start) -> None:
    """What it told stays under the old name, and new appeals lack it: nobody can know that both are one."""
    async with start(LOST) as bus:
        number = await taken(bus)
    async with start(lookup("s.new", x=From("text"))) as bus:
        await bus.journal.do(leases.Retry(number))
        bus._dispatcher.more()
        await bus.settle()
        told = await newest(bus, number)
        assert {fact.lookup: fact.not_asked_now for fact in told.facts} == {"s.lost": True, "s.new": None}
        second = await newest(bus, await taken(bus, "m-2"))
        assert [gap.lookup for gap in second.gaps] == ["s.lost"]


async def worked_again(bus: Bus, number: str, **given: Any) -> Dossier:
    """Have a case worked once more; return the newest version."""
    await bus.settle()  # what the bus works by itself, since a lookup is back
    await bus.journal.do(leases.Retry(number, **given))
    bus._dispatcher.more()
    await bus.settle()
    return await newest(bus, number)


def told_by(version: Dossier) -> dict[str, bool | None]:
    return {fact.lookup: fact.not_asked_now for fact in version.facts}


async def test_a_record_under_the_former_name_is_not_lost_for_a_newer_failure(start: Start) -> None:
    """A release forgot to say the former name, and its source was away; the next one says it."""

    def script(request: Request, call: Call) -> Reply:
        if request.body["name"] == "s.new":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    given = {"wire": ScriptedWire(script), "retry": {"first": "1h", "max": "1h"}}
    async with start(LOST, **given) as bus:
        number = await taken(bus)
    async with start(lookup("s.new", x=From("text")), **given) as bus:
        assert told_by(await worked_again(bus, number)) == {"s.lost": True}
    async with start(renamed(lookup("s.new", x=From("text")), "s.lost"), **given) as bus:
        third = await worked_again(bus, number)
        assert (third.version, told_by(third), third.completeness) == (3, {"s.new": None}, "complete")


async def test_a_renamed_lookup_that_is_lost_is_told_under_its_newest_name_alone(start: Start) -> None:
    """Its facts are in the dossier once, and new appeals lack one lookup, not two."""
    after = renamed(lookup("s.new", x=From("text")), "s.lost")
    async with start(LOST) as bus:
        number = await taken(bus)
    async with start(after) as bus:
        await worked_again(bus, number, refresh=True)
    async with start(KEPT) as bus:
        assert told_by(await worked_again(bus, number)) == {"s.new": True, "s.kept": None}
        assert [gap.lookup for gap in (await newest(bus, await taken(bus, "m-2"))).gaps] == ["s.new"]


async def test_what_is_lost_behind_a_renamed_lookup_is_missed(start: Start) -> None:
    """It takes its input by the former name, and the newer record leads further."""
    told = {"next": ["b"]}

    async def up(query: Any, source: Any) -> Any:
        return found(Thing(name="a", next=list(told["next"])))

    behind = lookup("s.behind", x=FromAll("s.lost/next[*]"))
    async with start(lookup("s.lost", up, x=From("text")), behind) as bus:
        number = await taken(bus)
    told["next"] = ["b", "c"]
    async with start(renamed(lookup("s.new", up, x=From("text")), "s.lost")) as bus:
        second = await worked_again(bus, number, refresh=True)
        assert (second.version, second.completeness) == (2, "partial")
        assert (await row(bus, number)).lacks == ("s.behind",)


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"x": From("applicant.iin")}, {}),
        ({"x": (Iin, FromAll("repeats[*]"))}, {"repeats": ["no ИИН", "nor this"]}),
        ({"x": FromAll("repeats[*]"), "y": From("applicant.iin")}, {"repeats": ["one", "two"]}),
    ],
    ids=["nothing there", "malformed", "half of it"],
)
async def test_what_had_nothing_to_ask_takes_no_completeness_when_it_is_lost(
    start: Start, fields: dict[str, Any], given: dict[str, Any]
) -> None:
    """The journal keeps such ends in versions alone. Workers with and without it would undo each other's."""
    lost = lookup("s.lost", **fields)
    async with start(KEPT, lost) as bus:
        number = await taken(bus, **given)
        first = await newest(bus, number)
    async with start(KEPT) as bus:
        assert await worked_again(bus, number) == first
        found_row = await row(bus, number)
        assert (found_row.completeness, found_row.lacks) == (first.completeness.value, ())


async def test_a_query_with_one_more_field_puts_no_question_twice(start: Start) -> None:
    """With the same inputs it is the same question, though its key is another one."""
    wire = ScriptedWire()
    async with start(LOST, wire=wire) as bus:
        number = await taken(bus)
        first = await newest(bus, number)
    wider = lookup("s.lost", x=From("text"), y=(str | None, From("applicant.iin"), None))
    async with start(wider, KEPT, wire=wire) as bus:
        second = await worked_again(bus, number)
        assert told_by(second) == {"s.lost": None, "s.kept": None}
        (lost,) = (fact for fact in second.facts if fact.lookup == "s.lost")
        assert lost.key != first.facts[0].key
        await worked_again(bus, number, refresh=True)  # kept under the new key, too
    assert [request.body["name"] for request, _ in wire.asked][:2] == ["s.lost", "s.kept"]
    async with start(lookup("s.other", x=From("text"))) as bus:
        third = await worked_again(bus, number)
        assert (len(third.facts), told_by(third)) == (3, {"s.lost": True, "s.kept": True, "s.other": None})


@pytest.mark.proof
async def test_workers_with_other_plugins_do_not_undo_each_other(
    start: Start, journal_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lacks a lookup leaves it to the one that has it; neither takes a fact or completeness from the other."""
    monkeypatch.setattr(dispatching, "_LACKS", 0.1)
    wire = ScriptedWire()
    tables = {"bus": {"journal": journal_database, "grace": 1}}
    count = 8
    async with start(KEPT, LOST, wire=wire, **tables) as newer, start(KEPT, wire=wire, **tables) as older:
        results = await asyncio.gather(*(older.accept(message(f"m{i}", text=f"t{i}")) for i in range(count)))
        numbers = [result.receipt.number for result in results if isinstance(result, Taken)]

        async def complete() -> bool:
            rows = [await row(older, number) for number in numbers]
            return all(each.completeness == "complete" and each.state == "idle" and not each.lacks for each in rows)

        async with asyncio.timeout(PATIENCE):
            while not await complete():
                await asyncio.sleep(0.05)
        before = {number: (await row(older, number)).version for number in numbers}
        assert set(before.values()) <= {1, 2}
        for number in numbers:
            await older.journal.do(leases.Retry(number, everything=True, refresh=True))
        await asyncio.gather(newer.settle(), older.settle())
        async with asyncio.timeout(PATIENCE):
            while not await complete():
                await asyncio.sleep(0.05)
        assert {number: (await row(older, number)).version for number in numbers} == before
        assert Counter(request.body["name"] for request, _ in wire.asked)["s.lost"] == 2 * count
        for number in numbers:
            assert {fact.lookup for fact in (await newest(older, number)).facts} == {"s.kept", "s.lost"}


async def test_what_was_given_up_stays_so_where_its_lookup_is_lost(start: Start) -> None:
    """A worker without the lookup says the same word as one with it, and neither makes a version for the other."""

    def script(request: Request, call: Call) -> Reply:
        if request.body["name"] == "s.lost":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    wire, retry = ScriptedWire(script), {"first": "10ms", "max": "10ms", "give_up_after": "100ms"}
    async with start(KEPT, LOST, wire=wire, retry=retry) as bus:
        number = await taken(bus)
        await bus.settle(parked=True)
        last = await newest(bus, number)
        assert last.completeness == "settled"
    for lookups in ((KEPT,), (KEPT, LOST), (KEPT,)):
        async with start(*lookups, wire=wire, retry=retry) as bus:
            await bus.settle(parked=True)
            assert await newest(bus, number) == last
            assert (await row(bus, number)).completeness == "settled"


async def test_what_an_older_release_called_complete_is_settled_by_its_next_run(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored versions keep their word; nothing else is needed for a new one, and there is no third."""
    given = lookup("s.who", x=(Iin, From("applicant.iin")))
    with monkeypatch.context() as older:
        older.setattr(assembly, "completeness_of", lambda *_: Completeness.COMPLETE)
        older.setattr(case_run, "completeness_of", lambda *_: Completeness.COMPLETE)
        async with start(given) as bus:
            number = await taken(bus, applicant={"type": "person", "iin": "1"})
            assert (await newest(bus, number)).completeness == "complete"
    async with start(given) as bus:
        await bus.settle()
        assert (await row(bus, number)).version == 1
        second = await worked_again(bus, number)
        assert (second.version, second.completeness) == (2, "settled")
        assert (await worked_again(bus, number)).version == 2
