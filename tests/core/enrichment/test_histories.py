"""Random lives of an appeal: whatever happens, each record that is told is led to by something that counts."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from appealbus.core import From, FromAll, Lookup, Outcome, found, not_found, unavailable
from appealbus.core.config.models import RetrySettings
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.pauses import STALE
from appealbus.core.enrichment.carrying import Before, Key, Whole, known_anew, whole
from appealbus.core.enrichment.plan_run import Enrichment, PlanRun
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.management.records import misread
from appealbus.core.planning.contract import CompletenessContract, Missing, active, known_from
from appealbus.core.planning.plan import Plan
from appealbus.schemas import Receipt
from tests.core.kit import ScriptedWire, Thing, appeal, lookup, node
from tests.services.forms import seeds

PATHS = {
    "s.land": ("repeats[*]",),
    "s.owner": ("s.land/next[*]",),
    "s.kin": ("s.owner/next[*]", "applicant.iin"),
    "s.who": ("applicant.iin", "representative.iin"),
}
NAMES = "abc"
PEOPLE = "applicant", "representative"


@dataclass
class Life:
    """An appeal, the registers as they are now, which plugins are here, and what is known."""

    loaded: set[str] = field(default_factory=lambda: set(PATHS))
    answers: dict[tuple[str, str], list[str] | str] = field(default_factory=dict)
    memory: bool = False
    """Whether sources cannot be asked, and memory answers."""
    about: dict[str, Any] = field(default_factory=lambda: {"repeats": ["a", "b"]})
    kept: dict[Key, LookupState] = field(default_factory=dict)
    told: Whole | None = None
    now: datetime = datetime(2026, 11, 26, tzinfo=UTC)

    def lookups(self) -> list[Lookup[Any, Any]]:
        how = {"s.who": From}
        return [lookup(name, self._asking(name), x=how.get(name, FromAll)(*paths)) for name, paths in PATHS.items()]

    def _asking(self, name: str) -> Any:
        async def ask(query: Any, source: Any) -> Outcome[Any]:
            answer = self.answers.get((name, query.x), ("a", "c"))
            if answer == "down":
                return unavailable("test.down", "down")
            return not_found() if answer == "none" else found(Thing(name=query.x, next=list(answer)))

        return ask

    async def keep(self, case: Case, state: LookupState, answered: str | None, replies: object) -> None:
        if self.memory and state.record is not None:
            state = replace(state, code=STALE, next_attempt_at=self.now + timedelta(hours=1))
        self.kept[state.lookup, state.key] = state

    async def run(self) -> Whole:
        """Work the appeal once, an hour after the last time."""
        self.now += timedelta(hours=2)
        nodes = [node(each) for each in self.lookups()]
        here, _, _ = active([each for each in nodes if each.lookup.name in self.loaded], {"s"})
        names = {each.lookup.name for each in here}
        missing = {
            each.lookup.name: Missing("away", "test", "1", known_from(each).inputs)
            for each in nodes
            if each.lookup.name not in names
        }
        contract = CompletenessContract(Plan(here), frozenset(PATHS), 1.0, missing)
        given = GuardSettings(attempts=1, breaker_failures=10**6)
        guard = Guard(Bound("s", "scripted", ScriptedWire(), given), GuardServices(_access, lambda *_: None))
        retry = RetrySettings(first=60, max=60, give_up_after=10**7)
        engine = Enrichment({"s": guard}, retry, actor="t", fan_out=50, now=lambda: self.now, keep=self.keep)
        receipt = Receipt(number="AB-1", accepted_at=self.now, accepted_by="t", message_id="1", channel="t")
        case = Case(1, appeal(**self.about), receipt, 1, tuple(self.kept.values()))
        asked = await PlanRun(engine, contract.plan, case, asyncio.get_running_loop().time() + 30).run()
        asked = {key: self.kept.get(key, state) for key, state in asked.items()}
        keys = {(each.lookup, each.key) for each in self.told.states} if self.told else ()
        before, self.told = self.told, whole(known_anew(case, asked), asked, contract, Before(keys), self.now)
        self.check(before, self.told, asked, missing)
        return self.told

    def check(self, before: Whole | None, now: Whole, asked: dict[Key, LookupState], missing: dict[str, Any]) -> None:
        """Compare what is told with what leads to it, found out in the most simple way."""
        facts = {(each.lookup, each.key): each for each in now.states if each.record is not None}
        leads = reachable(self.about, list(facts.values()))
        assert facts.keys() == leads
        known = {key: each for key, each in self.kept.items() if each.record is not None}
        gone = {(each.lookup, each.key): each.reason for each in now.not_carried}
        for key, state in known.items():
            if key not in facts:
                assert gone[key]
                provisional = state.code == STALE and key[0] not in missing
                assert provisional or key not in reachable(self.about, [*facts.values(), state])
        if before is not None:
            told = {(each.lookup, each.key) for each in before.states if each.record is not None}
            answered = {(each.lookup, each.key) for each in now.states if each.kind.final}
            assert told - facts.keys() <= gone.keys() | answered
        # What is open is asked again, waits for its plugin or for a person: nothing is partial for good in silence.
        unknown = {lookup for (lookup, key), each in asked.items() if not key and each.pending}
        for state in now.states:
            is_put = (state.lookup, state.key) in asked or state.lookup in unknown
            assert not state.pending or is_put or state.lookup in now.lacks


def reachable(about: dict[str, Any], facts: list[LookupState]) -> set[Key]:
    """Return the records that a field of the appeal leads to, through no others than these."""
    named = {
        "repeats[*]": set(about["repeats"]),
        "applicant.iin": {about.get("applicant", {}).get("iin")},
        "representative.iin": {about.get("representative", {}).get("iin")},
    }
    found: set[Key] = set()
    while True:
        given = {
            f"{name}/next[*]": {
                x for each in facts if each.lookup == name and (name, each.key) in found for x in nexts(each)
            }
            for name in PATHS
        }
        more = {
            (each.lookup, each.key)
            for each in facts
            if any(each.inputs[0].value in {**named, **given}[path] for path in PATHS[each.lookup])
        }
        if more == found:
            return found
        found = more


def nexts(state: LookupState) -> list[str]:
    return state.record.next if isinstance(state.record, Thing) else []


async def _access(rows: Any) -> None:
    pass


def happens(life: Life, random: Random) -> None:
    """Let one thing happen."""
    some = [list(random.sample(NAMES, random.randrange(3))) for _ in range(3)]
    match random.choice(["about", "about", "answer", "answer", "loaded", "memory", "refresh", "withdraw"]):
        case "about":
            who = {part: {"iin": "".join(each[:1]) or None} for part, each in zip(PEOPLE, some, strict=False)}
            who["applicant"]["type"] = "person"
            life.about = {"repeats": some[2], **who}
        case "answer":
            asked = random.choice(sorted(PATHS)), random.choice(NAMES)
            life.answers[asked] = random.choice(["down", "none", *some])
        case "loaded":
            life.loaded = {each for each in PATHS if random.random() < 0.7}
        case "memory":
            life.memory = not life.memory
        case "refresh":
            life.kept = {key: replace(each, next_attempt_at=life.now) for key, each in life.kept.items()}
        case _:
            if there := sorted(key for key, each in life.kept.items() if each.record is not None):
                key = random.choice(there)
                life.kept[key] = misread(life.kept[key], "why not", life.now)


@pytest.mark.proof
@pytest.mark.parametrize("seed", seeds(4, 200))
async def test_each_record_that_is_told_is_led_to_by_what_counts(seed: int) -> None:
    """And none is lost that is: appeals change, plugins go and come back, registers change, memory answers."""
    random, life = Random(seed), Life()
    await life.run()
    for _ in range(20):
        happens(life, random)
        if random.random() < 0.6:
            await life.run()
    life.loaded, life.memory, life.answers = set(PATHS), False, {}
    life.kept = {key: replace(each, next_attempt_at=life.now) for key, each in life.kept.items()}
    last = await life.run()
    assert not any(each.pending for each in last.states)  # all is back: it is complete
