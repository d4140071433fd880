"""Operations on many rows: each has its verdict once, whatever stops them, and the log tells all of it."""

import asyncio
import random
import tracemalloc
from array import array
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, text

from appealbus.core.domain.listing import AppealState, NamedView
from appealbus.core.domain.operation import Frozen, ItemResult, Operation, Order
from appealbus.core.domain.selection import DeliverySelection, Selection
from appealbus.core.errors import JournalError
from appealbus.core.journal import events, keeping, log, named_views, tables
from appealbus.core.journal import operations as operating
from appealbus.core.journal.appeals import cases, claiming, leases, lists, suspects
from appealbus.core.journal.appeals.claiming import ANY
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.journal import Journal
from appealbus.core.management import operations
from appealbus.schemas.outcome import OutcomeKind
from tests.core.journal.many_appeals import fill
from tests.services.journals import engine_of
from tests.services.processes import PATIENCE
from tests.services.recomputed import check_the_past

RETRY = Order(Operation.RETRY)


async def carried_out(journal, order, selection, reason="mended"):
    """Carry an operation out, and return the last progress and the verdict of each row that is not done."""
    frozen = await operations.freeze(journal, order, selection)
    begun = await operations.begin(journal, frozen, frozen.hash, reason=reason, purpose="a test")
    left_out = {}
    async for progress in operations.carry_out(journal, begun.hash):
        left_out.update(progress.left_out)
    return progress, left_out


async def test_what_rests_is_assessed_and_no_question_is_due(journal, url, make, conclude):
    """Parked or idle it is ready, with each question's time as it was; what is worked, held or ready is left alone."""
    journal.actor = "person:aigul"
    names = ("parked", "idle", "in_work", "held", "ready")
    taken = {name: await journal.accept(make.new(name), owner="me") for name in names}
    later = make.later(3600)
    for one in taken.values():
        await journal.post(
            keeping.Keep(one.appeal_id, replace(make.state(kind=OutcomeKind.UNAVAILABLE), next_attempt_at=later))
        )
    await conclude(taken["parked"], due_at=later)
    await conclude(taken["idle"])
    await journal.do(suspects.Hold(taken["held"].receipt.number, by="olga", reason="why not"))
    await journal.do(leases.Release("me", [taken["ready"].appeal_id]))
    await journal.do(leases.Renewal("me", [taken["in_work"].appeal_id], journal.now(), 600))
    progress, left_out = await carried_out(journal, Order(Operation.ASSESS), Selection(kind="complaint"))
    assert progress.verdicts == {ItemResult.DONE: 2, ItemResult.IN_WORK: 1, ItemResult.HELD: 1, ItemResult.NOTHING: 1}
    assert left_out[taken["held"].receipt.number] is ItemResult.HELD
    for name in ("parked", "idle"):
        number = taken[name].receipt.number
        assert (await journal.ask(lists.appeal_row, number)).state is AppealState.READY
        assert [state.next_attempt_at for state in await journal.ask(cases.states, number)] == [later]
    assert check_the_past(url)


async def test_each_row_has_its_verdict(journal, url, make, conclude):
    """Asked again is what is free and open; each entry of the log names the operation, its reason and who did it."""
    journal.actor = "person:aigul"
    names = ("parked", "answered", "in_work", "held", "asked_anyway")
    taken = {name: await journal.accept(make.new(name), owner="me") for name in names}
    for name, one in taken.items():
        kind = OutcomeKind.NOT_FOUND if name == "answered" else OutcomeKind.UNAVAILABLE
        await journal.post(keeping.Keep(one.appeal_id, make.state(kind=kind)))
    await conclude(taken["parked"], due_at=make.later(3600))
    await conclude(taken["answered"])
    numbers = {name: one.receipt.number for name, one in taken.items()}
    await journal.do(suspects.Hold(numbers["held"], by="olga", reason="why not"))
    await journal.do(leases.Release("me", [taken["asked_anyway"].appeal_id]))
    await journal.do(leases.Retry(numbers["asked_anyway"]))
    await journal.do(leases.Renewal("me", [taken["in_work"].appeal_id], journal.now(), 600))

    every = Selection(kind="complaint")
    progress, left_out = await carried_out(journal, RETRY, every)
    assert progress.verdicts == {"done": 1, "nothing_to_do": 2, "in_work": 1, "held": 1}
    assert (progress.finished, progress.refused) == (True, 2)
    assert left_out == {
        numbers["answered"]: ItemResult.NOTHING,
        numbers["in_work"]: ItemResult.IN_WORK,
        numbers["held"]: ItemResult.HELD,
        numbers["asked_anyway"]: ItemResult.NOTHING,
    }
    (ordered,) = await entries(journal, "ordered")
    (ended,) = await entries(journal, "carried_out")
    assert (ordered.actor, ordered.about) == ("person:aigul", "retry")
    assert ordered.detail == {
        "hash": progress.hash,
        "count": 5,
        "selected_by": {"kind": "complaint"},
        "reason": "mended",
        "purpose": "a test",
    }
    assert ended.detail == {"hash": progress.hash, "verdicts": progress.verdicts}
    last = (await journal.ask(log.history, numbers["parked"]))[-1]
    assert (last.what, last.actor) == ("retried", "person:aigul")
    assert (last.detail["operation"], last.detail["reason"]) == (progress.hash, "mended")

    progress, _ = await carried_out(journal, Order(Operation.REFRESH), every)
    assert progress.verdicts["done"] == 1  # what was answered with no; what is ready is asked anyway
    progress, _ = await carried_out(journal, Order(Operation.HOLD), every)
    assert progress.verdicts == {"done": 4, "held": 1}
    assert {row.held_by for row in await journal.ask(lists.appeals)} == {"olga", "aigul"}
    progress, _ = await carried_out(journal, Order(Operation.RELEASE), Selection(state=AppealState.HELD))
    assert progress.verdicts == {"done": 5}
    assert check_the_past(url) > 10


@pytest.fixture
async def many(journal, url):
    """A hundred and twenty appeals, whatever may be said of one."""
    engine = engine_of(url)
    with engine.begin() as connection:
        filled = fill(connection, 120, random.Random(11))
    engine.dispose()
    return filled


async def test_what_is_stale_is_asked_again(journal, url, make, conclude):
    """A question that an old answer serves is still open: a retry has it put, of one appeal and of many."""
    taken = [await journal.accept(make.new(name), owner="me") for name in ("one", "many")]
    for each in taken:
        await journal.post(
            keeping.Keep(each.appeal_id, replace(make.state(kind=OutcomeKind.NOT_FOUND), code="source.stale"))
        )
        await conclude(each, due_at=make.later(3600))
    assert await journal.do(leases.Retry(taken[0].receipt.number)) == 1
    progress, left_out = await carried_out(journal, RETRY, Selection(state=AppealState.PARKED))
    assert (progress.verdicts, left_out) == ({"done": 1}, {})
    assert check_the_past(url) > 5


async def test_what_is_confirmed_is_what_is_done(journal, many):
    """Another order, another selection and one row less have other hashes, and an old one is refused."""
    selection = Selection(source="egkn")
    frozen = await operations.freeze(journal, RETRY, selection)
    assert frozen.hash == (await operations.freeze(journal, RETRY, selection)).hash
    assert len((await operations.preview(journal, frozen)).appeals) == min(10, len(frozen.ids))
    others = [
        await operations.freeze(journal, RETRY, Selection(source="gbdul")),
        await operations.freeze(journal, Order(Operation.RETRY, everything=True), selection),
        await operations.freeze(journal, Order(Operation.HOLD), selection),
    ]
    await journal.do(suspects.Hold(f"AB-2026-{frozen.ids[0]:08}", by="olga", reason="x"))
    others.append(await operations.freeze(journal, RETRY, selection))
    assert len({each.hash for each in (frozen, *others)}) == 5
    with pytest.raises(operations.SelectionChanged):
        await operations.begin(journal, others[-1], frozen.hash, reason="x")
    assert await journal.ask(operating.under_way) == []
    with pytest.raises(JournalError, match="no such operation"):
        await journal.do(operating.Go(frozen.hash))


async def test_who_is_stopped_goes_on_and_does_nothing_twice(journal, url, many, monkeypatch):
    """The rest is on disk: another process goes on with it, though what is selected is less by now."""
    monkeypatch.setattr(operating, "PART", 7)
    frozen = await operations.freeze(journal, Order(Operation.HOLD), Selection(state=AppealState.PARKED))
    await operations.begin(journal, frozen, frozen.hash, reason="a")
    await journal.do(operating.Go(frozen.hash))
    (row,) = await journal.ask(operating.under_way)
    assert (row.hash, row.seen, row.total, row.reason) == (frozen.hash, 7, len(frozen.ids), "a")
    again = await operations.begin(journal, frozen, frozen.hash, reason="b")
    assert again.seen == 7
    if journal.shared:
        async with await Journal.open(url) as other:
            each = [progress async for progress in operations.carry_out(other, frozen.hash)]
    else:
        each = [progress async for progress in operations.carry_out(journal, frozen.hash)]
    assert each[-1].verdicts == {"done": len(frozen.ids)}
    held = Counter(entry.appeal_id for entry in await entries(journal, "held"))
    assert held == Counter(frozen.ids)
    assert await journal.ask(operating.under_way) == []


async def entries(journal, what):
    """Return all entries of one word."""
    await journal.do(events.Placing())
    return (await journal.ask(log.page, what=[what], limit=10_000)).entries


async def test_two_at_once_share_the_work(journal, url, many, monkeypatch):
    """Each part is done by one of them; both see the end."""
    monkeypatch.setattr(operating, "PART", 3)
    frozen = await operations.freeze(journal, Order(Operation.HOLD), Selection(state=AppealState.PARKED))
    await operations.begin(journal, frozen, frozen.hash, reason="a")

    async def work(mine):
        with_errors = operations.carry_out(mine, frozen.hash)
        try:
            return [progress async for progress in with_errors]
        except JournalError as error:
            return error.code

    if journal.shared:
        async with await Journal.open(url) as other:
            ends = await asyncio.wait_for(asyncio.gather(work(journal), work(other)), PATIENCE)
    else:
        ends = await asyncio.wait_for(asyncio.gather(work(journal), work(journal)), PATIENCE)
    assert "unknown_operation" in ends  # the other one has had the last part
    assert Counter(entry.appeal_id for entry in await entries(journal, "held")) == Counter(frozen.ids)


@pytest.mark.proof
async def test_a_worker_that_claims_meanwhile(journal, url, many, monkeypatch):
    """Each appeal is asked again, or is the worker's: nobody waits for the other, and none is both."""
    monkeypatch.setattr(operating, "PART", 2)
    frozen = await operations.freeze(journal, Order(Operation.RETRY, everything=True), Selection(kind="complaint"))
    begun = await operations.begin(journal, frozen, frozen.hash, reason="a")
    claimed = set()

    async def claim():
        for _ in range(30):
            # Not by `journal.claim`, which gives back what it cannot read: these have no content.
            wanted = claiming.Claim("me", journal.now(), 2, 600, ANY, alone=True)
            claimed.update((await journal._write.submit(claiming.lease, wanted)).ids)

    async def act():
        return [progress async for progress in operations.carry_out(journal, begun.hash)]

    steps, _ = await asyncio.wait_for(asyncio.gather(act(), claim()), PATIENCE)
    assert steps[-1].seen == len(frozen.ids)
    refused = {number for progress in steps for number, verdict in progress.left_out if verdict is ItemResult.IN_WORK}
    rows = {row.number: row for row in await journal.ask(lists.rows_of, list(frozen.ids))}
    assert all(rows[number].state is AppealState.IN_WORK for number in refused)
    assert refused
    assert claimed


async def test_what_is_gone_and_what_is_sent_again(journal, url, many):
    """Deliveries that were confirmed go out again under their ids; of an appeal that was pruned nothing is left."""
    before = {row.id: row for row, _ in await journal.ask(deliveries.confirmed, DeliverySelection(), limit=1000)}
    selection = DeliverySelection(receiver="registry")
    frozen = await operations.freeze(journal, Order(Operation.RESEND), selection)
    assert list(frozen.ids) == sorted(row.id for row in before.values() if row.receiver == "registry")
    assert all(row.state == "delivered" for row in (await operations.preview(journal, frozen)).deliveries)
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(delete(tables.outbox).where(tables.outbox.c.id == frozen.ids[0]))
        waits = text("UPDATE outbox SET sent_at = NULL WHERE id = :id")
        connection.execute(waits, {"id": frozen.ids[1]})
    engine.dispose()
    await operations.begin(journal, frozen, frozen.hash, reason="their disk was lost")
    *_, last = [progress async for progress in operations.carry_out(journal, frozen.hash)]
    assert last.verdicts == {"done": len(frozen.ids) - 2, "gone": 1, "nothing_to_do": 1}
    after = {row.id: row.state for row in await journal.ask(deliveries.by_id, list(frozen.ids))}
    assert set(after.values()) == {"waiting"}
    assert len(await entries(journal, "resent")) == len(frozen.ids) - 2
    span = DeliverySelection(since=journal.now(), until=journal.now() + timedelta(days=1))
    assert len(await journal.ask(deliveries.confirmed_ids, span, 10)) == 0


@pytest.mark.proof
async def test_confirmed_deliveries_come_in_their_order(journal, url, many):
    """Page after page, over all receivers, as the first of them do."""
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET sent_at = (id * 7919) % 1000 + 1 WHERE sent_at IS NOT NULL"))
    engine.dispose()
    every = await journal.ask(deliveries.confirmed, DeliverySelection(), limit=1000)
    keys = [(row.since, row.id) for row, _ in every]
    assert keys == sorted(keys)
    found = []
    page = await journal.ask(deliveries.confirmed, DeliverySelection(), limit=9)
    while page:
        found += page
        after = page[-1][1]
        page = await journal.ask(deliveries.confirmed, DeliverySelection(), after, 9)
    assert found == every
    engine = engine_of(url)
    with engine.begin() as connection:  # as many receivers as nobody has: more than SQLite takes parts of a question
        given = "(appeal_id, receiver, version, attempts, next_attempt_at, sent_at) VALUES (1, :receiver, 1, 0, 0, 1)"
        connection.execute(text(f"INSERT INTO outbox {given}"), [{"receiver": f"a{at:03}"} for at in range(600)])
    engine.dispose()
    assert len(await journal.ask(deliveries.confirmed_ids, DeliverySelection(), 1000)) >= 400


async def test_rows_that_were_not_done_are_kept(journal, many, monkeypatch):
    """By verdict, page after page in their order, as often as somebody looks; who comes later sees them, too."""
    monkeypatch.setattr(operating, "PART", 7)
    held = [row.appeal_id for row in await journal.ask(lists.appeals, state=AppealState.HELD, limit=1000)]
    frozen = await operations.freeze(journal, Order(Operation.HOLD), Selection(accepted_before=journal.now()))
    assert set(held) < set(frozen.ids)
    begun = await operations.begin(journal, frozen, frozen.hash, reason="a", newest=0)
    *_, last = [progress async for progress in operations.carry_out(journal, frozen.hash)]
    found, after = [], 0
    while page := await journal.ask(operating.not_done, begun.id, ItemResult.HELD, after, 3):
        found += [each.id for each in page]
        after = page[-1].place
    assert found == held
    assert len(found) == last.verdicts["held"] > 3
    row = await journal.ask(operating.one, begun.id)
    assert (row.verdicts, row.seen, row.ended_at is None) == (last.verdicts, len(frozen.ids), False)
    assert [each.id for each in await journal.ask(operating.newest)] == [begun.id]
    assert await journal.ask(operating.under_way) == []


async def test_what_was_confirmed_since_a_preview_is_the_same(journal, url, many):
    """Whoever confirms what has begun since they looked, and ended perhaps, begins nothing; who looks anew does."""
    meant = Selection(state=AppealState.PARKED)
    frozen = await operations.freeze(journal, Order(Operation.REFRESH), meant)
    first = await operations.preview(journal, frozen)
    one = await operations.begin(journal, frozen, frozen.hash, reason="a", newest=first.newest)
    _ = [progress async for progress in operations.carry_out(journal, frozen.hash)]
    again = await operations.begin(journal, frozen, frozen.hash, reason="b", newest=first.newest)
    assert (again.id, again.finished) == (one.id, True)
    assert (await operations.begun(journal, frozen.hash, first.newest)).id == one.id
    later = await operations.preview(journal, frozen)
    assert await operations.begun(journal, frozen.hash, later.newest) is None
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(await Journal.open(url)) if journal.shared else journal
        given = {"reason": "c", "newest": later.newest}
        both = [operations.begin(each, frozen, frozen.hash, **given) for each in (journal, other)]
        two, three = await asyncio.gather(*both)
    assert one.id < two.id == three.id
    assert (two.seen, len(await entries(journal, "ordered"))) == (0, 2)


async def test_it_is_stopped_until_somebody_has_it_go_on(journal, many, monkeypatch):
    """No further part is done meanwhile, whoever asks; each of it is on record with its reason, and only once."""
    monkeypatch.setattr(operating, "PART", 7)
    journal.actor = "person:aigul"
    frozen = await operations.freeze(journal, Order(Operation.HOLD), Selection(state=AppealState.PARKED))
    await operations.begin(journal, frozen, frozen.hash, reason="a")
    seen = (await journal.do(operating.Go(frozen.hash))).seen
    assert [await journal.do(operating.Switch(frozen.hash, reason="wrong", go_on=False)) for _ in range(2)] == [
        True,
        False,
    ]
    with pytest.raises(JournalError, match="stopped") as raised:
        await journal.do(operating.Go(frozen.hash))
    assert raised.value.code == "operation_stopped"
    (row,) = await journal.ask(operating.under_way)
    assert (row.seen, row.stopped_by) == (seen, "person:aigul")
    assert await journal.do(operating.Switch(frozen.hash, reason="", go_on=True))
    *_, last = [progress async for progress in operations.carry_out(journal, frozen.hash)]
    assert last.verdicts == {"done": len(frozen.ids)}
    assert await journal.do(operating.Switch(frozen.hash, reason="too late", go_on=False)) is False
    assert await journal.do(operating.Switch(frozen.hash, reason="too late", go_on=True)) is False
    (stopped,), (went_on,) = await entries(journal, "stopped"), await entries(journal, "went_on")
    assert (stopped.actor, stopped.about) == ("person:aigul", "hold")
    assert stopped.detail == {"hash": frozen.hash, "reason": "wrong"}
    assert went_on.detail == {"hash": frozen.hash}


async def test_only_what_somebody_sees_is_meant(journal, many):
    """Appeals of other places and kinds are not frozen, and the log says that it was so."""
    frozen = await operations.freeze(journal, RETRY, Selection(state=AppealState.PARKED), lambda _, kind: kind is None)
    rows = await journal.ask(lists.rows_of, frozen.ids.tolist())
    assert {row.kind for row in rows} <= {None}
    assert frozen.selected_by["within"]
    every = await operations.freeze(journal, RETRY, Selection(state=AppealState.PARKED))
    assert len(frozen.ids) < len(every.ids)


async def test_views_have_names(journal, monkeypatch):
    """Each name once, so many at most; what is done to them is on record."""
    monkeypatch.setattr(NamedView, "MOST", 2)
    journal.actor = "person:aigul"
    await journal.do(named_views.Keeping("parked", "state=parked"))
    await journal.do(named_views.Keeping("Held", "state=held"))
    for name, code in (("parked", "view.known"), ("more", "view.too_many")):
        with pytest.raises(JournalError) as raised:
            await journal.do(named_views.Keeping(name, "state=idle"))
        assert raised.value.code == code
    assert [(view.name, view.query, view.by) for view in await journal.ask(named_views.all_views)] == [
        ("Held", "state=held", "person:aigul"),
        ("parked", "state=parked", "person:aigul"),
    ]
    assert [await journal.do(named_views.Dropping("parked")) for _ in range(2)] == [True, False]
    assert [entry.about for entry in await entries(journal, "view_kept")] == ["parked", "Held"]
    assert [entry.about for entry in await entries(journal, "view_dropped")] == ["parked"]


async def test_what_was_left_lying_is_forgotten(journal, many, monkeypatch):
    """After a week nobody goes on with it."""
    frozen = await operations.freeze(journal, Order(Operation.HOLD), Selection(state=AppealState.PARKED))
    await operations.begin(journal, frozen, frozen.hash, reason="a")
    monkeypatch.setattr(operating, "_KEPT", timedelta(days=-1))
    other = await operations.freeze(journal, RETRY, Selection(state=AppealState.PARKED))
    await operations.begin(journal, other, other.hash, reason="a")
    assert [row.hash for row in await journal.ask(operating.under_way)] == [other.hash]


async def test_two_hundred_thousand_rows_take_little_memory(journal):
    """Eight bytes for each id, and one part at a time: some megabytes for all of it."""
    frozen = Frozen(RETRY, array("q", range(10**6, 10**6 + 200_000)))
    tracemalloc.start()
    try:
        begun = await journal.do(operating.Begin(frozen, reason="a"))
        for _ in range(3):
            progress = await journal.do(operating.Go(begun.hash))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (progress.seen, progress.finished) == (3 * operating.PART, False)
    assert most < 20 * 1024 * 1024
