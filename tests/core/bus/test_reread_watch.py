"""Kept replies are read again by the bus once they are read otherwise: previewed, bounded, and told where it stops."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from appealbus.core.bus.duties.leader import LeaderLease
from appealbus.core.bus.work import reread_watch
from appealbus.core.bus.work.reread_watch import RereadWatch
from appealbus.core.bus.work.rereading import AppealRead, HelperEnds, JournalAway, OtherReadings, QuestionRead
from appealbus.core.domain.case import KeptReplies, LookupState
from appealbus.core.domain.event import BUS, EventType
from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.enrichment.rereading import NOT_STARTED, RereadResult
from appealbus.core.journal import events, keeping, log, replies, workers
from appealbus.core.journal import replies as journal_replies
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.outcome import OutcomeKind
from tests.core.journal.conftest import Make
from tests.services.asking import instead

OLD, NEW = {"acme.thing": 1}, {"acme.thing": 2}
NOW = datetime.now(UTC)
AFTER = {
    "lookup": "acme.thing",
    "kind": "not_found",
    "code": "",
    "reason": "",
    "record": None,
    "provenance": None,
    "ended_at": NOW.isoformat(),
    "was_ended_at": NOW.isoformat(),
}
MENDED = QuestionRead("acme.thing", "k", RereadResult.DIFFERS, "invalid", "not_found", (), AFTER, gap=True)
SURE = QuestionRead("acme.thing", "k", RereadResult.SAME, "found", "found", ())
OTHERWISE = replace(SURE, verdict=RereadResult.DIFFERS, after=AFTER, otherwise=True)
DEAD = HelperEnds("it ends", "busy")


@pytest.fixture(params=["sqlite", "postgresql"])
async def journal(request, tmp_path):
    url = "journal_database" if request.param == "postgresql" else ""
    async with await Journal.open(
        request.getfixturevalue(url) if url else f"sqlite:///{tmp_path / 'journal.db'}"
    ) as opened:
        yield opened


@pytest.fixture
def reads(monkeypatch):
    """Say what comes of appeals, without a process: None of those that are not named. Returns which were read."""
    monkeypatch.setattr(reread_watch, "_REST", 0.0)
    monkeypatch.setattr(reread_watch, "_PAUSE", 0.0)
    monkeypatch.setattr(reread_watch, "_PAGE", 2)
    told = SimpleNamespace(results={}, read=[], started=0)

    class Process:
        def __init__(self, *_, **__):
            told.started += 1

        async def read(self, appeal_id, *, gaps=False):
            if appeal_id:
                told.read.append((appeal_id, gaps))
            found = told.results.get(appeal_id, [])
            if isinstance(found, Exception):
                raise found
            # One that was changed reads as it stands.
            results = [
                replace(each, verdict=RereadResult.SAME, after=None, gap=False)
                if gaps and appeal_id in told.done
                else each
                for each in found
            ]
            return AppealRead(appeal_id, f"N-{appeal_id - 1}", results)

        async def end(self, *, at_once=False):
            pass

    told.done = set()
    monkeypatch.setattr(reread_watch, "RereadProcess", Process)
    return told


async def appeals(journal, count):
    """Take appeals, each with a kept reply, and return their ids, the newest last."""
    make, ids = Make(), []
    for number in range(count):
        accepted = await journal.accept(make.new(f"m{number}", number=f"N-{number}"))
        state = LookupState("acme.thing", "k", OutcomeKind.INVALID, NOW)
        came = KeptReplies("acme", f"q{number}", make.later(number), "{}", b"x", 60.0)
        await journal.post(keeping.Keep(accepted.appeal_id, state, replies=came))
        ids.append(accepted.appeal_id)
    await journal.do(keeping.Keep(ids[-1], replace(state, key="other")))
    return ids


async def watch_of(journal, readings=NEW, paused=None):
    lease = LeaderLease("sources", "me", journal)
    await lease.renew()
    guard = SimpleNamespace(gate=SimpleNamespace(paused_until=paused))
    dispatcher = SimpleNamespace(more=lambda: None)
    loaded = SimpleNamespace(file=None)
    watch = RereadWatch(journal, loaded, None, {"acme": guard}, lease=lease, dispatcher=dispatcher)
    watch.readings = {"acme": readings}
    return watch


async def told_in_log(journal):
    if journal.shared:
        await journal.do(events.Placing())
    page = await journal.ask(
        log.page, what=(EventType.ORDERED, EventType.CARRIED_OUT, EventType.STOPPED, EventType.REREAD)
    )
    assert {entry.actor for entry in page.entries} <= {BUS}
    return [(entry.what, entry.detail) for entry in page.entries]


async def stands(journal):
    [found] = await journal.ask(replies.passes)
    return found


async def test_what_has_a_gap_is_changed_as_one_operation(journal, reads):
    """A page at a time, the newest first, after a look at all; then nothing more is read, by a new bus either."""
    ids = await appeals(journal, 5)
    reads.results = {each: [MENDED] for each in ids[3:]} | {each: [SURE] for each in ids[:3]}
    await (await watch_of(journal))._look()
    assert await stands(journal) == RereadPass(
        "acme", NEW, Stage.OVER, at=(await stands(journal)).at, id=1, compared=3, gaps=2, changed=2
    )
    assert [each for each, gaps in reads.read if gaps] == ids[::-1]
    told = await told_in_log(journal)
    assert [what for what, _ in told] == ["ordered", "reread", "reread", "carried_out"]
    assert told[0][1]["reason"] == "read otherwise now: acme.thing"
    assert told[3][1]["verdicts"] == {"gaps": 2, "done": 2, "left": 0}
    assert {detail.get("operation", detail.get("hash")) for _, detail in told} == {told[0][1]["hash"]}
    await (await watch_of(journal))._look()
    assert reads.started == 1


async def test_nothing_is_kept(journal, reads):
    """That is noted, and no process starts."""
    await (await watch_of(journal))._look()
    assert (await stands(journal), reads.started, await told_in_log(journal)) == (RereadPass("acme", NEW), 0, [])


async def test_too_much_would_change(journal, reads):
    """One of nineteen is too many: nothing is changed, until it is read with something else or a person has looked."""
    ids = await appeals(journal, 19)
    reads.results = {each: [SURE] for each in ids} | {ids[0]: [OTHERWISE], ids[1]: [MENDED]}
    await (await watch_of(journal))._look()
    found = await stands(journal)
    assert (found.stage, found.otherwise, found.compared, found.is_undone) == (Stage.STOPPED, 1, 18, True)
    assert found.since == Make().now
    assert [what for what, _ in await told_in_log(journal)] == ["ordered", "stopped"]
    await (await watch_of(journal))._look()
    assert reads.started == 1
    await journal.do(replies.LookedAt("acme"))
    assert not (await stands(journal)).is_undone
    reads.results[ids[0]] = [SURE]
    await (await watch_of(journal, {"acme.thing": 3}))._look()
    assert ((await stands(journal)).stage, (await stands(journal)).changed) == (Stage.OVER, 1)


@pytest.mark.parametrize(("error", "stage"), [(DEAD, Stage.FAILED), (OtherReadings(), Stage.OTHER)])
async def test_the_process_is_of_no_use(journal, reads, error, stage):
    """What was changed before counts, and the rest is told."""
    ids = await appeals(journal, 4)
    reads.results = {each: [MENDED] for each in ids[1:]}
    watch = await watch_of(journal)
    step = watch._step

    async def dies(run):
        done = await step(run)
        reads.results[ids[0]] = error
        return done

    watch._step = dies
    await watch._look()
    found = await stands(journal)
    assert (found.stage, found.changed, found.is_undone) == (stage, 3, True)
    started, reads.results[ids[0]] = reads.started, [SURE]
    await watch._look()
    assert reads.started == started
    await (await watch_of(journal))._look()  # a new process, which has loaded what is on the disk
    assert (await stands(journal)).stage == (Stage.OVER if stage is Stage.OTHER else stage)


async def test_the_journal_is_away_from_the_process(journal, reads, monkeypatch):
    """It is tried again, and told where that does not end."""
    monkeypatch.setattr(reread_watch, "_AWAY", 2)
    ids = await appeals(journal, 2)
    reads.results = {ids[0]: [MENDED], ids[1]: JournalAway("away", "unreachable")}
    watch = await watch_of(journal)
    with pytest.raises(JournalAway):
        await watch._look()
    assert await journal.ask(replies.passes) == []
    await watch._look()
    assert (await stands(journal)).stage is Stage.FAILED
    assert [what for what, _ in await told_in_log(journal)] == ["ordered", "stopped"]


async def test_what_is_left_is_told(journal, reads):
    """A record that would lose what it told, a wire that does not start, an appeal that is held."""
    ids = await appeals(journal, 40)
    impossible = replace(MENDED, verdict=RereadResult.IMPOSSIBLE, now=NOT_STARTED, after=None)
    reads.results = {each: [SURE] for each in ids}
    reads.results |= {ids[0]: [replace(MENDED, was="found", otherwise=True)], ids[1]: [impossible], ids[2]: [MENDED]}
    await journal.do(suspects.Hold("N-2", by=BUS, reason="x"))
    await (await watch_of(journal))._look()
    found = await stands(journal)
    assert (found.stage, found.gaps, found.changed, found.left, found.is_undone) == (Stage.OVER, 3, 0, 3, True)


async def test_a_kill_in_the_middle(journal, reads, monkeypatch):
    """Another one goes on where it was, and changes nothing twice."""
    ids = await appeals(journal, 6)
    reads.results = {each: [MENDED] for each in ids}
    watch = await watch_of(journal)
    do, notes = watch._journal.do, []

    async def killed(item):
        notes.append(item.now)
        if len(notes) == 3:
            raise asyncio.CancelledError
        await do(item)

    with monkeypatch.context() as patch:
        instead(patch, watch._journal, journal_replies.Stands, killed)
        with suppress(asyncio.CancelledError):
            await watch._look()
    reads.done = set(ids[2:])
    reads.read.clear()
    await (await watch_of(journal))._look()
    assert [each for each, _ in reads.read] == ids[3::-1]
    told = [what for what, _ in await told_in_log(journal)]
    assert told == ["ordered", *["reread"] * 6, "carried_out"]


async def test_it_waits_for_all_workers_and_for_a_pause(journal, reads):
    """Where another worker reads otherwise, or does not say, or a person has the source stand still."""
    ids = await appeals(journal, 1)
    reads.results = {ids[0]: [MENDED]}
    other = WorkerState("other", "h", 1, NOW)
    for theirs in ({"acme": OLD}, None):
        await journal.do(workers.Beat(replace(other, readings=theirs), [], 60.0))
        await (await watch_of(journal))._look()
    await journal.do(workers.Beat(replace(other, readings={"acme": NEW, "another": OLD}), [], 60.0))
    await (await watch_of(journal, paused=NOW + timedelta(days=1)))._look()
    assert reads.started == 0
    await (await watch_of(journal))._look()
    assert (await stands(journal)).changed == 1


async def test_it_waits_for_a_worker_that_comes_in_the_middle(journal, reads):
    """One that was rolled back, and asks and reads as before: all is read once all read alike again."""
    ids = await appeals(journal, 6)
    reads.results = {each: [MENDED] for each in ids}
    watch = await watch_of(journal)
    step, other = watch._step, WorkerState("other", "h", 1, NOW)

    async def joined(run):
        await journal.do(workers.Beat(replace(other, readings={"acme": OLD}), [], 60.0))
        return await step(run)

    watch._step = joined
    await watch._look()
    found = await stands(journal)
    assert (found.stage, found.changed, found.readings) == (Stage.OVER, 2, {})
    await journal.do(workers.Beat(replace(other, readings={"acme": NEW}), [], 60.0))
    reads.done = set(ids[4:])
    await (await watch_of(journal))._look()
    found = await stands(journal)
    assert (found.stage, found.changed) == (Stage.OVER, 4)
    told = [what for what, _ in await told_in_log(journal)]
    assert told == ["ordered", *["reread"] * 2, "carried_out", "ordered", *["reread"] * 4, "carried_out"]


@pytest.mark.parametrize("theirs", [{"acme": OLD}, None])
async def test_what_another_worker_read_meanwhile_is_read_again(journal, reads, theirs):
    """It read otherwise after all was read: when it does so no more, its replies would stay as it read them."""
    ids = await appeals(journal, 1)
    reads.results = {ids[0]: [SURE]}
    await (await watch_of(journal))._look()
    other = WorkerState("other", "h", 1, NOW, readings=theirs)
    await journal.do(workers.Beat(other, [], 60.0))
    await (await watch_of(journal))._look()
    await journal.do(workers.Beat(replace(other, readings={"acme": NEW}), [], 60.0))
    reads.results = {ids[0]: [MENDED]}
    await (await watch_of(journal))._look()
    assert ((await stands(journal)).readings, (await stands(journal)).changed) == (NEW, 1)


async def test_what_is_read_before_anything_is_kept(journal, reads):
    """A worker that reads otherwise may keep replies yet: that none is kept is noted once all read alike."""
    other = WorkerState("other", "h", 1, NOW, readings={"acme": OLD})
    await journal.do(workers.Beat(other, [], 60.0))
    await (await watch_of(journal))._look()
    assert await journal.ask(replies.passes) == []
