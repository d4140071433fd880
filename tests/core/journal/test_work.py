"""Appeals at work: leases, states of questions, conclusions."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import JournalError
from appealbus.core.journal import access, documents, figures, keeping
from appealbus.core.journal.appeals import cases, claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.errors import VersionConflict
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from tests.services.asking import instead


async def names(journal, owner, now, limit=10, lease=60.0):
    return [case.appeal.message_id for case in await claiming.claim(journal, claiming.Claim(owner, now, limit, lease))]


async def test_the_most_urgent_go_first(journal, make):
    """By statutory deadline, those without one last, equals in the order they came."""
    for message, due in (("none", None), ("late", date(2026, 12, 9)), ("soon", date(2026, 12, 1)), ("none2", None)):
        await journal.accept(make.new(message, due_on=due))

    assert await names(journal, "a", make.now, limit=3) == ["soon", "late", "none"]
    assert await names(journal, "b", make.now) == ["none2"]


async def test_a_claimed_appeal_is_nobody_elses_until_its_lease_ends(journal, make):
    """A dead worker's appeal is free again when the lease is over, not before."""
    await journal.accept(make.new())

    assert await names(journal, "a", make.now, lease=60) == ["m1"]
    assert await names(journal, "b", make.later(59)) == []
    assert await names(journal, "b", make.later(60)) == ["m1"]


async def test_releasing_gives_back(journal, make):
    """Named ones or all of the owner's; what another owner holds stays."""
    one = await journal.accept(make.new("a"), owner="me")
    await journal.accept(make.new("b"), owner="me")
    await journal.accept(make.new("c"), owner="you")

    await journal.do(leases.Release("me", [one.appeal_id]))
    assert await names(journal, "x", make.now) == ["a"]
    await journal.do(leases.Release("me"))
    assert await names(journal, "x", make.now) == ["b"]


async def test_a_parked_appeal_comes_back_when_it_is_due(journal, make, conclude):
    """Parked till then, claimed after, with the version it had; next_due says when."""
    accepted = await journal.accept(make.new(), owner="me")
    await conclude(accepted, due_at=make.later(60))

    assert await journal.ask(figures.next_due) == make.later(60)
    assert await names(journal, "me", make.later(59)) == []
    (case,) = await claiming.claim(journal, claiming.Claim("me", make.later(60), 10, 60))
    assert case.version == 1
    assert await journal.ask(figures.next_due) is None


async def test_states_come_back_as_they_were_kept(journal, make):
    """Every field of a question's state survives, a record of an unknown type as OtherRecord."""
    accepted = await journal.accept(make.new(), owner="me")
    await journal.post(keeping.Keep(accepted.appeal_id, make.found()))
    await journal.post(keeping.Keep(accepted.appeal_id, make.state()))
    await journal.do(leases.Release("me"))

    (case,) = await claiming.claim(journal, claiming.Claim("me", make.now, 1, 60))
    assert case.states == (make.found(), make.state())
    assert await journal.ask(cases.states, accepted.receipt.number) == list(case.states)


async def test_the_newest_state_of_a_question_wins(journal, make):
    """Kept twice in one group or in two: one row, the later one. Other keys are other questions."""
    accepted = await journal.accept(make.new())
    for runs in (1, 2):
        await journal.post(keeping.Keep(accepted.appeal_id, make.state(runs=runs)))
    await journal.do(access.Asking([make.access("n")]))
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(kind=OutcomeKind.TIMED_OUT, runs=3)))
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(key="other")))
    await journal.do(access.Asking([make.access("n")]))

    states = await journal.ask(cases.states, accepted.receipt.number)
    assert [(state.key, state.kind, state.runs) for state in states] == [
        ("k", OutcomeKind.TIMED_OUT, 3),
        ("other", OutcomeKind.NOT_FOUND, 1),
    ]


async def test_a_conclusion_writes_version_deliveries_and_state_together(journal, make, conclude):
    """The dossier's bytes come back as they were; the appeal is idle and nobody's."""
    accepted = await journal.accept(make.new(), owner="me")
    number = accepted.receipt.number
    await journal.post(keeping.Keep(accepted.appeal_id, make.state()))
    await conclude(accepted, receivers=("out", "copy", "out"))

    assert await journal.ask(documents.whole, number) == b'{"number": "AB-2026-00000001", "version": 1}'
    assert [(row.version, row.completeness) for row in await journal.ask(lists.versions, number)] == [(1, "complete")]
    assert len(await journal.ask(cases.states, number)) == 1
    (row,) = await journal.ask(lists.appeals)
    assert (row.state, row.version, row.completeness) == (AppealState.IDLE, 1, "complete")
    assert (await journal.ask(figures.counts)).outbox == {"out": 1, "copy": 1}
    assert await names(journal, "me", make.at_last()) == []


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_a_version_must_follow_the_newest(journal, make, conclude, version):
    """Versions grow by one: repeated, skipped and going back are refused and change nothing."""
    accepted = await journal.accept(make.new(), owner="me")
    await conclude(accepted, 1, due_at=make.later(1))

    with pytest.raises(VersionConflict):
        await conclude(accepted, version)
    (row,) = await journal.ask(lists.appeals)
    assert (row.version, row.state) == (1, AppealState.PARKED)
    assert (await journal.ask(figures.counts)).outbox == {"out": 1}


async def test_a_conclusion_may_bring_no_new_version(journal, make, conclude):
    """Nothing new to tell: the state changes, version and deliveries do not; a stale version is refused."""
    accepted = await journal.accept(make.new(), owner="me")
    await conclude(accepted, 1)
    nothing = {"dossier": None, "completeness": Completeness.PARTIAL, "receivers": ["out"], "due_at": make.later(5)}
    await journal.conclude(Conclusion(accepted.appeal_id, version=1, **nothing))

    (row,) = await journal.ask(lists.appeals)
    assert (row.version, row.state, row.due_at) == (1, AppealState.PARKED, make.later(5))
    assert (await journal.ask(figures.counts)).outbox == {"out": 1}
    with pytest.raises(VersionConflict):
        await journal.conclude(Conclusion(accepted.appeal_id, version=0, **nothing))


async def test_versions_are_kept_side_by_side(journal, make, conclude):
    """Any version can be asked for; the newest is the default."""
    accepted = await journal.accept(make.new())
    number = accepted.receipt.number
    await conclude(accepted, 1)
    await conclude(accepted, 2)

    assert b'"version": 2' in await journal.ask(documents.whole, number)
    assert b'"version": 1' in await journal.ask(documents.whole, number, 1)
    assert await journal.ask(documents.whole, number, 3) is None
    assert await journal.ask(documents.whole, "nobody's") is None


async def test_unknown_appeals_are_told_apart_from_conflicts(journal, make):
    """A conclusion of an appeal that is not there says so; a read gives nothing."""
    with pytest.raises(JournalError, match="no such appeal"):
        await journal.conclude(
            Conclusion(9, dossier=b"{}", version=1, completeness=Completeness.COMPLETE, receivers=[], due_at=None)
        )
    assert await journal.ask(cases.case, "nobody's") is None
    assert await journal.ask(cases.states, "nobody's") == []


async def test_a_state_that_cannot_be_kept_fails_the_conclusion(journal, make, conclude):
    """A queued state is not lost in silence: the appeal's next conclusion fails, the one after may succeed."""
    accepted = await journal.accept(make.new())
    broken = make.state(lookup=None)
    await journal.post(keeping.Keep(accepted.appeal_id, broken))

    with pytest.raises(JournalError):
        await conclude(accepted)
    await conclude(accepted)


OPEN = (OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT, OutcomeKind.INVALID, OutcomeKind.AWAITING)


@pytest.fixture
async def given_up(journal, make):
    """An appeal in work with a question of every kind, none of which is ever asked again."""
    accepted = await journal.accept(make.new(at=datetime.now(UTC)), owner="me")
    for kind in OutcomeKind:
        await journal.post(keeping.Keep(accepted.appeal_id, make.state(key=kind.value, kind=kind)))
    await journal.post(
        keeping.Keep(accepted.appeal_id, replace(make.state(key="parked", kind=OPEN[0]), next_attempt_at=make.now))
    )
    await journal.do(access.Asking([make.access("n")]))  # what was kept before is on disk with it
    return accepted


@pytest.mark.parametrize("parked", [True, False])
async def test_a_retry_makes_all_that_is_open_due(journal, make, conclude, given_up, parked):
    """A parked or idle appeal is ready at once; what was given up is due like what waits; what has ended stays."""
    number = given_up.receipt.number
    await conclude(given_up, due_at=make.at_last() if parked else None)

    assert await journal.do(leases.Retry(number)) == len(OPEN) + 1
    (case,) = await claiming.claim(journal, claiming.Claim("other", datetime.now(UTC), 10, 60))
    due = {state.key for state in case.states if state.next_attempt_at and state.next_attempt_at <= datetime.now(UTC)}
    assert due == {*(kind.value for kind in OPEN), "parked"}
    assert len(case.states) == len(OutcomeKind) + 1


@pytest.mark.parametrize("refresh", [False, True])
async def test_a_retry_of_everything_makes_due_what_was_answered(journal, conclude, given_up, refresh):
    """What was refused or not found is due too, and stays until then; what was found at a refresh alone."""
    number = given_up.receipt.number
    await conclude(given_up)

    assert await journal.do(leases.Retry(number, everything=not refresh, refresh=refresh)) == len(OPEN) + 3 + refresh
    states = await journal.ask(cases.states, number)
    assert {state.key for state in states} == {*(kind.value for kind in OutcomeKind), "parked"}
    due = {state.key for state in states if state.next_attempt_at}
    assert due == {*(kind.value for kind in OPEN), "refused", "not_found", "parked"} | ({"found"} if refresh else set())


async def test_an_appeal_in_work_cannot_be_retried_until_its_lease_ends(journal, make, given_up):
    """The run under way would overwrite it: an error says so and nothing changes. A dead worker is no obstacle."""
    number = given_up.receipt.number
    before = await journal.ask(cases.states, number)

    with pytest.raises(JournalError, match="being worked on right now") as caught:
        await journal.do(leases.Retry(number))
    assert caught.value.code == "in_work"
    assert await journal.ask(cases.states, number) == before
    assert await journal.do(leases.Retry("nobody's")) is None

    dead = await journal.accept(make.new("dead", at=datetime.now(UTC) - timedelta(seconds=61)), owner="dead")
    assert await journal.do(leases.Retry(dead.receipt.number)) == 0
    assert await names(journal, "other", datetime.now(UTC)) == ["dead"]


async def test_an_appeal_that_cannot_be_read_is_put_off(journal, make, url):
    """It takes nobody's place, is not leased for ever, comes back in an hour, and is told of each time."""
    for number in range(6):
        await journal.accept(make.new(f"m{number}"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE document SET body = '{' WHERE appeal_id IN (1, 2, 4)")
    engine.dispose()

    with capture_logs() as logs:
        assert await names(journal, "me", make.now, limit=2) == ["m2", "m4"]
        assert [(line["event"], line["appeal_id"]) for line in logs] == [("journal.unreadable", n) for n in (1, 2, 4)]
        assert await names(journal, "me", make.now) == ["m5"]
        assert await journal.ask(figures.next_due) == make.later(3600)
        assert await names(journal, "me", make.later(59)) == []
        assert len(logs) == 3
        await journal.do(leases.Release("me"))
        assert await names(journal, "me", make.later(3600), lease=10**6) == ["m2", "m4", "m5"]
        assert len(logs) == 6
    with pytest.raises(JournalError, match="damaged"):
        await journal.ask(cases.case, "AB-2026-00000001")


@pytest.mark.parametrize("released", [True, False])
async def test_appeals_that_were_claimed_and_could_not_be_read_are_given_back(journal, make, monkeypatch, released):
    """They are ready at once, and not only when the lease is over; the error is that of the read, whatever comes."""
    await journal.accept(make.new())

    async def fails(*given):
        raise JournalError("the database is away", "unreachable")

    with monkeypatch.context() as patch:
        instead(patch, journal, cases.cases, fails)
        if not released:
            instead(patch, journal, leases.Release, fails)
        with pytest.raises(JournalError, match="is away"):
            await claiming.claim(journal, claiming.Claim("me", make.now, 10, 60))
    assert await names(journal, "other", make.now) == (["m1"] if released else [])


async def test_counts_tell_how_many_stand_where(journal, make, conclude):
    """Each state, the quarantine, the outbox and the oldest unfinished appeal."""
    done = await journal.accept(make.new("done"))
    parked = await journal.accept(make.new("parked", at=make.later(1)))
    await journal.accept(make.new("ready", at=make.later(2)))
    await journal.accept(make.new("held", at=make.later(3)), owner="me")
    await conclude(done)
    await conclude(parked, receivers=(), due_at=make.later(60))
    await journal.do(make.quarantine())

    counts = await journal.ask(figures.counts)
    assert (counts.ready, counts.in_work, counts.parked, counts.idle) == (1, 1, 1, 1)
    assert (counts.quarantine, counts.outbox, counts.oldest_unfinished) == (1, {"out": 1}, make.later(1))
