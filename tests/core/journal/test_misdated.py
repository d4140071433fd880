"""A change with an implausible date, by a typo: it is taken, and what comes later counts more, on each database."""

import json
from dataclasses import replace

import pytest

from appealbus.core.domain.change import AHEAD, KeptChange
from appealbus.core.domain.client import Sender
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import claiming, leases, lists, selecting, suspects
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.changes import changes as journal_changes
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.preparation.changing import with_changes
from appealbus.schemas.change import Change
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.jsonreading import message_from_json

TYPO = "2062-02-16"


def change(message_id, at, kind="due", **given):
    """A change of the appeal `m1` that comes at a moment."""
    said = {"message_id": message_id, "appeal_message_id": "m1", "kind": kind, **given}
    return NewChange(Change.model_validate(said), at, "appealbus", Sender("files"))


def told(warnings):
    """Return of which fields warnings say that their dates cannot be."""
    return [each.field for each in warnings or () if each.code == "change.misdated"]


async def worked(journal, make):
    """Claim the appeal and return its case as its changes make it."""
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.later(100), 10, 60))
    return with_changes(case)


@pytest.mark.parametrize("waits", [False, True])
async def test_what_is_dated_far_ahead_does_not_win_for_ever(journal, make, waits):
    """Whether it comes before its appeal or after it, a later change with a date of today counts more than it."""
    if not waits:
        await journal.accept(make.new())
    await journal.do(targets.Changing(change("typo", make.now, due_on="2062-03-01", dated_at=TYPO)))
    if waits:
        await journal.accept(make.new(at=make.later(1)))
    assert (await worked(journal, make)).appeal.due_on is None
    await journal.do(leases.Release("w"))
    await journal.do(
        targets.Changing(change("right", make.later(60), due_on="2026-12-20", dated_at=make.later(50).isoformat()))
    )
    case = await worked(journal, make)
    assert case.appeal.due_on.isoformat() == "2026-12-20"
    assert [each.message_id for each in case.notes] == ["typo", "right"]
    listed = await journal.ask(journal_changes.changes, case.receipt.number)
    assert [row.message_id for row in listed] == ["typo", "right"]


@pytest.mark.parametrize(
    ("given", "code", "misdated"),
    [
        ({"received_at": "03/02/2026"}, "field.moment", True),
        ({"due_on": "soon"}, "field.date", True),
        ({"applicant": {"type": "person", "birth_date": "x"}}, "field.date", False),
        ({"received_at": "2026-02-02"}, "", False),
    ],
)
async def test_a_date_that_terms_rest_on_and_nobody_can_read(journal, make, given, code, misdated):
    """The appeal is counted with those whose dates cannot be, until a change says the date."""
    sent = message_from_json(json.dumps({"message_id": "m1", "text": "t", **given}).encode())
    assert [each.code for each in sent.warnings] == [code] * bool(code)
    new = make.new()
    await journal.accept(replace(new, appeal=sent.model_copy(update={"channel": new.appeal.channel})))
    assert (await worked(journal, make)).misdated == misdated
    await journal.do(leases.Release("w"))
    said = {"received_at": "2026-02-02T10:00:00+05:00", "due_on": "2026-03-02"}
    await journal.do(targets.Changing(change("right", make.later(60), "corrected", corrected=said)))
    assert not (await worked(journal, make)).misdated
    await journal.do(leases.Release("w"))
    read = message_from_json(
        b'{"type": "change", "message_id": "c", "number": "1", "kind": "due", "due_on": "31.02.2026"}'
    )
    assert KeptChange.of(read, make.now).misdated


@pytest.mark.parametrize("waits", [False, True])
async def test_an_end_that_is_dated_far_ahead_is_undone_by_a_later_change(journal, make, waits):
    """It ends the appeal as it comes, since somebody said so; an extension that comes later takes it up again."""
    changes = [
        change("end", make.now, "answered", dated_at=TYPO),
        change("on", make.later(60), "extended", due_on="2026-12-20", dated_at=make.later(60).isoformat()),
    ]
    for each in changes if waits else ():
        await journal.do(targets.Changing(each))
    number = (await journal.accept(make.new(at=make.later(61)))).receipt.number
    for each in () if waits else changes:
        await journal.do(targets.Changing(each))
    assert (await journal.ask(lists.appeal_row, number)).closed is None
    assert (await worked(journal, make)).closed is None


async def test_a_day_ahead_is_taken_at_its_word(journal, make):
    """A clock that is ahead, or a decision of tomorrow, counts by its date; a second more does not."""
    await journal.accept(make.new())
    await journal.do(
        targets.Changing(change("near", make.now, due_on="2026-12-10", dated_at=(make.now + AHEAD).isoformat()))
    )
    await journal.do(targets.Changing(change("now", make.later(60), due_on="2026-12-11")))
    case = await worked(journal, make)
    assert ([each.message_id for each in case.notes], case.notes[1].warnings) == (["now", "near"], [])
    far = (make.later(1) + AHEAD).isoformat()
    await journal.do(leases.Release("w"))
    await journal.do(targets.Changing(change("far", make.now, due_on="2026-12-12", dated_at=far)))
    notes = (await worked(journal, make)).notes
    assert [each.message_id for each in notes] == ["far", "now", "near"]
    assert told(notes[0].warnings) == ["dated_at"]
    assert notes[0].dated_at == make.now


async def test_it_comes_again_as_the_same(journal, make):
    """Sent anew a year later it is the same change, with the same receipt, and counts from when it came first."""
    await journal.accept(make.new())
    first = await journal.do(targets.Changing(change("typo", make.now, due_on="2062-03-01", dated_at=TYPO)))
    again = await journal.do(
        targets.Changing(change("typo", make.later(86400 * 365), due_on="2062-03-01", dated_at=TYPO))
    )
    assert (again.new, again.receipt) == (False, first.receipt)
    assert told(first.receipt.warnings) == ["dated_at", "due_on"]
    (row,) = await journal.ask(journal_changes.changes, first.receipt.number)
    assert row.received_at == make.now


async def test_it_is_counted_and_listed_apart_from_what_is_lacking(journal, make):
    """Each list has its own, whatever else an appeal lacks; nobody takes it up as if a lookup were back."""
    ids = {}
    lacks = {
        "lookup": {"lacks": ["a.b"]},
        "date": {"misdated": True},
        "rule": {"unassessed": ["minor"]},
        "all": {"lacks": ["a.b"], "misdated": True, "unassessed": ["minor", "repeats"]},
        "none": {},
    }
    for name, given in lacks.items():
        ids[name] = (await journal.accept(make.new(name))).appeal_id
        done = Conclusion(ids[name], dossier=b"{}", version=1, completeness=Completeness.COMPLETE, **given)
        await journal.conclude(done)
    counts = await journal.ask(figures.counts)
    assert (counts.lacking, counts.unassessed, counts.misdated) == ({"a.b": 2}, {"minor": 2, "repeats": 1}, 2)
    assert len(await journal.ask(lists.appeals, lacking=True)) == 2
    wanted = {"lacking": ["lookup", "all"], "misdated": ["date", "all"], "unassessed": ["rule", "all"]}
    for part, names in wanted.items():
        found = await journal.ask(selecting.selected, Selection(**{part: True}), 100)
        assert sorted(found) == [ids[name] for name in names]
        found = await journal.ask(selecting.selected, Selection(**{part: True}, kind="complaint"), 100)
        assert sorted(found) == [ids[name] for name in names]
    rows = {row.appeal_id: row for row in await journal.ask(lists.appeals)}
    told = rows[ids["all"]]
    assert (told.lacks, told.unassessed, told.misdated) == (("a.b",), ("minor", "repeats"), True)
    assert (rows[ids["date"]].lacks, rows[ids["none"]].misdated) == ((), False)
    claimed = await claiming.claim(journal, claiming.Claim("w", make.later(1), 10, 60, lost=()))
    assert sorted(case.appeal_id for case in claimed) == [ids["lookup"], ids["all"]]


ODD = {
    "dated": ({"kind": "registered", "dated_at": TYPO}, ["dated_at"]),
    "long ago": ({"kind": "answered", "dated_at": "1926-02-16"}, ["dated_at"]),
    "due late": ({"kind": "extended", "due_on": "2062-12-20"}, ["due_on"]),
    "due early": ({"kind": "due", "due_on": "0026-12-20"}, ["due_on"]),
    "corrected": ({"kind": "corrected", "corrected": {"due_on": "2062-12-20"}}, ["corrected.due_on"]),
    "answer": ({"kind": "answered", "answered_on": "1926-11-20"}, ["answered_on"]),
    "no kind": ({"kind": None, "dated_at": TYPO}, ["dated_at"]),
    "plausible": ({"kind": "extended", "due_on": "2018-12-20", "dated_at": "2017-01-01"}, []),
}


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("name", ODD)
async def test_its_receipt_tells_of_it_each_time(journal, make, name, waits):
    """Whether its appeal is here, which is never told by it, and behind a later change, too."""
    given, fields = ODD[name]
    if not waits:
        await journal.accept(make.new())
        await journal.do(
            targets.Changing(change("later", make.later(9), "registered", dated_at=make.later(86400).isoformat()))
        )
    first = await journal.do(targets.Changing(change("c", make.later(1), **given)))
    again = await journal.do(targets.Changing(change("c", make.later(86400 * 365), **given)))
    assert told(first.receipt.warnings) == told(again.receipt.warnings) == fields
    assert (again.new, again.receipt) == (False, first.receipt)
    if fields and given["kind"] is not None:
        await (
            journal.accept(make.new())
            if waits
            else journal.do(targets.Changing(change("more", make.later(2), "registered")))
        )
        notes = {each.message_id: each for each in (await worked(journal, make)).notes}
        assert told(notes["c"].warnings) == fields


@pytest.mark.parametrize(("typo", "kind"), [("2062-12-20", "due"), ("0026-12-20", "extended"), ("1926-12-20", "due")])
async def test_a_due_date_that_cannot_be_pins_nothing(journal, make, typo, kind):
    """Neither the appeal nor its place in the queue is by it; a later one counts."""
    number = (await journal.accept(make.new())).receipt.number
    before = (await journal.ask(lists.appeal_row, number)).due_on
    await journal.do(targets.Changing(change("typo", make.now, kind, due_on=typo, dated_at=make.now.isoformat())))
    row = await journal.ask(lists.appeal_row, number)
    assert (row.due_on, row.misdated) == (before, True)
    case = await worked(journal, make)
    assert (case.appeal.due_on, case.misdated, case.notes[0].due_on) == (None, True, None)
    await journal.do(leases.Release("w"))
    await journal.do(targets.Changing(change("right", make.later(60), "due", due_on="2026-12-20")))
    assert not (await journal.ask(lists.appeal_row, number)).misdated
    case = await worked(journal, make)
    assert (case.appeal.due_on.isoformat(), case.misdated) == ("2026-12-20", False)


@pytest.mark.parametrize("kind", ["answered", "withdrawn", "closed"])
async def test_an_end_that_is_dated_long_before_does_not_rule(journal, make, kind):
    """It counts from when it came, as if it had no date; an extension that comes later takes the appeal up again."""
    number = (await journal.accept(make.new())).receipt.number
    await journal.do(
        targets.Changing(change("end", make.later(1), kind, dated_at="1926-02-16", answered_on="1926-02-16"))
    )
    case = await worked(journal, make)
    assert (case.closed, case.misdated, told(case.notes[0].warnings)) == (kind, True, ["dated_at", "answered_on"])
    assert (case.notes[0].dated_at, case.notes[0].answered_on) == (make.later(1), None)
    await journal.do(leases.Release("w"))
    await journal.do(
        targets.Changing(
            change("on", make.later(60), "extended", due_on="2026-12-20", dated_at=make.later(50).isoformat())
        )
    )
    assert (await journal.ask(lists.appeal_row, number)).closed is None
    case = await worked(journal, make)
    assert (case.closed, case.misdated) == (None, False)


@pytest.mark.parametrize(
    ("end", "waits"),
    [
        ({"dated_at": TYPO}, False),
        ({"dated_at": TYPO}, True),
        ({"dated_at": "1926-02-16"}, False),
        ({"dated_at": "1926-02-16"}, True),
        ({"answered_on": "2062-02-16"}, False),
    ],
)
async def test_a_held_appeal_that_it_ended_is_told(journal, make, end, waits):
    """Nobody works it, so nobody else finds out; until a later change mends it."""
    ended = change("end", make.later(1), "answered", **end)
    if waits:
        await journal.do(targets.Changing(ended))
    taken = await journal.accept(make.new())
    await journal.do(suspects.Hold(taken.receipt.number, by="somebody", reason="why"))
    if not waits:
        await journal.do(targets.Changing(ended))
    row = await journal.ask(lists.appeal_row, taken.receipt.number)
    assert (row.state, row.closed, row.misdated) == ("held", "answered", True)
    assert (await journal.ask(figures.counts)).misdated == 1
    assert list(await journal.ask(selecting.selected, Selection(misdated=True), 100)) == [taken.appeal_id]
    await journal.do(targets.Changing(change("before", make.later(2), "registered", dated_at="2026-01-01")))
    assert (await journal.ask(figures.counts)).misdated == 1
    await journal.do(targets.Changing(change("on", make.later(60), "extended", due_on="2026-12-20")))
    row = await journal.ask(lists.appeal_row, taken.receipt.number)
    assert (row.closed, row.misdated, (await journal.ask(figures.counts)).misdated) == (None, False, 0)


async def test_a_run_that_did_not_know_of_it_does_not_hide_it(journal, make):
    """It came during the run, and a person holds the appeal before the next one."""
    taken = await journal.accept(make.new())
    await claiming.claim(journal, claiming.Claim("w", make.later(1), 10, 60))
    await journal.do(targets.Changing(change("end", make.later(2), "answered", dated_at=TYPO)))
    done = Conclusion(taken.appeal_id, dossier=b"{}", version=1, completeness=Completeness.COMPLETE, owner="w")
    await journal.conclude(done)
    await journal.do(suspects.Hold(taken.receipt.number, by="somebody", reason="why"))
    assert (await journal.ask(lists.appeal_row, taken.receipt.number)).misdated
