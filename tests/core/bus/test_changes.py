"""Changes over a running bus: what the dossier tells of them, and who is asked because of them, or no more."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from appealbus.core import CallFailed, From, Inbound, Outcome, OutcomeKind, Quarantined, Source, Taken, not_found
from appealbus.core.bus.bus import Bus
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import figures, quarantine, retention
from appealbus.core.journal.appeals import cases, leases, lists
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.settings import ChannelSettings
from appealbus.schemas import Completeness
from tests.core.kit import Receiver, ScriptedWire, dossier, lookup, message, reply, running_bus
from tests.services.recomputed import check_the_past

ONE, OTHER = "120101500006", "120101500016"
WHO = lookup("s.who", iin=From("applicant.iin"))
FOLLOWS = lookup("s.follows", x=From("s.who/name"), iin=From("applicant.iin"))


@pytest.fixture(autouse=True)
def _the_past(tmp_path: Path) -> Iterator[None]:
    """After each test, what the log tells of the changes is how the appeals stand."""
    Receiver.got.clear()
    yield
    assert check_the_past(f"sqlite:///{tmp_path}/journal.db")


def change(message_id: str = "c-1", kind: str = "corrected", **given: Any) -> Inbound:
    """Make a message with a change of the appeal `m-1` in it."""
    body = {"type": "change", "message_id": message_id, "appeal_message_id": "m-1", "kind": kind, **given}
    return Inbound("test", f"test:{message_id}", orjson.dumps(body))


def person(iin: str) -> dict[str, str]:
    return {"type": "person", "iin": iin}


async def accepted(bus: Bus, inbound: Inbound) -> Taken:
    taken = await bus.accept(inbound)
    assert isinstance(taken, Taken)
    return taken


async def test_another_person_is_asked_about_and_the_first_is_told_no_more(tmp_path: Path) -> None:
    """The dossier has the facts about whom the appeal names now; going back asks nobody a second time."""
    wire = ScriptedWire()
    async with running_bus(tmp_path, WHO, FOLLOWS, wire=wire, deliveries={"out": {"kind": "receiver"}}) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await bus.settle()
        told = await accepted(bus, change(corrected={"applicant": person(OTHER)}, dated_at="2026-03-01"))
        assert (told.new, told.receipt.number, told.receipt.message_id) == (True, number, "c-1")
        await bus.settle()
        first, second = await dossier(bus, number, 1), await dossier(bus, number)
        assert second.version == 2
        assert second.appeal.applicant.iin == OTHER
        assert {fact.key for fact in first.facts}.isdisjoint(fact.key for fact in second.facts)
        assert len(second.facts) == 2
        assert {each.inputs[-1].value for each in second.outcomes} == {OTHER}
        (note,) = second.changes
        assert (note.kind.value, note.fields) == ("corrected", ["applicant.iin"])
        case = await bus.journal.ask(cases.case, number)
        assert case.appeal.applicant.iin == OTHER
        asked = len(wire.asked)
        await accepted(bus, change("c-2", corrected={"applicant": person(ONE)}, dated_at="2026-03-02"))
        await bus.settle()
        assert len(wire.asked) == asked
        back = await dossier(bus, number)
        assert [fact.key for fact in back.facts] == [fact.key for fact in first.facts]
        assert [each.version for each in await bus.journal.ask(lists.versions, number)] == [1, 2, 3]
        assert [len(out.dossier) > 0 for out in Receiver.got["out"]] == [True] * 3


async def test_what_tells_nothing_new_makes_no_version(tmp_path: Path) -> None:
    """A correction of what was right; the same message once more."""
    async with running_bus(tmp_path, WHO) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await bus.settle()
        await accepted(bus, change(corrected={"applicant": person(ONE)}))
        await bus.settle()
        assert not (await accepted(bus, change(corrected={"applicant": person(ONE)}))).new
        await bus.settle()
        assert [each.version for each in await bus.journal.ask(lists.versions, number)] == [1]


async def test_nobody_asks_for_an_appeal_that_has_ended(tmp_path: Path) -> None:
    """What is parked is asked no more, and `why` says so; taken up again it goes on."""
    down = [True]

    def script(request: Any, call: Any) -> Any:
        if down[0]:
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "the source is down")
        return reply()

    wire = ScriptedWire(script)
    async with running_bus(tmp_path, WHO, wire=wire, retry={"first": "300ms", "max": "300ms"}) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        while not (await bus.journal.ask(figures.counts)).parked:
            await asyncio.sleep(0.01)
        await accepted(bus, change(kind="withdrawn", dated_at="2026-03-01"))
        await bus.settle()
        made, asked = await dossier(bus, number), len(wire.asked)
        (gap,) = made.gaps
        assert (gap.code, gap.next_attempt_at, made.completeness) == ("appeal.closed", None, Completeness.SETTLED)
        assert gap.reason == "nobody asks any more: the appeal was withdrawn"
        assert (await bus.journal.ask(lists.appeal_row, number)).state is AppealState.IDLE
        down[0] = False
        await bus.journal.do(leases.Retry(number))
        await accepted(bus, change("c-2", corrected={"text": "x"}, dated_at="2026-03-02"))
        await bus.settle()
        assert (len(wire.asked), (await dossier(bus, number)).appeal.text) == (asked, "x")
        await accepted(bus, change("c-3", "extended", due_on="2026-05-01", dated_at="2026-03-03"))
        await bus.settle()
        assert len(wire.asked) == asked + 1
        assert (await dossier(bus, number)).completeness is Completeness.COMPLETE


@pytest.mark.proof
async def test_what_was_answered_stays_when_the_appeal_has_ended(tmp_path: Path) -> None:
    """A retry of everything asks nobody, and takes nothing back: that there is no such person was said."""
    asked = []

    async def nobody(query: Any, source: Source) -> Outcome[Any]:
        asked.append(query)
        return not_found()

    async with running_bus(tmp_path, lookup("s.who", nobody, iin=From("applicant.iin"))) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await bus.settle()
        await accepted(bus, change(kind="closed", dated_at="2026-03-01"))
        await bus.settle()
        await bus.journal.do(leases.Retry(number, everything=True))
        await bus.settle()
        made = await dossier(bus, number)
        (end,) = made.outcomes
        assert (len(asked), end.outcome, made.completeness) == (1, OutcomeKind.NOT_FOUND, Completeness.COMPLETE)


async def test_a_change_during_a_run_is_told_by_the_next(tmp_path: Path) -> None:
    """The run that goes on ends as it began; then the appeal is worked anew, at once."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(request: Any, call: Any) -> Any:
        asked.set()
        await go.wait()
        return reply()

    async with running_bus(tmp_path, WHO, wire=ScriptedWire(script)) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await asked.wait()
        await accepted(bus, change(corrected={"applicant": person(OTHER)}))
        go.set()
        await bus.settle()
        first, second = await dossier(bus, number, 1), await dossier(bus, number, 2)
        assert (first.appeal.applicant.iin, second.appeal.applicant.iin) == (ONE, OTHER)


async def test_a_change_before_its_appeal_is_in_the_first_version(tmp_path: Path) -> None:
    """Nobody is asked about whom the appeal does not name any more."""
    wire = ScriptedWire()
    async with running_bus(tmp_path, WHO, wire=wire) as bus:
        await accepted(bus, change(corrected={"applicant": person(OTHER)}))
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await bus.settle()
        assert [request.body["iin"] for request, _ in wire.asked] == [OTHER]
        assert len((await dossier(bus, number, 1)).changes) == 1


async def test_what_cannot_be_taken_is_in_quarantine(tmp_path: Path) -> None:
    """Another change under an id, one of no appeal, one of another channel's: each with its reason."""
    (tmp_path / "policy.toml").write_text('[channels.r]\nchanges = ["withdrawn"]\n[channels.test]\nchanges = ["*"]\n')
    given = {"journal": f"sqlite:///{tmp_path}/journal.db", "changes_from": ["r"], "policy": "policy.toml"}
    async with running_bus(tmp_path, WHO, bus=given) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await accepted(bus, change(kind="withdrawn"))
        theirs = {"type": "change", "message_id": "x", "number": number, "kind": "withdrawn"}
        for inbound, code in [
            (change(kind="closed"), "message.differs"),
            (change("c-2", appeal_message_id=None), "change.no_appeal"),
            (Inbound("other", "", orjson.dumps({**theirs, "kind": "answered"})), "change.not_allowed"),
        ]:
            kept = await bus.accept(inbound)
            assert isinstance(kept, Quarantined)
            assert kept.code == code
        # Who sends one of another channel's is told what it would be told of a number that nobody has.
        told = await accepted(bus, Inbound("other", "", orjson.dumps(theirs)))
        assert (told.new, told.receipt.number) == (True, number)
        assert [each.code for each in await bus.journal.ask(quarantine.quarantined)][-1] == "change.foreign"
        assert (await accepted(bus, Inbound("r", "", orjson.dumps(theirs)))).new


@pytest.mark.proof
async def test_one_that_waited_in_vain_is_the_same_when_it_is_replayed(tmp_path: Path) -> None:
    """With what could not be used of it; its sender's next copy is the same. Taken too early, it waits anew."""
    sent = change(kind="extended", due_on="завтра", other=1)
    async with running_bus(tmp_path, WHO) as bus:
        await accepted(bus, sent)
        await retention.expire_changes(bus.journal, bus.journal.now() + timedelta(days=1))
        policy = Policy(channels={"test": ChannelSettings(changes=["extended"])})
        reception = Reception(bus.journal, BusSettings(), policy=policy)
        (listed,) = await bus.journal.ask(quarantine.quarantined)
        early = await bus.journal.ask(quarantine.quarantine_row, listed.id)
        assert early is not None
        with capture_logs() as logs:
            await reception.replay(early)
        assert [each["channel"] for each in logs if each["event"] == "change.waits"] == [early.channel]
        await retention.expire_changes(bus.journal, bus.journal.now() + timedelta(days=1))
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        (listed,) = await bus.journal.ask(quarantine.quarantined)
        row = await bus.journal.ask(quarantine.quarantine_row, listed.id)
        assert row is not None
        await reception.would_take(row)
        assert (await reception.replay(row)).number == number
        assert not (await accepted(bus, sent)).new
        await bus.settle()
        (note,) = (await dossier(bus, number)).changes
        assert {each.field for each in note.warnings} == {"due_on", "change"}


@pytest.mark.proof
async def test_a_large_change_is_taken_and_costs_what_a_letter_costs(tmp_path: Path) -> None:
    """Four megabytes of a correction: text and what nobody knows of it."""
    async with running_bus(tmp_path, WHO) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        size = 4 * 1024 * 1024 - 900_000
        await accepted(bus, change(corrected={"text": "ы" * 200_000}, unknown="x" * size))
        await bus.settle()
        assert len((await dossier(bus, number)).appeal.text) == 200_000


async def test_a_change_dated_far_ahead_is_told_and_mended_by_the_next(tmp_path: Path) -> None:
    """Dossier and list say so until something later is said; then that rules, and the note stays."""
    async with running_bus(tmp_path, WHO, wire=ScriptedWire()) as bus:
        number = (await accepted(bus, message(applicant=person(ONE)))).receipt.number
        await bus.settle()
        await accepted(bus, change("typo", "due", due_on="2062-03-02", dated_at="2062-02-16"))
        await bus.settle()
        (note,) = (await dossier(bus, number)).changes
        assert [(each.field, each.code) for each in note.warnings] == [
            ("dated_at", "change.misdated"),
            ("due_on", "change.misdated"),
        ]
        assert note.dated_at.year < 2062
        assert (await bus.journal.ask(lists.appeal_row, number)).misdated
        assert (await bus.journal.ask(figures.counts)).misdated == 1
        await accepted(bus, change("right", "due", due_on="2026-03-02"))
        await bus.settle()
        made = await dossier(bus, number)
        assert (str(made.appeal.due_on), [len(each.warnings) for each in made.changes]) == ("2026-03-02", [2, 0])
        row = await bus.journal.ask(lists.appeal_row, number)
        assert (row.misdated, str(row.due_on)) == (False, "2026-03-02")
        assert (await bus.journal.ask(figures.counts)).misdated == 0
