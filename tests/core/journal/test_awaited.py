"""Answers that come by themselves: written before the question leaves, kept until read, whoever comes first."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appealbus.core.domain.access import AwaitedRow
from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.journal import access, awaiting, retention
from appealbus.core.journal.appeals import cases, claiming, lists
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind

SOURCE, LOOKUP, KEY = "gbdfl", "gbdfl.person", "k"


class Life:
    """One appeal with one question that is answered later."""

    def __init__(self, journal: Journal, make: Any, accepted: Accepted) -> None:
        self.journal = journal
        self.make = make
        self.id = accepted.appeal_id
        self.number = accepted.receipt.number
        self.version = 0

    async def ask(self, question_id: str = "q1", key: str = KEY, at: datetime | None = None) -> None:
        row = replace(self.make.access(self.number, question_id), at=at or self.make.now)
        await self.journal.do(awaiting.Expecting(AwaitedRow(row, self.id, key)))

    async def answer(self, question_id: str = "q1", body: bytes = b"<a/>", source: str = SOURCE) -> Kept:
        return await self.journal.do(awaiting.Answered(source, Answer(question_id, body, "{}")))

    async def conclude(self, *, answers_seen: set[str] | None, due_at: datetime | None = None) -> bool:
        self.version += 1
        return await self.journal.conclude(
            Conclusion(
                self.id,
                dossier=b"{}",
                version=self.version,
                completeness=Completeness.PARTIAL,
                receivers=(),
                due_at=due_at,
                answers_seen=answers_seen,
            )
        )

    async def state(self) -> AppealState:
        (row,) = [row for row in await self.journal.ask(lists.appeals) if row.appeal_id == self.id]
        return row.state

    async def claim(self) -> list[int]:
        return [
            case.appeal_id
            for case in await claiming.claim(self.journal, claiming.Claim("w", datetime.now(UTC), 10, 60))
        ]

    async def read(self, kind: OutcomeKind, question_id: str = "q1") -> None:
        await self.journal.post(awaiting.Read(self.id, self.make.state(LOOKUP, KEY, kind=kind), question_id))

    async def waiting(self) -> list[str]:
        return [answer.question_id for answer in await self.journal.ask(awaiting.answers, self.id)]


@pytest.fixture
async def life(journal: Journal, make: Any) -> AsyncIterator[Life]:
    return Life(journal, make, await journal.accept(make.new(), owner="me"))


FAR = datetime.now(UTC) + timedelta(days=1)


async def test_the_access_row_comes_with_it(life: Life) -> None:
    """Both are written in one step, and nothing waits to be read before an answer is there."""
    await life.ask()
    assert [row.question_id for row in await life.journal.ask(access.access_rows, life.number)] == ["q1"]
    assert await life.waiting() == []


async def test_of_an_unknown_appeal_neither_is_written(life: Life) -> None:
    """A question that could not be answered later must not leave, and has no access row."""
    life.id = 999
    with pytest.raises(JournalError):
        await life.ask()
    assert await life.journal.ask(access.access_rows) == []


@pytest.mark.parametrize("due_at", [FAR, None])
async def test_an_answer_wakes_its_appeal(life: Life, due_at: datetime | None) -> None:
    """One that is parked, or that nobody works on any more, is claimed next; the answer is there as it came."""
    await life.ask()
    assert not await life.conclude(answers_seen=set(), due_at=due_at)
    assert await life.claim() == []
    assert await life.answer(body=b"\x00\xff <a/>") is Kept.STORED
    assert await life.claim() == [life.id]
    (answer,) = await life.journal.ask(awaiting.answers, life.id)
    assert (answer.question_id, answer.lookup, answer.key) == ("q1", LOOKUP, KEY)
    assert (answer.body, answer.head, answer.asked_at) == (b"\x00\xff <a/>", "{}", life.make.now)
    assert answer.answered_at > answer.asked_at


@pytest.mark.proof
async def test_an_answer_that_comes_during_the_run_makes_it_due_at_once(life: Life) -> None:
    """The appeal in work stays with its worker; its conclusion sees what came meanwhile, and only that."""
    await life.ask()
    assert await life.answer() is Kept.STORED
    assert await life.state() is AppealState.IN_WORK
    assert await life.conclude(answers_seen=set(), due_at=FAR)
    assert await life.state() is AppealState.READY
    assert await life.claim() == [life.id]
    # The next run knew of it. That it could not be read is no reason to spin.
    assert not await life.conclude(answers_seen={"q1"}, due_at=FAR)
    assert await life.state() is AppealState.PARKED


async def test_without_late_sources_nothing_is_looked_up(life: Life) -> None:
    """A run none of whose sources answers later does not ask for answers."""
    await life.ask()
    await life.answer()
    assert not await life.conclude(answers_seen=None, due_at=FAR)


async def test_twice_unknown_and_from_elsewhere(life: Life) -> None:
    """The second answer changes nothing; an id that nobody asked with, or another source's, is not taken."""
    await life.ask()
    assert await life.answer("q9") is Kept.UNKNOWN
    assert await life.answer(source="egkn") is Kept.UNKNOWN
    assert await life.answer(body=b"1") is Kept.STORED
    assert await life.answer(body=b"2") is Kept.AGAIN
    assert [answer.body for answer in await life.journal.ask(awaiting.answers, life.id)] == [b"1"]


async def test_many_at_once(life: Life) -> None:
    """Answers of one group of writes: each is told its own, the same one twice too."""
    await asyncio.gather(*(life.ask(f"q{i}", key=str(i)) for i in range(5)))
    told = await asyncio.gather(*(life.answer(f"q{i % 6}") for i in range(12)))
    assert sorted(told[i] for i in (0, 6)) == [Kept.AGAIN, Kept.STORED]
    assert [told.count(kind) for kind in (Kept.STORED, Kept.AGAIN, Kept.UNKNOWN)] == [5, 5, 2]


async def test_what_has_ended_lets_go_of_all_its_answers(life: Life) -> None:
    """Those of questions that were put again too; a late one is unknown then. Other questions keep theirs."""
    for question_id, key in (("q1", KEY), ("q2", KEY), ("q3", "other")):
        await life.ask(question_id, key)
        await life.answer(question_id)
    await life.read(OutcomeKind.NOT_FOUND, "q2")
    await life.conclude(answers_seen={"q1", "q2", "q3"})
    assert await life.waiting() == ["q3"]
    assert await life.answer("q1") is Kept.UNKNOWN
    assert [state.kind for state in await life.journal.ask(cases.states, life.number)] == [OutcomeKind.NOT_FOUND]


async def test_a_broken_answer_goes_alone(life: Life) -> None:
    """What was read and is not good goes; an answer to the question as it was put before still counts."""
    await life.ask("q1")
    await life.ask("q2")
    await life.answer("q1")
    await life.read(OutcomeKind.INVALID, "q1")
    await life.conclude(answers_seen={"q1"}, due_at=FAR)
    assert await life.waiting() == []
    assert await life.answer("q1") is Kept.UNKNOWN
    assert await life.answer("q2") is Kept.STORED
    assert await life.claim() == [life.id]


async def test_only_the_latest_questions_are_waited_for(life: Life) -> None:
    """A lookup that is never answered does not fill the journal."""
    for i in range(15):
        await life.ask(f"q{i}", at=life.make.later(i))
    kept = [await life.answer(f"q{i}") for i in range(15)]
    assert kept == [Kept.UNKNOWN] * 5 + [Kept.STORED] * 10


async def test_it_outlives_a_restart(url: str, make: Any) -> None:
    """What was asked by a process that is gone is taken by the next one."""
    async with await Journal.open(url) as first:
        life = Life(first, make, await first.accept(make.new()))
        await life.ask()
        await life.claim()
        await life.conclude(answers_seen=set(), due_at=FAR)
    async with await Journal.open(url) as second:
        life.journal = second
        assert await life.answer() is Kept.STORED
        assert await life.claim() == [life.id]
        assert await life.waiting() == ["q1"]


async def test_it_goes_with_its_appeal(life: Life) -> None:
    """Retention leaves no question behind that is answered for nobody."""
    await life.ask()
    await life.ask("q2", "other")
    await life.conclude(answers_seen=set())
    assert (await retention.prune(life.journal, retention.Ages(FAR)))["appeals"] == 1
    assert await life.answer() is Kept.UNKNOWN


@pytest.mark.proof
async def test_two_processes_never_miss_each_other(url: str, make: Any) -> None:
    """However an answer and the end of the run that asked fall together: the appeal is worked again."""
    async with await Journal.open(url) as worker, await Journal.open(url) as listener:
        for i in range(40):
            life = Life(worker, make, await worker.accept(make.new(f"m{i}"), owner="me"))
            await life.ask(f"q{i}")
            # The pauses shift the two against each other, so that over the rounds each comes first, and both at once.
            pause = (i % 8 - 4) * 0.0005
            kept, _ = await asyncio.gather(
                _after(max(0.0, pause), listener.do(awaiting.Answered(SOURCE, Answer(f"q{i}", b"<a/>")))),
                _after(max(0.0, -pause), life.conclude(answers_seen=set(), due_at=FAR)),
            )
            assert kept is Kept.STORED
        ready = [row.state for row in await worker.ask(lists.appeals)]
        assert ready == [AppealState.READY] * 40


async def _after(pause: float, work: Awaitable[Any]) -> Any:
    await asyncio.sleep(pause)
    return await work


async def test_who_has_lost_an_appeal_takes_no_answer_away(life: Life) -> None:
    """Neither what it read is kept nor is the answer gone: the new owner reads it."""
    await life.ask()
    await life.answer()
    state = life.make.state(LOOKUP, KEY, kind=OutcomeKind.FOUND)
    await life.journal.post(awaiting.Read(life.id, state, "q1", owner="somebody who had it once"))
    await life.journal.do(access.Asking([life.make.access("n")]))
    assert await life.waiting() == ["q1"]
    await life.journal.post(awaiting.Read(life.id, state, "q1", owner="me"))
    await life.journal.do(access.Asking([life.make.access("n")]))
    assert await life.waiting() == []


async def test_what_was_asked_again_after_the_end_is_not_kept(life: Life) -> None:
    """By a worker that had lost the appeal: its answer wakes nobody and leaves nothing behind."""
    await life.ask("q1")
    await life.answer("q1")
    await life.read(OutcomeKind.FOUND, "q1")
    await life.conclude(answers_seen={"q1"})
    await life.ask("q2")
    assert await life.answer("q2") is Kept.UNKNOWN
    assert (await life.state(), await life.waiting()) == (AppealState.IDLE, [])
    assert await life.answer("q2") is Kept.UNKNOWN
