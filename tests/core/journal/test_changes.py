"""Changes in the journal: once each, about their own appeal, in whatever order they come."""

import asyncio
from datetime import date, timedelta

import pytest

from appealbus.core.domain.client import Sender
from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.journal import events, figures, log, quarantine, retention
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import claiming, lists, suspects
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.changes import changes, changing, targets, waiting_changes
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.core.preparation.changing import with_changes
from appealbus.schemas.change import Change
from appealbus.schemas.dossier import Completeness
from tests.services.forms import form


@pytest.fixture
def change(make):
    """Makes a change of the first appeal."""

    def new(message_id="c1", *, channel="files", anywhere=False, at=None, kind="due", **given):
        if not given.keys() & {"number", "appeal_message_id"}:
            given["appeal_message_id"] = "m1"
        if kind == "due":
            given.setdefault("due_on", "2026-03-02")
        made = Change.model_validate({"message_id": message_id, "channel": channel, "kind": kind, **given})
        return NewChange(made, at or make.now, "appealbus", Sender("" if anywhere else channel))

    return new


def ended(appeal, case, version=1, *, due_at=None, seen=None):
    """A conclusion of the run over a case."""
    done = with_changes(case)
    return Conclusion(
        appeal.appeal_id,
        dossier=b"{}",
        version=version,
        completeness=Completeness.COMPLETE,
        due_at=due_at,
        changes_seen=case.changes if seen is None else seen,
        form=done.form,
    )


async def test_a_change_makes_its_appeal_ready(journal, make, change, conclude):
    """By number or by message id; what rests is ready, the new term counts, and the end is in its column."""
    appeal = await journal.accept(make.new())
    await conclude(appeal)
    taken = await journal.do(targets.Changing(change(number=appeal.receipt.number)))
    assert (taken.new, taken.appeal_id, taken.receipt.number) == (True, appeal.appeal_id, appeal.receipt.number)
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert (case.changes, [each.change.message_id for each in case.kept_changes]) == (1, ["c1"])
    done = with_changes(case)
    assert (done.appeal.due_on, done.form.appeal, case.closed) == (date(2026, 3, 2), done.appeal, None)
    assert not await journal.conclude(ended(appeal, case, 2))
    await journal.do(targets.Changing(change("c2", kind="withdrawn", dated_at=make.later(9))))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert (case.closed, case.appeal.due_on, case.first.due_on) == ("withdrawn", date(2026, 3, 2), None)


async def test_the_same_twice_is_one_and_another_under_its_id_is_none(journal, make, change):
    """The same receipt; whoever has an old id and says something else is told so."""
    appeal = await journal.accept(make.new())
    first = await journal.do(targets.Changing(change()))
    again = await journal.do(targets.Changing(change(at=make.later(5))))
    assert (again.receipt, again.new) == (first.receipt, False)
    both = await asyncio.gather(*(journal.do(targets.Changing(change("c2"))) for _ in range(3)))
    assert sorted(each.new for each in both) == [False, False, True]
    with pytest.raises(MessageDiffers) as caught:
        await journal.do(targets.Changing(change(due_on="2026-04-02")))
    assert caught.value.number == appeal.receipt.number
    await journal.ask(changing.would_change, change())
    with pytest.raises(MessageDiffers):
        await journal.ask(changing.would_change, change(due_on="2026-04-02"))
    for _ in range(2):  # it waits for its appeal
        other = await journal.do(targets.Changing(change(channel="other", kind="closed", number="none")))
    assert not other.new
    await journal.do(events.Placing())
    repeated = [(each.appeal_id, each.detail) for each in (await journal.ask(log.page, what=["repeated"])).entries]
    mine = [(appeal.appeal_id, {"change": name}) for name in ("c1", "c2", "c2")]
    assert repeated == [*mine, (None, {"change": "c1"})]


async def test_a_change_waits_for_its_appeal(journal, make, change):
    """It is here with the appeal, in the same transaction; nobody works the appeal without it."""
    waits = await journal.do(targets.Changing(change(kind="withdrawn")))
    by_number = await journal.do(targets.Changing(change("c2", number="ЖТ-1", kind="corrected")))
    assert (waits.appeal_id, waits.receipt.number, by_number.receipt.number) == (None, "", "ЖТ-1")
    assert (await journal.ask(figures.counts)).waiting_changes == 2
    appeal = await journal.accept(make.new(number="ЖТ-1"), owner="w")
    assert not appeal.leased
    assert (await journal.accept(make.new("m2"), owner="w")).leased
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert (case.changes, len(case.kept_changes), case.closed) == (2, 2, "withdrawn")
    assert (await journal.ask(figures.counts)).waiting_changes == 0
    again = await journal.do(targets.Changing(change(kind="withdrawn")))
    assert (again.new, again.receipt.number) == (False, "ЖТ-1")


async def test_a_change_is_about_one_appeal(journal, make, change):
    """Its number and its message id must be of the same; one of another channel is changed by who may alone."""
    number = (await journal.accept(make.new())).receipt.number
    await journal.accept(make.new("m2"))
    foreign = [
        {"number": number, "channel": "other"},
        {"appeal_channel": "files", "appeal_message_id": "m1", "channel": "other"},
        {"number": number, "appeal_message_id": "m1", "appeal_channel": "files", "channel": "other"},
    ]
    contradictory = [{"number": number, "appeal_message_id": of} for of in ("m2", "m9")]
    for given in [*contradictory, *foreign]:
        with pytest.raises(JournalError) as caught:  # as a person is told who replays it
            await journal.ask(changing.would_change, change(**given))
        assert caught.value.code == ("change.contradictory" if given in contradictory else "change.foreign")
        assert not caught.value.passes
    for given in contradictory:
        with pytest.raises(JournalError, match="not of one appeal"):
            await journal.do(targets.Changing(change(**given)))
    for at, given in enumerate(foreign):  # whoever sends it is told what it would be told if there were no such appeal
        taken = await journal.do(targets.Changing(change(f"f{at}", **given)))
        assert (taken.appeal_id, taken.new, taken.refused) == (None, True, "change.foreign")
        assert taken.receipt.number == given.get("number", "")
    assert (
        (await journal.ask(figures.counts)).waiting_changes
        == len(await journal.ask(quarantine.quarantined))
        == len(foreign)
    )
    assert await journal.ask(changes.sent) == {"other": {"due"}}
    assert (await journal.do(targets.Changing(change("a", number=number, channel="other", anywhere=True)))).appeal_id
    given = {"appeal_channel": "files", "appeal_message_id": "m1", "channel": "other", "anywhere": True}
    assert (await journal.do(targets.Changing(change("b", **given)))).appeal_id
    assert (await journal.do(targets.Changing(change("c", number=number, appeal_message_id="m1")))).appeal_id


async def test_who_may_not_change_it_does_not_by_coming_first(journal, make, change):
    """A change that waits finds an appeal of its own channel alone, unless its channel may change all."""
    await journal.do(targets.Changing(change("a", number="ЖТ-1", channel="other")))
    await journal.do(targets.Changing(change("b", number="ЖТ-1", channel="registry", anywhere=True)))
    await journal.do(targets.Changing(change("c", appeal_message_id="m1", channel="other")))
    await journal.accept(make.new(number="ЖТ-1"))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert [each.change.message_id for each in case.kept_changes] == ["b"]
    (foreign,) = await journal.ask(quarantine.quarantined)
    assert (foreign.position, foreign.code) == ("change a", "change.foreign")
    # c is about a message of its own channel, and a stands as if it waited.
    assert (await journal.ask(figures.counts)).waiting_changes == 2


async def test_a_number_that_the_bus_has_not_given_is_no_number(journal, make, change):
    """Whoever names one before it exists changes nobody's appeal; one that a register brings along may be awaited."""
    await journal.do(targets.Changing(change("a", number="AB-2026-00000001", kind="withdrawn")))
    await journal.do(targets.Changing(change("b", number="ЖТ-1")))
    assert (await journal.accept(make.new())).receipt.number == "AB-2026-00000001"
    await journal.accept(make.new("m2", number="ЖТ-1"))
    assert [case.changes for case in await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))] == [0, 1]
    assert (await journal.ask(figures.counts)).waiting_changes == 1


async def test_what_waits_is_bounded(journal, make, change):
    """In number and size, and in time: then it goes into quarantine, from where it can be replayed."""
    await journal.do(targets.Changing(change("a", at=make.later(-10)), most_waiting=2))
    await journal.do(targets.Changing(change("b"), most_waiting=2))
    for given, code in [
        ({}, "change.too_many_wait"),
        ({"note": None, "removed": ["x" * 299] * 300}, "change.too_large"),
    ]:
        new = change("c", **given)
        for taking in (
            journal.ask(changing.would_change, new, most_waiting=2),
            journal.do(targets.Changing(new, most_waiting=2)),
        ):
            with pytest.raises(JournalError) as caught:
                await taking
            assert caught.value.code == code
    assert await retention.expire_changes(journal, make.now) == 1
    assert (await journal.ask(figures.counts)).waiting_changes == 1
    (row,) = await journal.ask(quarantine.quarantined)
    assert (row.code, row.channel) == ("change.appeal_unknown", "files")
    whole = await journal.ask(quarantine.quarantine_row, row.id)
    assert Change.model_validate_json(whole.raw) == change("a").change
    assert (await journal.do(targets.Changing(change("a")))).new


async def test_what_comes_during_a_run_is_not_lost(journal, make, change):
    """The run's end overwrites nothing of it: the appeal is ready again at once."""
    appeal = await journal.accept(make.new(), owner="w")
    (case,) = await journal.ask(journal_cases.cases, [appeal.appeal_id])
    await journal.do(targets.Changing(change()))
    assert await journal.conclude(ended(appeal, case))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert case.changes == 1
    assert not await journal.conclude(ended(appeal, case, 2, due_at=make.later(60)))
    assert await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60)) == []


async def test_a_held_appeal_stays_held(journal, make, change):
    """The change is there when somebody releases it."""
    appeal = await journal.accept(make.new())
    await journal.do(suspects.Hold(appeal.receipt.number, by="x", reason="y"))
    await journal.do(targets.Changing(change()))
    assert (await journal.ask(lists.appeal_row, appeal.receipt.number)).state is AppealState.HELD
    await journal.do(suspects.Releasing(appeal.receipt.number))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert case.changes == 1


async def test_an_appeal_has_no_more_than_so_many_changes(journal, make, change, monkeypatch):
    """However many are sent; each of them is answered, and the appeal is worked with what counts."""
    monkeypatch.setattr(waiting_changes, "MOST", form(20, 200))
    await journal.accept(make.new())
    sent = form(300, 200_000)
    results = []
    for start in range(0, sent, 500):
        batch = (journal.do(targets.Changing(change(f"c{at}"))) for at in range(start, min(sent, start + 500)))
        results += await asyncio.gather(*batch, return_exceptions=True)
    refused = [each.code for each in results if isinstance(each, JournalError)]
    assert refused == ["change.too_many"] * (sent - form(20, 200))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert case.changes == len(case.kept_changes) == form(20, 200)


async def test_what_is_pruned_takes_its_changes_along(journal, make, change, conclude):
    """A change of it that comes later waits like one of an appeal that never came."""
    appeal = await journal.accept(make.new())
    await journal.do(targets.Changing(change()))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    await journal.conclude(ended(appeal, case))
    assert (await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1))))["appeals"] == 1
    assert (await journal.do(targets.Changing(change("c2")))).appeal_id is None
    assert (await journal.do(targets.Changing(change("c1")))).new


async def test_two_workers_lose_nothing(journal_database, make, change):
    """Changes and their appeals that come at the same moment at two workers find each other, each once."""
    async with await Journal.open(journal_database) as one, await Journal.open(journal_database) as two:
        count = form(40, 500)
        jobs = []
        for at in range(count):
            jobs += [
                one.accept(make.new(f"m{at}")),
                two.do(targets.Changing(change(f"c{at}", appeal_message_id=f"m{at}"))),
            ]
            jobs += [one.do(targets.Changing(change(f"c{at}", appeal_message_id=f"m{at}")))]
        results = await asyncio.gather(*jobs)
        assert sum(each.new for each in results) == 2 * count
        cases = await claiming.claim(one, claiming.Claim("w", make.now, 2 * count, 60))
        assert [case.changes for case in cases] == [1] * count
        assert (await one.ask(figures.counts)).waiting_changes == 0
