"""A reply that may tell something which could not be read: the record counts for now, nobody concludes from the gap."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from appealbus.core import Assessor, From, Outcome, Request, Source, Taken, found
from appealbus.core.bus.bus import Bus
from appealbus.core.guards import context
from appealbus.core.journal import documents
from appealbus.core.journal.appeals import cases
from appealbus.schemas import Completeness, Dossier, OutcomeKind, Severity, Signal
from tests.core.bus.test_changes import change
from tests.core.kit import Thing, dossier, lookup, message, running_bus
from tests.services.processes import PATIENCE


class Nothing(Assessor):
    """Says that a thing leads to nothing, and what it is called."""

    name = "nothing"

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        for fact in dossier.facts:
            fields = [f"{fact.lookup}/next"] if not getattr(fact.record, "next", True) else []
            for code, places in (("alone", fields), ("named", [f"{fact.lookup}/name"])):
                if places:
                    yield Signal(
                        assessor=self.name,
                        code=code,
                        severity=Severity.INFO,
                        message_ru=code,
                        message_kk=code,
                        fields=places,
                    )


class OfNames(Nothing):
    name = "names"
    reads: ClassVar = ("s.thing/name",)


def asking(replies: list[tuple[list[str], set[str]]]) -> Any:
    """Return what a lookup does that gets these replies in turn: what a thing leads to, and what is unknown."""

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        await source.call(Request({}))
        leads, unknown = replies.pop(0) if len(replies) > 1 else replies[0]
        source.notes.unknown.update(unknown)
        return found(Thing(name="a", next=leads))

    return ask


async def once(bus: Bus, number: str, version: int) -> Dossier:
    async with asyncio.timeout(PATIENCE):
        while (raw := await bus.journal.ask(documents.whole, number, version)) is None:
            await asyncio.sleep(0.02)
    return Dossier.model_validate_json(raw)


def plan(replies: list[tuple[list[str], set[str]]]) -> list[Any]:
    first = lookup("s.thing", asking(replies), x=From("repeats[*]"))
    return [first, lookup("s.more", x=From("s.thing/next[*]"))]


async def test_what_is_unknown_is_a_gap_until_the_source_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes its input there waits; asked again, the source tells it, and the next version has it."""
    replies: list[tuple[list[str], set[str]]] = [([], {"next"}), ([], {"next"}), (["b"], set())]
    async with running_bus(tmp_path, *plan(replies), assessors=[Nothing(), OfNames()]) as bus:
        taken = await bus.accept(message(repeats=["x"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number, 1)
        assert made.completeness is Completeness.PARTIAL
        assert [(gap.lookup, gap.outcome, gap.code) for gap in made.gaps] == [
            ("s.thing", OutcomeKind.INVALID, "reply.partly_read"),
            ("s.more", OutcomeKind.SKIPPED, "input.pending"),
        ]
        assert made.gaps[0].next_attempt_at is not None
        assert [fact.provenance.unknown for fact in made.facts] == [["next"]]
        assert [(each.assessor, each.code, each.fields) for each in made.signals] == [
            ("nothing", "named", ["s.thing/name"]),
            ("nothing", "reply.partly_read", ["s.thing/next"]),
            ("names", "alone", ["s.thing/next"]),
            ("names", "named", ["s.thing/name"]),
        ]
        last = await once(bus, taken.receipt.number, 2)
        (drift,) = bus.guards["s"].state().drifts.items()
        assert (drift[0], drift[1].replies) == ("s.thing/next", 2)
        monkeypatch.setattr(context, "_DRIFTS", timedelta(0))
        assert bus.guards["s"].state().drifts == {}
        assert (last.version, last.completeness, last.gaps) == (2, Completeness.COMPLETE, [])
        assert {fact.lookup for fact in last.facts} == {"s.thing", "s.more"}
        assert not any(each.code == "reply.partly_read" for each in last.signals)


async def test_what_an_operator_calls_meaningless_is_so_until_its_last_day(tmp_path: Path) -> None:
    """The reading of each reply is told, beside what the plugin itself says."""
    told: list[tuple[str, ...]] = []

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        told.append(source.notes.meaningless)
        return found(Thing(name="a"))

    made = lookup("s.thing", ask, x=From("repeats[*]"))
    type(made).meaningless = ("Own",)
    tables = [
        {"path": "Row/Number", "reason": "a counter"},
        {"path": "Old", "reason": "it is gone", "until": date(2020, 1, 1)},
        {"path": "New", "reason": "they are at it", "until": date(2120, 1, 1)},
    ]
    sources = {"s": {"connector": "scripted", "meaningless": tables}}
    async with running_bus(tmp_path, made, sources=sources) as bus:
        await bus.accept(message(repeats=["x"]))
        await bus.settle()
    assert told == [("Own", "Row/Number", "New")]


async def test_what_usually_comes_is_known_after_a_restart(tmp_path: Path) -> None:
    """What a reply held that nobody declares, also where its lookup was not loaded for a while."""

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        source.notes.beside["page"] = {"name"}
        return found(Thing(name="a"))

    for replies in (1, 2):
        async with running_bus(tmp_path, lookup("s.thing", ask, x=From("repeats[*]"))) as bus:
            await bus.accept(message(f"m-{replies}", repeats=[f"x{replies}"]))
            await bus.settle()
            usual = bus.guards["s"].state().usual["s.thing"]
            assert (usual.replies, usual.beside) == (replies, {"page": {"name"}})
    async with running_bus(tmp_path, lookup("s.more", x=From("repeats[*]"))):
        pass
    async with running_bus(tmp_path, lookup("s.thing", ask, x=From("repeats[*]"))) as bus:
        assert bus.guards["s"].state().usual == {"s.thing": usual}


async def test_it_is_asked_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    """A source that has changed for good is left alone; that is told, and the dossier is settled."""
    retry = {"first": "20ms", "max": "20ms", "give_up_after": "200ms"}
    async with running_bus(tmp_path, *plan([([], {"next"})]), retry=retry) as bus:
        taken = await bus.accept(message(repeats=["x"]))
        assert isinstance(taken, Taken)
        async with asyncio.timeout(PATIENCE):
            while (
                not (states := await bus.journal.ask(cases.states, taken.receipt.number)) or states[0].next_attempt_at
            ):
                await asyncio.sleep(0.05)
        assert states[0].code == "reply.partly_read"
        assert 10 <= states[0].runs < 20
        first, last = await once(bus, taken.receipt.number, 1), await once(bus, taken.receipt.number, 2)
        assert (first.completeness, last.completeness) == (Completeness.PARTIAL, Completeness.SETTLED)
        assert (last.gaps[0].code, last.gaps[0].next_attempt_at) == ("reply.partly_read", None)


async def test_a_field_that_decides_nothing_is_told_and_no_gap(tmp_path: Path) -> None:
    """Nobody takes an input from it, and the lookup does not call it decisive."""
    async with running_bus(tmp_path, *plan([(["b"], {"name"})])) as bus:
        taken = await bus.accept(message(repeats=["x"]))
        assert isinstance(taken, Taken)
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
        assert (made.version, made.completeness, made.gaps) == (1, Completeness.COMPLETE, [])
        assert [fact.provenance.unknown for fact in made.facts] == [["name"], None]


async def test_what_was_read_in_part_is_asked_when_its_appeal_is_taken_up_again(tmp_path: Path) -> None:
    """It had ended meanwhile, and nobody asked: the dossier was settled. Taken up again it is not."""
    replies: list[tuple[list[str], set[str]]] = [([], {"next"})]
    async with running_bus(tmp_path, *plan(replies), retry={"first": 3600, "max": 3600}) as bus:
        taken = await bus.accept(message(repeats=["x"]))
        assert isinstance(taken, Taken)
        await bus.accept(change("c-1", "answered"))
        await bus.settle()
        made = await dossier(bus, taken.receipt.number)
        assert (made.completeness, made.gaps[0].next_attempt_at) == (Completeness.SETTLED, None)
        replies[0] = ["b"], set()
        await bus.accept(change("c-2", "extended", due_on="2027-01-11"))
        await bus.settle()
        last = await dossier(bus, taken.receipt.number)
        assert (last.completeness, len(last.facts)) == (Completeness.COMPLETE, 2)
