"""What is noted along the way: the access log, the quarantine, the sources, deliveries, retention."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import shuffle

import pytest
from sqlalchemy import select

from appealbus.core.errors import JournalError
from appealbus.core.journal import (
    access,
    documents,
    events,
    figures,
    keeping,
    leaving,
    log,
    pruning,
    quarantine,
    retention,
)
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import Named, NewQuarantine, QuarantineBounds
from appealbus.core.journal.tables import outbox
from tests.core.journal.replaying import replayed


async def test_access_rows_come_back_in_order(journal, make):
    """Every field survives; pages go by id; one appeal's rows can be asked for."""
    first = [make.access("N-1", "q1"), make.access("N-2", "q2")]
    await journal.do(access.Asking(first))
    await journal.do(access.Asking([make.access("N-1", "q3")]))
    await journal.do(access.Asking([]))

    rows = await journal.ask(access.access_rows)
    assert [replace(row, id=0) for row in rows[:2]] == first
    assert [row.question_id for row in await journal.ask(access.access_rows, after=rows[0].id, limit=1)] == ["q2"]
    assert [row.question_id for row in await journal.ask(access.access_rows, "N-1")] == ["q1", "q3"]


async def test_more_rows_than_one_statement_holds(journal, make):
    """Rows are written in chunks; none is lost and none repeated, in order."""
    for count in (1, 63, 64, 65, 200):
        await journal.do(access.Asking([make.access(f"N-{count}", f"q{index}") for index in range(count)]))
        rows = await journal.ask(access.access_rows, f"N-{count}", limit=1000)
        assert [row.question_id for row in rows] == [f"q{index}" for index in range(count)]


async def test_quarantine_keeps_the_message_until_it_is_replayed(journal, make):
    """Lists come without the message; a replayed one is shown on request and can be replayed once."""
    first = await journal.do(make.quarantine(b"\x00\xff{"))
    second = await journal.do(make.quarantine(position="appeals.jsonl:18"))

    assert (await journal.ask(quarantine.quarantine_row, first)).raw == b"\x00\xff{"
    assert [(row.id, row.raw) for row in await journal.ask(quarantine.quarantined)] == [(first, b""), (second, b"")]
    row = await journal.ask(quarantine.quarantine_row, first)
    assert (await leaving.leave_quarantine(journal, row, make.new())).receipt.number == "AB-2026-00000001"
    with pytest.raises(JournalError, match="meanwhile"):
        await leaving.leave_quarantine(journal, row, make.new("m2"))
    assert [each.message_id for each in await journal.ask(lists.appeals)] == ["m1"]
    assert [row.id for row in await journal.ask(quarantine.quarantined)] == [second]
    everything = await journal.ask(quarantine.quarantined, include_replayed=True)
    assert [(row.id, row.number, row.replayed_at is None) for row in everything] == [
        (first, "AB-2026-00000001", False),
        (second, None, True),
    ]
    assert await journal.ask(quarantine.quarantine_row, 99) is None


async def test_quarantine_takes_text_that_no_database_can_hold(journal, make):
    """Zero characters and lone surrogates in what a stranger sent do not lose the message."""
    kept = await journal.do(make.quarantine(b"raw", position="a\x00b\ud800"))

    assert (await journal.ask(quarantine.quarantine_row, kept)).position == "a\ufffdb\ufffd"


async def test_a_closed_message_counts_no_more_and_can_still_be_taken(journal, make):
    """The log says who closed it and why; it is closed once; who takes it has to have seen that."""
    first = await journal.do(make.quarantine())
    second = await journal.do(make.quarantine(position="appeals.jsonl:18"))
    rows = [await journal.ask(quarantine.quarantine_row, each) for each in (first, second)]

    closed = await asyncio.gather(
        *(journal.do(quarantine.Closing(first, by="anna", reason="sent anew")) for _ in range(3))
    )
    assert sorted(closed) == [False, False, True]
    assert not await journal.do(quarantine.Closing(99, by="anna", reason="none"))
    assert [row.id for row in await journal.ask(quarantine.quarantined)] == [second]
    assert (await journal.ask(figures.counts)).quarantine == 1
    row = (await journal.ask(quarantine.quarantined, include_closed=True))[0]
    assert (row.id, row.closed_by, row.closed_reason) == (first, "anna", "sent anew")
    assert [row.id for row in await journal.ask(quarantine.quarantined, include_replayed=True)] == [second]

    with pytest.raises(JournalError, match="taken or closed it meanwhile"):
        await leaving.leave_quarantine(journal, rows[0], make.new())
    assert await journal.ask(lists.appeals) == []
    await leaving.leave_quarantine(journal, await journal.ask(quarantine.quarantine_row, first), make.new())
    assert [row.id for row in await journal.ask(quarantine.quarantined, include_replayed=True)] == [first, second]
    await leaving.leave_quarantine(journal, rows[1], make.new("m2"))
    assert not await journal.do(quarantine.Closing(second, by="anna", reason="too late"))
    while await journal.do(events.Placing()):
        pass
    told = [(e.what, e.actor, e.detail) for e in (await journal.ask(log.page, None, 100)).entries if e.what == "closed"]
    assert told == [("closed", "person:anna", {"id": first, "reason": "sent anew"})]


async def test_of_closing_and_replaying_at_once_one_is_done(journal, make, url):
    """Two programs decide over the same messages: each is taken once or closed once, and who was late is told so."""
    ids = [await journal.do(make.quarantine(position=str(index))) for index in range(12)]
    kept = [await journal.ask(quarantine.quarantine_row, one) for one in ids]
    async with await Journal.open(url) as beside:
        work = [beside.do(quarantine.Closing(one, by="anna", reason="r")) for one in ids]
        work += [
            leaving.leave_quarantine(each, row, make.new(f"m{row.id}")) for row in kept for each in (journal, beside)
        ]
        order = list(range(len(work)))
        shuffle(order)
        done = await asyncio.gather(*(work[place] for place in order), return_exceptions=True)
    results = dict(zip(order, done, strict=True))
    assert await journal.ask(quarantine.quarantined) == []
    rows = await journal.ask(quarantine.quarantined, include_replayed=True, include_closed=True)
    for place, row in enumerate(rows):
        taken = len(ids) + 2 * place
        done = [results[taken], results[taken + 1]]
        assert {each.code for each in done if isinstance(each, JournalError)} == {"quarantine.left"}
        assert sum(isinstance(each, Accepted) for each in done) == (row.replayed_at is not None)
        assert results[place] == (row.closed_at is not None) == (row.replayed_at is None)
    assert {each.message_id for each in await journal.ask(lists.appeals)} == {
        f"m{row.id}" for row in rows if row.replayed_at
    }
    while await journal.do(events.Placing()):
        pass
    told = [entry.what for entry in (await journal.ask(log.page, None, 1000)).entries]
    closed = sum(row.closed_at is not None for row in rows)
    assert (told.count("closed"), told.count("replayed")) == (closed, len(ids) - closed)


async def test_the_beginning_of_nothing_is_nothing(journal):
    """An empty message has one, too; on SQLite nothing is cut out of it."""
    now = datetime.now(UTC)
    ids = [await journal.do(NewQuarantine(now, "files", "a", "no", raw, "text/plain")) for raw in (b"", b"abc")]
    assert await journal.ask(quarantine.beginnings, ids, 2) == {ids[0]: b"", ids[1]: b"ab"}


async def test_a_copy_is_known_by_its_message_id_or_its_number(journal, make):
    """By the same channel and later, or with the same number at any time; an appeal is no copy of itself."""
    early = datetime(2020, 1, 1, tzinfo=UTC)
    first = (await journal.accept(make.new("m1"))).receipt.number
    named = [
        Named("files", early, "m1", None),
        Named("post", early, "m1", None),
        Named("files", datetime(2100, 1, 1, tzinfo=UTC), "m1", None),
        Named("files", None, "m1", None),
        Named("post", None, "m9", first),
        Named("files", None, "m1", first),
        Named("files", early, None, None),
    ]
    assert await journal.ask(quarantine.copies, named) == [first, None, None, None, first, None, None]
    assert await journal.ask(quarantine.copies, []) == []


async def due(journal, now, receiver="out", limit=10):
    return [
        (one.number[-1], one.version, one.attempts)
        for one in await journal.ask(deliveries.undelivered, receiver, now, limit)
    ]


async def test_a_version_is_due_until_it_is_confirmed(journal, make, conclude):
    """Each receiver by itself; what is due carries the dossier."""
    accepted = await journal.accept(make.new())
    await conclude(accepted, receivers=("out", "copy"))
    later = await tomorrow(journal)

    (delivery,) = await journal.ask(deliveries.undelivered, "out", later, 10)
    assert (delivery.number, delivery.version, delivery.completeness) == ("AB-2026-00000001", 1, "complete")
    assert delivery.dossier == await journal.ask(documents.whole, "AB-2026-00000001")
    await journal.do(delivering.Confirmed([delivery.delivery_id]))
    assert await due(journal, later) == []
    assert await due(journal, later, "copy") == [("1", 1, 0)]


async def test_a_failed_delivery_waits_for_its_next_attempt(journal, make, conclude):
    """Not due before, due after, with one attempt more."""
    await conclude(await journal.accept(make.new()))
    later = await tomorrow(journal)
    (delivery,) = await journal.ask(deliveries.undelivered, "out", later, 10)
    await journal.do(delivering.Failed([(delivery.delivery_id, "http.502", later + timedelta(seconds=60))]))

    assert await due(journal, later + timedelta(seconds=59)) == []
    assert await due(journal, later + timedelta(seconds=60)) == [("1", 1, 1)]


async def test_a_version_never_overtakes_an_earlier_one(journal, make, conclude):
    """The second version waits for the first, in its back-off too; other appeals do not wait."""
    one, other = await journal.accept(make.new("a")), await journal.accept(make.new("b"))
    await conclude(one, 1)
    await conclude(one, 2)
    await conclude(other, 1)
    later = await tomorrow(journal)

    assert await due(journal, later) == [("1", 1, 0), ("2", 1, 0)]
    (first, _) = await journal.ask(deliveries.undelivered, "out", later, 10)
    again = later + timedelta(days=1)
    await journal.do(delivering.Failed([(first.delivery_id, "http.502", again)]))
    assert await due(journal, later) == [("2", 1, 0)]
    assert await due(journal, again) == [("2", 1, 0), ("1", 1, 1)]
    await journal.do(delivering.Confirmed([first.delivery_id]))
    assert await due(journal, again) == [("2", 1, 0), ("1", 2, 0)]


async def test_versions_behind_a_failed_one_cost_nothing_until_it_is_tried(journal, make, conclude):
    """Those that are there and those that come get its next attempt, of this receiver alone."""
    one = await journal.accept(make.new())
    await conclude(one, 1, receivers=("out", "copy"))
    await conclude(one, 2, receivers=("out", "copy"))
    later = await tomorrow(journal)
    (first,) = await journal.ask(deliveries.undelivered, "out", later, 10)
    await journal.do(delivering.Failed([(first.delivery_id, "http.502", later)]))
    await conclude(one, 3)

    query = select(outbox.c.receiver, outbox.c.version, outbox.c.attempts, outbox.c.next_attempt_at == later)
    with journal._readers.connect() as connection:
        rows = connection.execute(query.order_by(outbox.c.receiver, outbox.c.version)).all()
    assert [tuple(row) for row in rows] == [
        ("copy", 1, 0, False),
        ("copy", 2, 0, False),
        ("out", 1, 1, True),
        ("out", 2, 0, True),
        ("out", 3, 0, True),
    ]


async def test_failures_are_noted_together_and_their_codes_cut(journal, make, conclude):
    """Whatever a delivery gives as its code: no control characters, no lone surrogates, 200 characters at most."""
    for message in "abc":
        await conclude(await journal.accept(make.new(message)))
    later = await tomorrow(journal)
    rows = await journal.ask(deliveries.undelivered, "out", later, 10)
    codes = ["x" * 500, "a\x00b\ud800c\n", 502]
    await journal.do(
        delivering.Failed(
            [(row.delivery_id, code, later + timedelta(days=1)) for row, code in zip(rows, codes, strict=True)]
        )
    )

    assert await due(journal, later) == []
    with journal._readers.connect() as connection:
        noted = connection.execute(select(outbox.c.last_error).order_by(outbox.c.id)).scalars().all()
    assert noted == ["x" * 200, "abc", "502"]


async def test_what_waits_for_a_receiver_that_is_gone_can_be_dropped(journal, make, conclude):
    """More than one batch holds; confirmed ones and other receivers' stay."""
    one = await journal.accept(make.new())
    await conclude(one, 1, receivers=("gone", "out"))
    later = await tomorrow(journal)
    (first,) = await journal.ask(deliveries.undelivered, "gone", later, 10)
    await journal.do(delivering.Confirmed([first.delivery_id]))
    for version in range(2, 253):
        await conclude(one, version, receivers=("gone",))

    assert await retention.all_of(journal, pruning.Gone("gone")) == 251
    assert await retention.all_of(journal, pruning.Gone("gone")) == 0
    assert (await journal.ask(figures.counts)).outbox == {"out": 1}


async def test_a_late_confirmation_counts_once(journal, make, conclude):
    """Failure news after the confirmation does not bring a delivery back."""
    await conclude(await journal.accept(make.new()))
    later = await tomorrow(journal)
    (delivery,) = await journal.ask(deliveries.undelivered, "out", later, 10)
    await journal.do(delivering.Confirmed([delivery.delivery_id, delivery.delivery_id]))
    await journal.do(delivering.Failed([(delivery.delivery_id, "timed_out", make.now)]))

    assert await due(journal, later) == []


async def test_pruning_takes_only_what_is_finished_and_delivered(journal, make, conclude):
    """Unfinished and undelivered appeals stay, the access log too; numbering goes on; the message may come again."""
    finished = await journal.accept(make.new("finished"))
    undelivered = await journal.accept(make.new("undelivered"))
    await journal.accept(make.new("ready"))
    await journal.post(keeping.Keep(finished.appeal_id, make.state()))
    await conclude(finished, receivers=())
    await conclude(undelivered)
    await journal.do(access.Asking([make.access(finished.receipt.number)]))
    tomorrow_ = await tomorrow(journal)

    assert (await retention.prune(journal, retention.Ages(make.now - timedelta(days=1))))["appeals"] == 0
    assert await retention.prune(journal, retention.Ages(tomorrow_)) == {"appeals": 1, "quarantine": 0, "replies": 0}
    assert [row.message_id for row in await journal.ask(lists.appeals)] == ["undelivered", "ready"]
    assert await journal.ask(cases.states, finished.receipt.number) == []
    assert await journal.ask(documents.whole, finished.receipt.number) is None
    assert len(await journal.ask(access.access_rows)) == 1
    counts = await journal.ask(figures.counts)
    assert (counts.ready, counts.idle) == (1, 1)
    assert (await journal.accept(make.new("finished"))).receipt.number == "AB-2026-00000004"


async def test_pruning_works_through_any_number(journal, make):
    """More rows than one batch holds; access rows only with their own limit, replayed messages as well."""
    await journal.do(access.Asking([replace(make.access("N"), at=make.later(index)) for index in range(450)]))
    kept, gone = await journal.do(make.quarantine()), await journal.do(make.quarantine())
    await replayed(journal, gone, "N")

    pruned = await retention.prune(journal, retention.Ages(await tomorrow(journal), access=make.later(430)))
    assert pruned == {"appeals": 0, "quarantine": 1, "replies": 0, "access": 430}
    assert len(await journal.ask(access.access_rows, limit=1000)) == 20
    assert [row.id for row in await journal.ask(quarantine.quarantined, include_replayed=True)] == [kept]


async def test_pruning_looks_once_at_what_has_to_stay(journal, make, conclude, monkeypatch):
    """Each batch goes on behind the last one, over what is not delivered yet; all that may go goes."""
    batches = []
    prune_appeals = pruning.prune_appeals

    def noting(connection, items):
        batches.extend(item.after for item in items)
        return prune_appeals(connection, items)

    monkeypatch.setattr(pruning.Idle, "run", noting)
    monkeypatch.setattr(pruning, "_BATCH", 2)
    for at in range(9):
        await conclude(await journal.accept(make.new(str(at))), receivers=() if at in {3, 4, 6, 8} else ("out",))
    changed = [row.changed_at for row in await journal.ask(lists.appeals)]

    assert (await retention.prune(journal, retention.Ages(await tomorrow(journal))))["appeals"] == 4
    assert batches[1:] == [changed[4], changed[8]]
    assert [row.message_id for row in await journal.ask(lists.appeals)] == ["0", "1", "2", "5", "7"]


async def tomorrow(journal):
    """A moment after all that this test wrote with the real clock."""
    from datetime import UTC, datetime

    return datetime.now(UTC) + timedelta(days=1)


async def test_a_channel_that_floods_quarantine_loses_its_own_oldest(journal, make):
    """Bounded by count, by bytes and by age, each channel for itself; what is replayed is not counted."""
    now = datetime.now(UTC)
    flood = [await journal.do(replace(make.quarantine(), channel="flood", at=now)) for _ in range(30)]
    big = replace(make.quarantine(raw=b"x" * 1000), channel="large", at=now)
    large = [await journal.do(big) for _ in range(5)]
    old = await journal.do(replace(make.quarantine(), channel="calm", at=now - timedelta(days=9)))
    young = await journal.do(replace(make.quarantine(), channel="calm", at=now))
    taken = flood.pop(3)
    await replayed(journal, taken, "N-1")

    held = (await journal.ask(figures.counts)).quarantined
    assert {name: (each.messages, each.bytes >= 1) for name, each in held.items()} == {
        "flood": (29, True),
        "large": (5, True),
        "calm": (2, True),
    }
    assert held["large"].bytes == 5000
    assert await retention.all_of(journal, QuarantineBounds(10, 3500, now - timedelta(days=7))) == 19 + 2 + 1
    left = [row.id for row in await journal.ask(quarantine.quarantined, 0, 100, include_replayed=True)]
    assert left == sorted([taken, *flood[-10:], *large[-3:], young])
    assert old not in left
    assert await retention.all_of(journal, QuarantineBounds(10, 3500, now - timedelta(days=7))) == 0
    while await journal.do(events.Placing()):
        pass
    closed = [entry.detail["reason"] for entry in (await journal.ask(log.page, what=["closed"])).entries]
    assert (closed.count("too_old"), len(closed)) == (1, 22)
