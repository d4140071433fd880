"""After the journal got another key its questions are known by their inputs, and nobody is asked or told anew."""

import asyncio
from collections.abc import Sequence
from typing import Any

from appealbus.core import From, OutcomeKind, Source, found, not_found
from appealbus.core.bus.intake.reception import Taken
from appealbus.core.domain.case import LookupState
from appealbus.core.enrichment.recognition import keys_anew
from appealbus.core.journal import renewing
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.schemas import Outcome
from tests.core.kit import Thing, lookup, message, running_bus
from tests.services.asking import appeals_of
from tests.services.processes import PATIENCE

A_NUMBER = "08-123-045-0067"


def lookups() -> list[Any]:
    """One lookup that fans out, one that takes its records' elements, and one that never answers."""

    async def one(query: Any, source: Source) -> Outcome[Any]:
        asked.append(f"s.one {query.x}")
        return not_found() if query.x == "none" else found(Thing(name=query.x, next=[f"{query.x}1", f"{query.x}2"]))

    async def two(query: Any, source: Source) -> Outcome[Any]:
        asked.append(f"s.two {query.y}")
        return found(Thing(name=query.y))

    async def three(query: Any, source: Source) -> Outcome[Any]:
        return Outcome(OutcomeKind.UNAVAILABLE, code="test.away", retry_after=3600)

    return [
        lookup("s.one", one, x=From("repeats[*]")),
        lookup("s.two", two, y=From("s.one/next[*]")),
        lookup("s.three", three, z=From("s.two/name")),
    ]


asked: list[str] = []


def runs(states: Sequence[LookupState]) -> list[int]:
    """Return how often the open questions were asked."""
    return [state.runs for state in states if state.lookup == "s.three" and state.inputs]


async def test_a_new_key_changes_nothing_that_anybody_is_told(tmp_path):
    """Questions have new keys; with nothing new to tell there is no new version, and what is found is not asked."""
    asked.clear()
    async with running_bus(tmp_path, *lookups()) as bus:
        taken = await bus.accept(message(repeats=["a", "b", "none"], parcels=[{"cadastral_number": A_NUMBER}]))
        assert isinstance(taken, Taken)
        await asyncio.wait_for(bus.settle(), PATIENCE)
        number = taken.receipt.number
        before = await bus.journal.ask(cases.states, number)
        contracts, made = bus.parts.contracts.known_to(), len(asked)
    assert sorted(asked) == ["s.one a", "s.one b", "s.one none", *(f"s.two {x}{i}" for x in "ab" for i in (1, 2))]
    assert len({(state.lookup, state.key) for state in before}) == 11

    file = tmp_path / "journal.db.key"
    old = file.read_text()
    file.unlink()
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db", key=KeyFile(file, anew=True)) as journal:

        def rekey(case):
            return keys_anew(contracts[case.appeal.kind].plan, case, 100, journal.key.question)

        assert await renewing.renew(journal, rekey, lambda done: None) == 1
        after = await journal.ask(cases.states, number)
    assert file.read_text() != old
    said = [
        {(s.lookup, s.kind, tuple(i.value for i in s.inputs), s.record and s.record.model_dump_json()) for s in states}
        for states in (before, after)
    ]
    assert said[0] == said[1]
    assert {state.key for state in before if state.inputs}.isdisjoint(state.key for state in after)

    async with running_bus(tmp_path, *lookups()) as bus:
        async with asyncio.timeout(PATIENCE):
            while min(runs(await bus.journal.ask(cases.states, number))) < 3:
                await asyncio.sleep(0.02)
        assert len(asked) == made
        assert len(await bus.journal.ask(lists.versions, number)) == 1
        assert {(s.lookup, s.key) for s in await bus.journal.ask(cases.states, number)} == {
            (s.lookup, s.key) for s in after
        }
        assert [row.number for row in await appeals_of(bus.journal, "cadastral_number", A_NUMBER)] == [number]
