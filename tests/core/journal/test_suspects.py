"""What a dead worker left in work: worked one at a time, and held if each worker that takes it alone dies."""

import asyncio

import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import JournalError
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import claiming, leases, lists, suspects
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.errors import LeaseLost
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness

LEASE = 60.0


async def dead(journal, make, *messages, owner="dead"):
    """Have a worker take these and die."""
    for message in messages:
        await journal.accept(make.new(message), owner=owner, lease_seconds=LEASE)


async def taken(journal, now, owner="me", **given):
    cases = await claiming.claim(journal, claiming.Claim(owner, now, 10, LEASE, **given))
    return [(case.appeal.message_id, case.deaths) for case in cases]


async def states(journal):
    return {row.message_id: row.state for row in await journal.ask(lists.appeals)}


@pytest.fixture
def end(journal):
    async def conclude(case, **given):
        told = {"dossier": None, "version": 0, "completeness": Completeness.PARTIAL, "receivers": [], "due_at": None}
        await journal.conclude(Conclusion(case.appeal_id, **{**told, **given}))

    return conclude


async def test_suspects_are_worked_one_at_a_time(journal, make, end):
    """Over all workers, and beside what is not suspect; the next one has its turn when the one before has ended."""
    await dead(journal, make, "a", "b")
    await journal.accept(make.new("new"))
    later = make.later(61)

    first = await claiming.claim(journal, claiming.Claim("me", later, 10, LEASE))
    assert [(case.appeal.message_id, case.deaths) for case in first] == [("a", 0), ("new", None)]
    assert await taken(journal, later, "you") == []
    assert (await journal.ask(figures.counts)).suspect == 1
    await end(first[0], due_at=make.later(90))
    assert await taken(journal, later, "you") == [("b", 0)]
    # It has ended its turn, so it is suspect no more.
    assert ("a", None) in await taken(journal, make.later(90))


async def test_workers_that_claim_together_take_one_suspect(journal_database, make):
    """On PostgreSQL transactions run side by side: all the same only one worker has a suspect."""
    journals = [await Journal.open(journal_database) for _ in range(4)]
    await dead(journals[0], make, *(f"m{at}" for at in range(8)))
    await claiming.bury(journals[0], "dead")
    claims = (claiming.claim(one, claiming.Claim(str(at), make.at_last(), 5, LEASE)) for at, one in enumerate(journals))
    got = [case for cases in await asyncio.gather(*claims) for case in cases]
    for one in journals:
        await one.close()
    assert len(got) == 1


async def test_the_third_death_holds_it(journal, make):
    """Each death puts it behind the innocents and off for longer; then nothing but a release brings it back."""
    await dead(journal, make, "killer")
    at = 61.0
    for deaths in range(suspects.DEATHS):
        assert await taken(journal, make.later(at)) == [("killer", deaths)]
        await dead(journal, make, f"beside{deaths}", owner="me")
        at += LEASE + 1
        # It comes again after all that were beside it, and after its pause.
        cases = await claiming.claim(journal, claiming.Claim("me", make.later(at), 10, LEASE))
        assert [case.deaths for case in cases] == [0]
        await journal.conclude(
            Conclusion(
                cases[0].appeal_id,
                dossier=None,
                version=0,
                completeness=Completeness.PARTIAL,
                receivers=[],
                due_at=None,
            )
        )
        if deaths < suspects.DEATHS - 1:
            assert await taken(journal, make.later(at)) == []
            at += suspects.PAUSES[deaths]
    row = await journal.ask(lists.appeal_row, (await journal.ask(lists.appeals))[0].number)
    assert (row.state, row.held_by, row.held_reason) == (AppealState.HELD, "appealbus", suspects.REASON)
    assert await taken(journal, make.at_last()) == []
    counts = await journal.ask(figures.counts)
    assert (counts.held, counts.suspect, counts.oldest_unfinished) == (1, 0, None)

    assert await journal.do(suspects.Releasing(row.number))
    assert await taken(journal, make.at_last()) == [("killer", 0)]


async def test_who_gives_back_in_order_makes_nobody_suspect(journal, make):
    """Not what it worked beside, and not one death more for the suspect whose turn it was."""
    await journal.accept(make.new("a"), owner="me", lease_seconds=LEASE)
    await journal.do(leases.Release("me"))
    assert await taken(journal, make.now) == [("a", None)]

    await dead(journal, make, "b", owner="me")
    later = make.later(61)
    for _ in range(2):
        assert await taken(journal, later, "you") == [("a", 0)]
        await journal.do(leases.Release("you"))


async def test_the_dead_of_a_name_are_buried_at_once(journal, make):
    """A supervisor knows who is dead; nobody waits for the lease, and others keep what they work."""
    await dead(journal, make, "a", owner="dead")
    await dead(journal, make, "b", owner="alive")
    await claiming.bury(journal, "dead")
    assert await states(journal) == {"a": AppealState.SUSPECT, "b": AppealState.IN_WORK}


async def test_one_that_left_a_question_out_stays_suspect(journal, make, end):
    """While it is parked, and when it is due again; once it has ended a whole turn it is suspect no more."""
    await dead(journal, make, "a")
    (case,) = await claiming.claim(journal, claiming.Claim("me", make.later(61), 10, LEASE))
    await end(case, due_at=make.later(70), doubted=True)
    (case,) = await claiming.claim(journal, claiming.Claim("me", make.later(70), 10, LEASE))
    assert case.deaths == 0
    await end(case, due_at=make.later(80))
    assert await taken(journal, make.later(80)) == [("a", None)]


@pytest.mark.parametrize("state", ["ready", "in_work", "parked"])
async def test_a_held_case_is_not_worked(journal, make, end, state):
    """Whatever it did: who has it in work loses it; neither time nor a retry wakes it; a release does."""
    accepted = await journal.accept(make.new("a"), owner="me" if state == "in_work" else None)
    number = accepted.receipt.number
    if state == "parked":
        await end(accepted, due_at=make.later(5))
    assert await journal.do(suspects.Hold(number, by="olga", reason="the court asked"))
    assert await taken(journal, make.at_last()) == []
    with pytest.raises(JournalError, match="appealbus release"):
        await journal.do(leases.Retry(number))
    with pytest.raises(JournalError, match="already"):
        await journal.do(suspects.Hold(number, by="ivan", reason="again"))
    assert await journal.do(leases.Renewal("me", [accepted.appeal_id], make.now, LEASE)) == set()
    with pytest.raises(LeaseLost):
        await end(accepted, owner="me")
    row = await journal.ask(lists.appeal_row, number)
    assert (row.held_by, row.held_reason) == ("olga", "the court asked")

    assert await journal.do(suspects.Releasing(number))
    assert await taken(journal, make.now) == [("a", None)]
    with pytest.raises(JournalError, match="not held"):
        await journal.do(suspects.Releasing(number))
    assert not await journal.do(suspects.Hold("nobody's", by="x", reason="y"))
    assert not await journal.do(suspects.Releasing("nobody's"))


async def test_a_claim_takes_no_more_bytes_than_there_is_room_for(journal, make):
    """The most urgent first, and none passes one that is too large; where nothing is in work one is always taken."""
    for message in "abc":
        await journal.accept(make.new(message))
    size = (await journal.ask(journal_cases.cases, [1]))[0].size
    assert await taken(journal, make.now, room=size - 1, alone=False) == []
    assert await taken(journal, make.now, room=2 * size, alone=False) == [("a", None), ("b", None)]
    assert await taken(journal, make.now, room=0) == [("c", None)]


async def test_turns_of_a_message_that_never_end_are_counted(journal):
    """One that ends, however, forgets those before it."""
    assert [await journal.do(suspects.Turn("m")) for _ in range(3)] == [0, 1, 2]
    assert await journal.do(suspects.Turn("other")) == 0
    await journal.do(suspects.TurnEnded("m"))
    assert await journal.do(suspects.Turn("m")) == 0
