"""Any order of arrivals, answers, failures, stops and crashes: a model says what must hold after each step.

A crash is what the disk holds at that moment: the journal's files are copied, and the next bus starts on the copy.
"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event

from appealbus.core import (
    Call,
    CallFailed,
    Delivery,
    Factory,
    From,
    Inbound,
    Lookup,
    NoSettings,
    OutcomeKind,
    Outgoing,
    Quarantined,
    Reply,
    Request,
    Source,
    Taken,
    found,
)
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.tasks import Phase as StopPhase
from appealbus.core.config.loading import from_document
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import access, documents, quarantine
from appealbus.core.journal.appeals import cases, lists, suspects
from appealbus.core.journal.deliveries import delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host, Plugin
from appealbus.core.loading.parts import build
from appealbus.core.testing import scripted_connector
from appealbus.schemas import Completeness, Dossier
from tests.core.kit import ScriptedWire, Thing, lookup, message, reply
from tests.services.forms import form
from tests.services.recomputed import check_the_past

SETTLES = 60.0
EXAMPLES = form(2, 40)
# Threads make each run a little different, so that a failure is told as it was found, not shrunk for an hour.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
RECEIVERS = ("first", "second")
LOOKUPS = ("s.thing", "s.next")
Question = tuple[str, str, str]
"""An appeal's number, a lookup, and what it asks for."""


async def _ask(query: Any, source: Source) -> Any:
    await source.call(Request({"name": "s.thing", "x": query.x}))
    return found(Thing(name=query.x, next=[f"{query.x}+"]))


async def _ask_next(query: Any, source: Source) -> Any:
    await source.call(Request({"name": "s.next", "x": query.x}))
    return found(Thing(name=query.x))


def lookups() -> list[Lookup[Any, Any]]:
    """Two in a row: what the first one finds, the second one asks for."""
    return [lookup("s.thing", _ask, x=From("repeats[*]")), lookup("s.next", _ask_next, x=From("s.thing/next[*]"))]


def _no_checkpoints(connection: Any, *_: Any) -> None:
    connection.execute("PRAGMA wal_autocheckpoint=0")


class World:
    """Agencies and receivers: they outlive every crash of the bus, and remember."""

    def __init__(self) -> None:
        self.agencies = dict.fromkeys(LOOKUPS, "up")
        self.receivers = dict.fromkeys(RECEIVERS, "well")
        self.asked: dict[str, Question] = {}
        self.finished: set[Question] = set()
        self.asked_again: list[Question] = []
        self.seen: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in RECEIVERS}
        self.contents: dict[str, set[bytes]] = defaultdict(set)


class Life:
    """One bus between its start and its end, in an event loop that all of them share."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self.world, self.loop, self.folder = world, loop, folder
        self.over = False
        self.journal: Journal
        self.bus: Bus
        loop.run_until_complete(self._start())

    async def _start(self) -> None:
        sources = {"s": {"connector": "scripted", "guard": {"attempts": 1, "breaker_failures": 10_000}}}
        document = {
            "bus": {"journal": f"sqlite:///{self.folder / 'journal.db'}", "grace": "100ms", "concurrency": 3},
            "sources": sources,
            "retry": {"first": "10ms", "max": "10ms"},
            "completeness": {"default": {"wait": "300ms"}},
            "deliveries": {name: {"kind": "world"} for name in RECEIVERS},
        }
        loaded = from_document(document, self.folder)
        connector = scripted_connector(ScriptedWire(self._answer))
        delivery = Factory("world", NoSettings, self._receiver())
        brought: dict[str, list[Any]] = {"connectors": [connector], "lookups": lookups(), "deliveries": [delivery]}
        host = Host(lambda name, model: model())
        host.plugins.append(Plugin("test", "1", "test", brought=brought))
        self.journal = await Journal.open(loaded.settings.bus.journal, key=loaded.settings.bus.key_file())
        # Without checkpoints files only grow, and a copy made at any moment is what a crash would leave.
        event.listen(self.journal._opened.writing, "checkout", _no_checkpoints)
        await self.journal.hold_run_lock()
        self.bus = Bus(loaded, build(loaded, host), self.journal)
        await self.bus.start()

    async def _answer(self, request: Request, call: Call) -> Reply:
        await self._still_alive()
        assert isinstance(request.body, dict)
        question = call.number, str(request.body["name"]), str(request.body["x"])
        self.world.asked[call.question_id] = question
        if question in self.world.finished:
            self.world.asked_again.append(question)
        mood = self.world.agencies[question[1]]
        await asyncio.sleep(5 if mood == "silent" else 0.003 if mood == "slow" else 0)
        if mood == "down":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    async def _still_alive(self) -> None:
        if self.over:
            await asyncio.Event().wait()

    def _receiver(self) -> type[Delivery[Any]]:
        life, world = self, self.world

        class Receiver(Delivery[NoSettings]):
            async def deliver(self, batch: Sequence[Outgoing]) -> Sequence[str | None]:
                await life._still_alive()
                mood = world.receivers[self.name]
                if mood == "away":
                    raise ConnectionError("the receiver is away")
                taken = batch[: len(batch) // 2] if mood == "half" else batch
                for each in taken:
                    world.seen[self.name][each.number].append(each.version)
                    world.contents[each.message_id].add(each.dossier)
                if mood == "mute":
                    raise ConnectionError("the receiver took it and does not say so")
                return [None if each in taken else "full" for each in batch]

        return Receiver

    def crash(self, folder: Path) -> None:
        """Keep what is on disk, and only that, in another folder; let go of all the rest."""
        self.over = True
        for name in ("journal.db", "journal.db-wal", "journal.db.key"):
            shutil.copy(self.folder / name, folder / name)
        self.bus._tasks.cancel(*StopPhase)
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=SETTLES))
        self.loop.run_until_complete(self.journal.close())

    async def stop(self) -> None:
        """End in order."""
        await self.bus.stop()
        self.over = True
        await self.journal.close()


class Machine(RuleBasedStateMachine):
    """The rules, and what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp(prefix="ab-machine-"))
        self.lives = 0
        self.world = World()
        self.loop = asyncio.new_event_loop()
        self.receipts: dict[str, str] = {}
        self.refused = 0
        self.life: Life

    def _folder(self) -> Path:
        self.lives += 1
        folder = self.scratch / str(self.lives)
        folder.mkdir()
        return folder

    @initialize()
    def begin(self) -> None:
        self.life = Life(self.world, self.loop, self._folder())

    @rule(number=st.integers(0, 7))
    def send(self, number: int) -> None:
        """A message is new, or gets the receipt that it got before."""
        taken = self.loop.run_until_complete(self.life.bus.accept(self._message(number)))
        self._note(f"m-{number}", taken)

    @rule(numbers=st.lists(st.integers(0, 7), min_size=1, max_size=4), turns=st.integers(0, 40))
    def send_and_crash(self, numbers: list[int], turns: int) -> None:
        """Whatever had its receipt when the bus died is there; the others may be there or not."""
        arrivals = [
            (f"m-{number}", self.loop.create_task(self.life.bus.accept(self._message(number)))) for number in numbers
        ]
        self._pass(turns)
        given = [(name, arrival) for name, arrival in arrivals if arrival.done()]
        self._crash()
        for name, arrival in given:
            self._note(name, arrival.result())

    @rule()
    def send_nonsense(self) -> None:
        """What cannot be taken is in quarantine."""
        taken = self.loop.run_until_complete(self.life.bus.accept(Inbound("test", "test:x", b"{")))
        assert isinstance(taken, Quarantined)
        self.refused += 1

    @rule(name=st.sampled_from(LOOKUPS), mood=st.sampled_from(["up", "up", "slow", "down", "silent"]))
    def agency(self, name: str, mood: str) -> None:
        self.world.agencies[name] = mood

    @rule(name=st.sampled_from(RECEIVERS), mood=st.sampled_from(["well", "well", "away", "half", "mute"]))
    def receiver(self, name: str, mood: str) -> None:
        self.world.receivers[name] = mood

    @rule(turns=st.integers(1, 80))
    def time_passes(self, turns: int) -> None:
        self._pass(turns)

    @rule()
    def crash(self) -> None:
        self._crash()

    @rule()
    def stop_and_start(self) -> None:
        self.loop.run_until_complete(self.life.stop())
        self._next(self.life.folder)

    @invariant()
    def no_version_goes_back_and_none_is_skipped(self) -> None:
        for seen in self.world.seen.values():
            for number, versions in seen.items():
                assert versions == sorted(versions), number
                assert list(dict.fromkeys(versions)) == list(range(1, versions[-1] + 1)), number

    @invariant()
    def a_version_is_always_the_same(self) -> None:
        assert {name for name, contents in self.world.contents.items() if len(contents) > 1} == set()

    @invariant()
    def what_was_finished_on_disk_is_not_asked_again(self) -> None:
        assert self.world.asked_again == []

    def teardown(self) -> None:
        try:
            if self.lives:
                self.loop.run_until_complete(self._end_well())
        finally:
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.scratch)

    async def _end_well(self) -> None:
        """Once everybody behaves, all that had a receipt is complete, and every receiver has every version."""
        self.world.agencies = dict.fromkeys(LOOKUPS, "up")
        self.world.receivers = dict.fromkeys(RECEIVERS, "well")
        journal = self.life.journal
        try:
            async with asyncio.timeout(SETTLES):
                await self.life.bus.settle(parked=True)
                # What three lives ended over is left to a person.
                await journal.do(delivering.Resend(None))
                for row in await journal.ask(lists.appeals, limit=1000):
                    if row.state is AppealState.HELD:
                        await journal.do(suspects.Releasing(row.number))
                await self.life.bus.settle(parked=True)
            rows = await journal.ask(lists.appeals, limit=1000)
            numbers = {row.message_id: row.number for row in rows}
            assert self.receipts.items() <= numbers.items()
            assert len(rows) == len(numbers) == len(set(numbers.values()))
            assert len(await journal.ask(quarantine.quarantined, limit=1000)) == self.refused
            recorded = {row.question_id for row in await journal.ask(access.access_rows, limit=100_000)}
            assert self.world.asked.keys() <= recorded, "a question left without its row in the access log"
            for row in rows:
                assert row.state is AppealState.IDLE
                raw = await journal.ask(documents.whole, row.number)
                assert raw is not None
                dossier = Dossier.model_validate_json(raw)
                assert dossier.completeness is Completeness.COMPLETE
                assert len(dossier.facts) == 2 * len(dossier.appeal.repeats)
                for seen in self.world.seen.values():
                    assert set(seen[row.number]) == set(range(1, row.version + 1))
            self.no_version_goes_back_and_none_is_skipped()
            self.a_version_is_always_the_same()
            self.what_was_finished_on_disk_is_not_asked_again()
        finally:
            await self.life.stop()
        check_the_past(f"sqlite:///{self.life.folder / 'journal.db'}")

    @staticmethod
    def _message(number: int) -> Inbound:
        return message(f"m-{number}", repeats=[f"{number}.{i}" for i in range(1 + number % 3)])

    def _note(self, name: str, taken: Taken | Quarantined) -> None:
        assert isinstance(taken, Taken)
        assert self.receipts.setdefault(name, taken.receipt.number) == taken.receipt.number

    def _pass(self, turns: int) -> None:
        async def turn() -> None:
            for i in range(turns):
                await asyncio.sleep(0.001 if i % 8 == 7 else 0)

        self.loop.run_until_complete(turn())

    def _crash(self) -> None:
        folder = self._folder()
        self.life.crash(folder)
        self._next(folder)

    def _next(self, folder: Path) -> None:
        self.life = Life(self.world, self.loop, folder)
        self.world.finished |= self.loop.run_until_complete(self._finished())

    async def _finished(self) -> set[Question]:
        """Return the questions whose records this journal has."""
        rows = await self.life.journal.ask(lists.appeals, limit=1000)
        states = [state for row in rows for state in await self.life.journal.ask(cases.states, row.number)]
        return {self.world.asked[s.provenance.question_id] for s in states if s.record is not None and s.provenance}


def _drop(*_: Any) -> Any:
    raise structlog.DropEvent


@pytest.mark.proof
def test_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step order breaks a promise."""
    monkeypatch.setattr("appealbus.core.bus.delivery.relay._BACKOFF_MAX", 0.02)
    # Tracebacks of receivers that are away, by the thousand, cost more than all the rest.
    for module in ("relay", "receiver"):
        monkeypatch.setattr(
            f"appealbus.core.bus.delivery.{module}.log", structlog.wrap_logger(None, processors=[_drop])
        )
    run_state_machine_as_test(
        Machine, settings=settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None, phases=PHASES)
    )
