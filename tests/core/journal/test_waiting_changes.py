"""Changes that wait for their appeals: how many may, who takes whose room, and what becomes of them."""

import asyncio
import time
import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
from sqlalchemy import NullPool, create_engine, delete, func, select, update

from appealbus.core.domain.client import Sender
from appealbus.core.errors import JournalError
from appealbus.core.journal import events, figures, quarantine, retention
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.appeals import claiming
from appealbus.core.journal.changes import changes, changing, targets, waiting_changes
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.changes.changes import change as table
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import counter
from appealbus.schemas.appeal import Place
from appealbus.schemas.change import Change
from tests.services.forms import form

NUMBER = "ЖТ-1"


@pytest.fixture
def change(make):
    """Makes a change of an appeal that is not here yet."""

    def new(message_id, kind="corrected", *, channel="files", anywhere=False, at=0, **given):
        if not given.keys() & {"number", "appeal_message_id"}:
            given["number"] = NUMBER
        given.setdefault("dated_at", make.later(at))
        made = Change.model_validate({"message_id": message_id, "channel": channel, "kind": kind, **given})
        return NewChange(made, make.now, "appealbus", Sender("" if anywhere else channel))

    return new


async def send(journal, news, most=10_000):
    """Send changes together, each batch at once; return how many were taken, and how many refused by which code."""
    results = Counter()
    news = list(news)
    for start in range(0, len(news), 500):
        batch = (journal.do(targets.Changing(new, most_waiting=most)) for new in news[start : start + 500])
        for result in await asyncio.gather(*batch, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, JournalError):
                raise result
            results[result.code if isinstance(result, JournalError) else "taken"] += 1
    return results


def in_tables(url):
    """Return how many changes wait by channel: by the table, and by the counters."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        waits = select(table.c.channel, func.count()).where(table.c.appeal_id.is_(None)).group_by(table.c.channel)
        rows = dict(connection.execute(waits).all())
        counters = select(counter.c.name, counter.c.value).where(counter.c.name.startswith("waiting_changes"))
        counted = dict(connection.execute(counters).all())
    engine.dispose()
    total = counted.pop("waiting_changes", 0)
    assert total == sum(rows.values())
    return rows, {name.removeprefix("waiting_changes of "): count for name, count in counted.items()}


async def test_no_channel_takes_the_room_of_another(journal, url, change):
    """A flood of one fills its own room; others have all of theirs, and what came before is still known."""
    flood = await send(journal, (change(f"f{at}", number=f"F-{at}") for at in range(50)), 10)
    assert flood == {"taken": 10, "change.too_many_wait": 40}
    others = await send(journal, (change(f"p{at}", channel="portal", number=f"P-{at}") for at in range(10)), 10)
    assert others == {"taken": 10}
    assert not (await journal.do(targets.Changing(change("f0", number="F-0"), most_waiting=10))).new
    assert (
        await journal.ask(changing.would_change, change("p0", channel="portal", number="P-0"), most_waiting=10) == "P-0"
    )
    with pytest.raises(JournalError) as caught:
        await journal.ask(changing.would_change, change("p10", channel="portal"), most_waiting=10)
    assert caught.value.code == "change.too_many_wait"
    counts = await journal.ask(figures.counts)
    assert (counts.waiting_changes, counts.waiting_by_channel) == (20, {"files": 10, "portal": 10})
    assert in_tables(url) == ({"files": 10, "portal": 10},) * 2


async def test_an_end_has_room_in_a_flood_and_the_room_has_a_bound(journal, change):
    """Of the changes of a channel a tenth more may wait of those by which appeals end."""
    assert (await send(journal, (change(f"c{at}", number=f"N-{at}") for at in range(30)), 20))["taken"] == 20
    ends = (change(f"e{at}", "answered", number=f"E-{at}") for at in range(9))
    assert await send(journal, ends, 20) == {"taken": 2, "change.too_many_wait": 7}
    assert await send(journal, [change("none", "answered")], 0) == {"change.too_many_wait": 1}


async def test_changes_for_one_appeal_that_never_comes_are_bounded(journal, url, change):
    """By number and by message; of a channel that waits for the same appeal, each has its own."""
    many = form(2_000, 200_000)
    flood = await send(journal, (change(f"c{at}") for at in range(many)))
    assert flood == {"taken": 200, "change.too_many_wait": many - 200}
    ends = await send(journal, (change(f"e{at}", "closed") for at in range(100)))
    assert ends == {"taken": 20, "change.too_many_wait": 80}
    by_message = (change(f"m{at}", appeal_message_id="m1") for at in range(300))
    assert (await send(journal, by_message))["taken"] == 200
    both = change("b", number="other", appeal_message_id="m1")
    assert await send(journal, [both]) == {"change.too_many_wait": 1}
    assert await send(journal, [change("p", channel="portal")]) == {"taken": 1}
    assert in_tables(url) == ({"files": 420, "portal": 1},) * 2


async def test_an_appeal_takes_up_what_has_room_by_date(journal, url, make, change, monkeypatch):
    """Its end is among it whatever the flood; the rest is in quarantine at once, with why, and the log says so."""
    monkeypatch.setattr(waiting_changes, "MOST", 20)
    await send(journal, (change(f"n{at:02}", at=-at) for at in range(20)))
    await send(journal, (change(f"m{at:02}", at=-at - 100, appeal_message_id="m1") for at in range(20)))
    await send(journal, [change("end", "answered", at=50), change("other", number="N-2")])
    appeal = await journal.accept(make.new(number=NUMBER))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    kept = [f"m{at:02}" for at in reversed(range(20))]
    assert [each.change.message_id for each in sorted(case.kept_changes, key=lambda each: each.order)] == [*kept, "end"]
    assert (case.changes, case.closed) == (21, "answered")
    refused = await journal.ask(quarantine.quarantined, limit=100)
    assert {(row.code, row.channel, row.reason) for row in refused} == {
        ("change.too_many", "files", "the appeal has too many changes already")
    }
    assert sorted(row.position for row in refused) == [f"change n{at:02}" for at in range(20)]
    assert (
        Change.model_validate_json((await journal.ask(quarantine.quarantine_row, refused[0].id)).raw).number == NUMBER
    )
    await journal.do(events.Placing())
    log = (await journal.ask(journal_log.page, what=["quarantined"])).entries
    assert {(each.appeal_id, each.detail["id"]) for each in log} == {(appeal.appeal_id, row.id) for row in refused}
    assert in_tables(url) == ({"files": 1},) * 2
    assert await retention.expire_changes(journal, make.later(-1)) == 0


async def test_an_appeal_takes_up_no_more_bytes_than_it_may(journal, make, change, monkeypatch):
    """However many of them would fit by number."""
    monkeypatch.setattr(waiting_changes, "MOST_BYTES", 100_000)
    large = {"removed": ["x" * 290] * 100}
    await send(journal, (change(f"c{at}", at=at, **large) for at in range(10)))
    await send(journal, (change(f"e{at}", "answered", at=at - 100, **large) for at in range(30, 33)))
    await send(journal, [change("e", "answered", at=100, **large)])
    await journal.accept(make.new(number=NUMBER))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert sorted(each.change.message_id for each in case.kept_changes) == ["e", "e30", "e31", "e32"]
    assert len(await journal.ask(quarantine.quarantined, limit=100)) == 10


async def test_what_names_an_appeal_and_is_not_its_own_waits_no_more(journal, url, make, change):
    """It goes into quarantine as it would have if the appeal had been here; the appeal's log says nothing of it.

    It stands as if it waited, too, so that its sender cannot tell.
    """
    await send(journal, [change("a", channel="other"), change("b", channel="registry", anywhere=True)])
    await send(
        journal, [change("c", number=NUMBER, appeal_message_id="m9"), change("d", number="N-9", appeal_message_id="m1")]
    )
    await send(journal, [change("e", number="AB-2026-00000001")])
    await journal.accept(make.new(number=NUMBER))
    await journal.accept(make.new("m2"))
    cases = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert [each.change.message_id for case in cases for each in case.kept_changes] == ["b"]
    refused = {row.position: row.code for row in await journal.ask(quarantine.quarantined)}
    contradictory = dict.fromkeys(("change c", "change d"), "change.contradictory")
    assert refused == {"change a": "change.foreign", **contradictory}
    waits = {"files": 3, "other": 1}
    assert in_tables(url) == (waits,) * 2, "nobody can have meant a number that the bus gave later"
    await journal.do(events.Placing())
    assert {each.appeal_id for each in (await journal.ask(journal_log.page, what=["quarantined"])).entries} == {None}
    assert await retention.expire_changes(journal, make.later(-1)) == 0
    again = await journal.do(targets.Changing(change("c", number=NUMBER, appeal_message_id="m9")))
    assert (again.new, again.receipt.number) == (False, NUMBER), "as if no such appeal had come"
    assert await retention.expire_changes(journal, make.later(1)) == 4
    assert len(await journal.ask(quarantine.quarantined)) == 4


async def test_an_appeal_that_is_here_has_room_for_its_end(journal, make, change, monkeypatch):
    """Of each channel that may change it, within a bound of its own, and of a size that a change can have to wait."""
    monkeypatch.setattr(waiting_changes, "MOST", 20)
    monkeypatch.setattr(waiting_changes, "RESERVE", 3)
    await journal.accept(make.new(number=NUMBER))
    assert await send(journal, (change(f"c{at}") for at in range(50))) == {"taken": 20, "change.too_many": 30}
    large = change("large", "answered", removed=["x" * 299] * 300)
    assert await send(journal, [large]) == {"change.too_many": 1}
    ends = await send(journal, (change(f"e{at}", "answered", at=9) for at in range(9)))
    assert ends == {"taken": 3, "change.too_many": 6}
    registry = {"channel": "registry", "anywhere": True}
    assert await send(journal, [change("r", **registry)]) == {"change.too_many": 1}
    ends = await send(journal, (change(f"r{at}", "withdrawn", at=10, **registry) for at in range(9)))
    assert ends == {"taken": 3, "change.too_many": 6}
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert (case.changes, case.closed) == (26, "withdrawn")


async def test_what_an_earlier_program_has_counted_in_all_is_counted_by_channel(journal, url, make, change):
    """It kept the total alone: the bounds hold at once, and the first write puts the counters right."""
    await send(journal, (change(f"f{at}", number=f"F-{at}") for at in range(5)))
    await send(journal, [change("p", channel="portal", number="P-1")])
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(delete(counter).where(counter.c.name.startswith("waiting_changes of ")))
    engine.dispose()
    assert in_tables(url) == ({"files": 5, "portal": 1}, {})
    assert (await journal.ask(figures.counts)).waiting_by_channel == {"files": 5, "portal": 1}
    assert await send(journal, [change("f9")], 5) == {"change.too_many_wait": 1}
    assert await send(journal, [change("p9", channel="portal")], 5) == {"taken": 1}
    assert in_tables(url) == ({"files": 5, "portal": 2},) * 2
    with engine.begin() as connection:
        connection.execute(delete(counter).where(counter.c.name.startswith("waiting_changes of ")))
    engine.dispose()
    await journal.accept(make.new(number="F-0"))
    assert in_tables(url) == ({"files": 4, "portal": 2},) * 2


async def test_what_an_earlier_program_let_wait_is_about_appeals_of_its_own_channel(journal, url, make, change):
    """It kept no sender: what its sender may touch besides, nobody knows any more, and a person takes it."""
    await send(journal, [change("r", channel="registry", anywhere=True), change("own")])
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(update(table).values(sender=None))
    engine.dispose()
    await journal.accept(make.new(number=NUMBER))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert [each.change.message_id for each in case.kept_changes] == ["own"]
    assert [row.code for row in await journal.ask(quarantine.quarantined)] == ["change.foreign"]


async def test_a_right_rests_on_no_change_without_room(journal, make, change, monkeypatch):
    """Whose scope an appeal is in is decided by the changes that it takes up, and not by those that it does not."""
    monkeypatch.setattr(waiting_changes, "MOST", 3)
    news = [change("moves", channel="every", anywhere=True, at=100, **HERE)]
    news += [change(f"e{at}", channel="every", at=at, anywhere=True) for at in range(2)]
    news += [replace(change("s", "due", channel="register", due_on="2026-03-02"), sender=SCOPED)]
    await send(journal, news)
    await journal.accept(make.new(number=NUMBER))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    assert [each.change.message_id for each in case.kept_changes] == ["e0", "e1"]
    codes = {row.position: row.code for row in await journal.ask(quarantine.quarantined)}
    assert codes == {"change moves": "change.too_many", "change s": "change.out_of_scope"}


@pytest.mark.parametrize("pads", ["foreign", "its own", "before"])
async def test_nobody_takes_by_earlier_dates_the_room_of_another(journal, make, change, monkeypatch, pads):
    """An appeal is moved away; whoever may touch what is here fills it with a past, to have it back."""
    monkeypatch.setattr(waiting_changes, "MOST", 20)
    moves = change("moves", channel="every", anywhere=True, at=50, **THERE)
    news = [change(f"p{at}", channel="register", at=-at - 1) for at in range(20)]
    news = [replace(each, sender=Sender("register") if pads == "foreign" else SCOPED) for each in news]
    back = replace(change("back", channel="register", at=99, **HERE), sender=SCOPED)
    await send(journal, [*news, moves, back] if pads == "before" else [moves, *news, back])
    await journal.accept(come(make))
    (case,) = await claiming.claim(journal, claiming.Claim("w", make.now, 10, 60))
    taken = [each.change.message_id for each in case.kept_changes]
    assert taken[-1] == "moves"
    assert len(taken) == (20 if pads == "before" else 1)


@pytest.mark.proof
async def test_what_an_earlier_program_left_waiting_is_told_the_truth(journal, url, make, change, monkeypatch):
    """Its appeal is here: it goes at the next clearing, whatever its age, and not as one of an unknown appeal."""
    monkeypatch.setattr(waiting_changes, "MOST", 5)
    with monkeypatch.context() as patched:
        patched.setattr(waiting_changes, "MOST", 1_000)
        await send(journal, (change(f"c{at:03}", at=at) for at in range(300)))
        await send(journal, [change("d", channel="other", at=400), change("e", appeal_message_id="m1")])
        await send(journal, [change("unknown", number="N-2")])
    monkeypatch.setattr(waiting_changes, "_AT_ONCE", 2_200)
    await journal.accept(make.new(number=NUMBER))
    assert in_tables(url)[0] == {"files": 288, "other": 1}
    assert await retention.expire_changes(journal, make.later(-10)) == 287
    assert in_tables(url) == ({"files": 1, "other": 1},) * 2
    codes = Counter(row.code for row in await journal.ask(quarantine.quarantined, limit=1000))
    assert codes == {"change.too_many": 296, "change.foreign": 1}
    assert await retention.expire_changes(journal, make.later(1)) == 2
    assert in_tables(url) == ({}, {})
    newest = max(await journal.ask(quarantine.quarantined, limit=1000), key=lambda row: row.id)
    assert newest.code == "change.appeal_unknown"


@pytest.mark.proof
async def test_large_changes_are_not_read_to_be_put_aside(journal, make, change):
    """Twenty megabytes of them cost no memory, whether the appeal takes them up or not."""
    large = {"removed": ["x" * 299] * 150}
    for at in range(0, 200, 20):
        await send(journal, (change(f"n{at + more}", **large) for more in range(20)))
        await send(journal, (change(f"m{at + more}", appeal_message_id="m1", **large) for more in range(20)))
    assert (await journal.ask(figures.counts)).waiting_changes == 400
    tracemalloc.start()
    try:
        await journal.accept(make.new(number=NUMBER))
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    taken = len(await journal.ask(changes.changes, NUMBER))
    assert taken < 200, "by bytes"
    assert (await journal.ask(figures.counts)).quarantine == 400 - taken


async def test_two_workers_count_as_one(journal_database, change):
    """The bounds of two channels hold exactly, whichever worker a change comes to."""
    async with await Journal.open(journal_database) as one, await Journal.open(journal_database) as two:
        kinds = ("corrected", "answered")
        news = [
            change(f"{kind}{at}", kind, channel=channel, number=f"N-{at}")
            for at in range(60)
            for kind in kinds
            for channel in ("files", "portal")
        ]
        results = await asyncio.gather(*(send(each, news[at::2], 20) for at, each in enumerate((one, two))))
        assert 40 <= sum(each["taken"] for each in results) <= 44
        rows, counted = in_tables(journal_database)
        assert rows == counted
        assert max(rows.values()) <= 22
        assert (await send(one, news, 20))["taken"] == sum(rows.values()), "they are known"
        ends = (change(f"more{at}", "closed", channel=channel) for at in range(5) for channel in ("files", "portal"))
        await send(two, ends, 20)
        assert in_tables(journal_database) == ({"files": 22, "portal": 22},) * 2


async def test_adding_adopting_and_giving_up_at_the_same_time(journal_database, make, change, monkeypatch):
    """Each change is once with its appeal, waits, or is in quarantine; counters agree, nobody blocks another."""
    monkeypatch.setattr(waiting_changes, "MOST", 3)
    count = form(30, 300)
    async with await Journal.open(journal_database) as one, await Journal.open(journal_database) as two:
        jobs = []
        for at in range(count):
            given = {"number": f"N-{at % 10}", "channel": ("files", "portal")[at % 2]}
            for journal, name in ((one, "a"), (two, "b")):
                jobs.append(send(journal, [change(f"{name}{at}", ("corrected", "answered")[at % 3 == 0], **given)], 40))
            if at % 3 == 0:
                channel = ("files", "portal")[at % 2]
                jobs.append(two.accept(make.new(f"m{at}", channel=channel, number=f"N-{at % 10}")))
            if at % 5 == 0:
                jobs.append(retention.expire_changes(one, make.later(1 if at % 2 else -1)))
        results = await asyncio.wait_for(asyncio.gather(*jobs), 120)
        taken = sum(each["taken"] for each in results if isinstance(each, Counter))
        rows, counted = in_tables(journal_database)
        assert rows == counted
        cases = await claiming.claim(one, claiming.Claim("w", make.now, 1_000, 60))
        quarantined = await one.ask(quarantine.quarantined, limit=10_000)
        assert taken == sum(rows.values()) + sum(case.changes for case in cases) + len(quarantined)
        assert all(case.changes == len(case.kept_changes) for case in cases)


HERE, THERE = ({"corrected": {"place": {"kato": kato}}} for kato in ("274600000", "275400000"))
SCOPED = Sender(places=("274600000",))


def come(make):
    """Return the appeal of a place."""
    new = make.new(number=NUMBER)
    return replace(new, appeal=new.appeal.model_copy(update={"place": Place(kato="274600000")}))


async def test_what_unravels_is_asked_once(journal, make, change):
    """Each that does not count makes room for one that does not count either: the writer stands still for none."""
    news = [change(f"g{at}", at=-at - 1, **HERE) for at in range(199)]
    news += [change(f"b{at}", at=at, appeal_message_id="m1", **THERE) for at in range(200)]
    new = come(make)
    await send(journal, (replace(each, sender=SCOPED) for each in news))
    began = time.process_time()
    await journal.accept(new)
    assert time.process_time() - began < 2
    assert Counter(row.code for row in await journal.ask(quarantine.quarantined, limit=1000)) == {
        "change.out_of_scope": 200
    }
    assert len(await journal.ask(changes.changes, NUMBER)) == 199


@pytest.mark.proof
async def test_ends_that_an_earlier_program_let_wait_are_counted_once(journal, make, change, monkeypatch):
    """All that may wait, for one appeal, each of them one by which it ends."""
    many = form(2_000, 10_000)
    with monkeypatch.context() as patched:
        patched.setattr(waiting_changes, "MOST", many)
        await send(journal, (change(f"e{at}", "answered", at=at) for at in range(many)))
    began = time.process_time()
    await journal.accept(make.new(number=NUMBER))
    assert time.process_time() - began < form(1, 4)
    assert len(await journal.ask(changes.changes, NUMBER)) == 200
    assert (await journal.ask(figures.counts)).quarantine == many - 200


async def test_no_id_in_quarantine_tells_that_an_appeal_came(journal, make, change):
    """Nor that one was given up: whatever becomes of what waits has its id from when it came."""
    ids = []

    async def step():
        ids.append(await journal.do(make.quarantine()))

    await step()
    await send(journal, [replace(change("a", "withdrawn"), sender=SCOPED), change("b", channel="other")])
    await send(journal, [change("c", number=NUMBER, appeal_message_id="m9"), change("d", number="N-2")])
    await step()
    await step()
    await journal.accept(make.new(number=NUMBER))
    await step()
    await retention.expire_changes(journal, make.later(1))
    await step()
    assert [later - sooner for sooner, later in pairwise(ids)] == [5, 1, 1, 1]
    codes = {
        row.position: row.code for row in await journal.ask(quarantine.quarantined, limit=100) if row.id not in ids
    }
    refused = {"change a": "change.out_of_scope", "change b": "change.foreign", "change c": "change.contradictory"}
    assert codes == {**refused, "change d": "change.appeal_unknown"}
    assert len({row.id for row in await journal.ask(quarantine.quarantined, limit=100)}) == 9


async def test_what_rights_rest_on_is_kept_beside_a_change(journal, url, make, change, monkeypatch):
    """No correction is read to ask what its appeal is, but those of an earlier release, which kept nothing."""
    new, reading, read = come(make), changes.CHANGE.read, []
    monkeypatch.setattr(changes, "CHANGE", SimpleNamespace(read=lambda body: read.append(1) or reading(body)))
    await send(journal, [replace(change("waited", corrected={"text": "x"}), sender=SCOPED)])
    await journal.accept(new)
    await send(journal, (change(f"c{at}", at=at, corrected={"text": "x" * 50_000}) for at in range(20)))
    assert (
        await journal.do(targets.Changing(replace(change("may", "due", due_on="2026-03-02"), sender=SCOPED)))
    ).refused is None
    await send(journal, [change("moves", at=100, **THERE)])
    assert (
        await journal.do(targets.Changing(replace(change("may not", "due", due_on="2026-03-02"), sender=SCOPED)))
    ).refused == "change.out_of_scope"
    assert not read
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(update(table).values(says=None))
    engine.dispose()
    assert (
        await journal.do(targets.Changing(replace(change("nor now", "due", due_on="2026-03-02"), sender=SCOPED)))
    ).refused == "change.out_of_scope"
    assert read
