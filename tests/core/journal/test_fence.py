"""Leases: renewed by who lives, and no write by who has lost one."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import access, documents, keeping
from appealbus.core.journal.appeals import cases, claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.errors import LeaseLost
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind


async def end(journal, accepted, owner, version=1, dossier=b"{}"):
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=dossier,
            version=version,
            completeness=Completeness.COMPLETE,
            receivers=["out"],
            due_at=None,
            owner=owner,
        )
    )


async def test_a_renewed_lease_lasts_longer(journal, make):
    """Only what is named and still the owner's; the answer says which that is."""
    one = await journal.accept(make.new("a"), owner="me", lease_seconds=60)
    two = await journal.accept(make.new("b"), owner="me", lease_seconds=60)
    three = await journal.accept(make.new("c"), owner="you", lease_seconds=60)

    kept = await journal.do(leases.Renewal("me", [one.appeal_id, three.appeal_id], make.later(60), 60))
    assert kept == {one.appeal_id}
    assert [case.appeal_id for case in await claiming.claim(journal, claiming.Claim("x", make.later(61), 10, 60))] == [
        two.appeal_id
    ]
    assert await journal.do(leases.Renewal("me", [two.appeal_id], make.later(60), 60)) == set()
    assert await journal.do(leases.Renewal("me", [], make.later(60), 60)) == set()


async def test_who_has_lost_an_appeal_concludes_nothing(journal, make):
    """The other's version is the one that counts; before it, after it, with a dossier and without."""
    accepted = await journal.accept(make.new(), owner="slow", lease_seconds=60)
    assert await claiming.claim(journal, claiming.Claim("quick", make.later(61), 10, 10**6))

    for version, dossier in ((1, b"slow"), (0, None)):
        with pytest.raises(LeaseLost):
            await end(journal, accepted, "slow", version, dossier)
    await end(journal, accepted, "quick", dossier=b"quick")
    with pytest.raises(LeaseLost):
        await end(journal, accepted, "slow", 2, b"slow")

    assert await journal.ask(documents.whole, accepted.receipt.number) == b"quick"
    (row,) = await journal.ask(lists.appeals)
    assert (row.version, row.state) == (1, AppealState.IDLE)


async def test_a_lease_that_is_over_and_that_nobody_took_is_still_good(journal, make):
    """Late is not lost: nobody else has begun."""
    accepted = await journal.accept(make.new(at=datetime(2026, 1, 1, tzinfo=UTC)), owner="slow", lease_seconds=1)
    await end(journal, accepted, "slow")


async def test_who_has_lost_an_appeal_keeps_nothing(journal, make):
    """What the new owner has found is not overwritten by the old one's failure."""
    accepted = await journal.accept(make.new(), owner="slow", lease_seconds=60)
    await claiming.claim(journal, claiming.Claim("quick", make.later(61), 10, 10**6))
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(kind=OutcomeKind.NOT_FOUND), owner="quick"))
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(kind=OutcomeKind.TIMED_OUT), owner="slow"))
    await end(journal, accepted, "quick")
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(kind=OutcomeKind.TIMED_OUT), owner="quick"))
    await journal.do(access.Asking([make.access("n")]))

    assert [state.kind for state in await journal.ask(cases.states, accepted.receipt.number)] == [OutcomeKind.NOT_FOUND]


async def test_a_second_conclusion_of_one_group_has_no_lease(journal, make):
    """The first one ended it, though both are in one transaction."""
    accepted = await journal.accept(make.new(), owner="me")
    await end(journal, accepted, "me")
    with pytest.raises(LeaseLost):
        await end(journal, accepted, "me", 2)


async def test_what_was_found_is_kept_before_its_conclusion_ends_the_lease(journal, make):
    """In one transaction with the conclusion of another appeal that came before it in the queue."""
    one = await journal.accept(make.new("a"), owner="me")
    two = await journal.accept(make.new("b"), owner="me")
    held, free = threading.Event(), threading.Event()

    def hold(connection, items):
        held.set()
        assert free.wait(20)
        return [None] * len(items)

    writes = [asyncio.create_task(journal._write.submit(hold, None))]
    assert await asyncio.to_thread(held.wait, 20)
    writes.append(asyncio.create_task(end(journal, one, "me")))
    await asyncio.sleep(0)
    await journal.post(keeping.Keep(two.appeal_id, make.state(), owner="me"))
    writes.append(asyncio.create_task(end(journal, two, "me")))
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*writes)

    assert [state.kind for state in await journal.ask(cases.states, two.receipt.number)] == [make.state().kind]
