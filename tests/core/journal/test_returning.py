"""What is parked for a source that is back: most urgent first, a few at a time, each once, whoever does it."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, update

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.source_state import TakeIn
from appealbus.core.journal import events, keeping, log, state, waiting
from appealbus.core.journal.appeals import claiming, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.tables import appeal, lookup
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from tests.services.forms import form
from tests.services.recomputed import check_the_past

DOWN = OutcomeKind.UNAVAILABLE


async def parked(journal, make, count, *, kind=DOWN, waits_for=("s",), first=0):
    """Park appeals for a source; the last one is the most urgent."""
    ids = []
    for n in range(first, first + count):
        new = await journal.accept(make.new(f"m{n}", due_on=make.now.date() + timedelta(first + count - n)))
        await journal.post(keeping.Keep(new.appeal_id, make.state("s.thing", kind=kind)))
        given = {"dossier": b"{}", "version": 1, "completeness": Completeness.PARTIAL, "due_at": make.later(9e6)}
        await journal.conclude(Conclusion(new.appeal_id, waits_for=waits_for, **given))
        ids.append(new.appeal_id)
    return ids


def wait_for(url, journal, make):
    """Have all questions wait for their next attempt."""
    waits = update(lookup).values(next_attempt_at=make.later(9e6))
    write(url, journal, waits, update(appeal).values(changed_at=make.now))


def write(url, journal, *statements):
    """Change the journal behind its back."""
    engine = create_engine(url) if url.startswith("sqlite") else journal._opened.writing
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    if url.startswith("sqlite"):
        engine.dispose()


def wish(make, limit, places=None, back=10):
    return TakeIn("s", make.later(back), {"s.thing"}, limit, make.later(20), "worker:me", places or {})


async def test_the_most_urgent_come_first_and_each_once(journal, make, url):
    """Alone or beside other sources; what awaits an answer, or waits for another source alone, stays."""
    first = await parked(journal, make, 3)
    both = await parked(journal, make, 2, waits_for=("r", "s"), first=3)
    await parked(journal, make, 1, waits_for=("r",), first=5)
    awaiting = await parked(journal, make, 1, kind=OutcomeKind.AWAITING, first=6)
    wait_for(url, journal, make)
    taken = await journal.do(waiting.TakingIn(wish(make, 4)))
    # Four are looked at, the one that awaits among them, and the older three of the others are less urgent.
    assert (taken.count, taken.over) == (3, False)
    taken_first = {row.appeal_id for row in await journal.ask(lists.appeals, state=AppealState.READY)}
    assert both[1] in taken_first
    assert first[0] not in taken_first
    taken = await journal.do(waiting.TakingIn(wish(make, 9, taken.places)))
    assert (taken.count, taken.over) == (2, True)
    assert (await journal.do(waiting.TakingIn(wish(make, 9)))).count == 0  # from the beginning, as after a kill
    assert {row.appeal_id for row in await journal.ask(lists.appeals, state=AppealState.PARKED)}.isdisjoint(
        {*first, *both}
    )
    assert awaiting[0] not in {row.appeal_id for row in await journal.ask(lists.appeals, state=AppealState.READY)}


async def test_what_was_asked_since_it_came_back_keeps_its_time(journal, make, url):
    """It failed for another reason than that the source was away."""
    await parked(journal, make, 2)
    wait_for(url, journal, make)
    taken = await journal.do(waiting.TakingIn(wish(make, 9, back=-3600)))
    assert (taken.count, taken.over) == (0, True)


async def test_what_a_long_run_parked_is_taken_in(journal, make, url):
    """Its question ended before the source was back, and the run went on with others for ten minutes."""
    await parked(journal, make, 2)
    wait_for(url, journal, make)
    write(url, journal, update(lookup).values(ended_at=make.later(-601)))
    late = wish(make, 9, back=-600)
    assert (await journal.do(waiting.TakingIn(late))).count == 0
    assert (await journal.do(waiting.TakingIn(replace(late, settled=timedelta(minutes=11))))).count == 2


async def test_the_log_tells_it(journal, make, url):
    """Each appeal has an entry with its source and its worker, from which how all stands follows."""
    for each in await parked(journal, make, 2):
        await journal.post(
            keeping.Keep(each, replace(make.state("s.thing", kind=DOWN), next_attempt_at=make.later(9e6)))
        )
    await journal.do(state.Probe())
    # By the time of the test it came back long after.
    assert (await journal.do(waiting.TakingIn(wish(make, 9, back=9e8)))).count == 2
    while await journal.do(events.Placing()):
        pass
    entries = (await journal.ask(log.page, limit=100, what=["retried"])).entries
    assert [(each.about, each.actor, each.detail["questions"]) for each in entries] == [("s", "worker:me", 1)] * 2
    await journal.close()
    assert check_the_past(url) > 0


@pytest.mark.proof
async def test_the_last_step_costs_what_the_first_did(journal, make, url):
    """Steps over many that have been asked since cost no more than over few, and others write in between."""
    count = form(600, 8_000)
    for first in range(0, count, 100):
        await asyncio.gather(*(parked(journal, make, 1, first=n) for n in range(first, first + 100)))
    wait_for(url, journal, make)
    took, places, total, over = [], {}, 0, False
    while not over:
        began = time.perf_counter()
        taken = await journal.do(waiting.TakingIn(wish(make, 50, places)))
        took.append(time.perf_counter() - began)
        places, over, total = taken.places, taken.over, total + taken.count
        for case in await claiming.claim(journal, claiming.Claim("me", make.later(21), 1000, 60)):
            given = {"dossier": None, "version": 1, "completeness": Completeness.PARTIAL, "due_at": make.later(9e6)}
            await journal.conclude(Conclusion(case.appeal_id, waits_for=("s",), **given))
    assert total == count
    third = len(took) // 3
    assert min(took[-third:]) < 10 * min(took[:third]) + 0.05
