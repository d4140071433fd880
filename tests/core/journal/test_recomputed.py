"""The log is the truth about the past: whatever is written in whatever order, the tables follow from the log alone."""

import asyncio
import random
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from appealbus.core.domain.access import AwaitedRow
from appealbus.core.domain.case import LookupState, Try
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.interfaces.answer import Answer
from appealbus.core.journal import access, awaiting, keeping, pruning, retention
from appealbus.core.journal.appeals import claiming, leases, lists, suspects
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import OtherRecord
from tests.core.journal.conftest import Make
from tests.core.journal.replaying import replayed
from tests.services.forms import form, seeds
from tests.services.journals import sqlite_journal
from tests.services.recomputed import check_in, check_the_past

KINDS = [kind for kind in OutcomeKind if kind is not OutcomeKind.SKIPPED]
WORKERS = ("w1", "w2")
RECORD = OtherRecord.model_validate({"type": "acme.Thing", "size": 5})


class Life:
    """Writes of all kinds to one journal, as workers, people and channels make them."""

    def __init__(self, journal: Journal, chance: random.Random) -> None:
        self.journal = journal
        self.chance = chance
        self.make = Make()
        self.now = datetime.now(UTC)
        self.numbers: dict[int, str] = {}
        self.versions: dict[int, int] = {}
        self.asked: list[str] = []
        self.quarantined: list[int] = []

    async def live(self, steps: int) -> None:
        """Do so many things; what the journal refuses changes nothing."""
        await self.accept()
        likely = [self.accept, self.claim, self.keep, self.keep, self.conclude, self.conclude, self.deliver]
        rest = [
            *(self.release, self.bury, self.hold, self.let_go, self.retry, self.ask_later, self.answer),
            *(self.differ, self.quarantine, self.decide, self.look, self.prune),
        ]
        for _ in range(steps):
            self.now += timedelta(seconds=self.chance.choice([0.0, 1.0, 40.0]))
            self.journal.actor = self.chance.choice(["bus", "worker:w1", "person:olga"])
            with suppress(JournalError):
                await self.chance.choice(likely + rest)()

    def one(self) -> int:
        return self.chance.choice(list(self.numbers))

    def owner(self) -> str | None:
        return self.chance.choice([None, *WORKERS])

    def later(self) -> datetime | None:
        return self.chance.choice([None, self.now + timedelta(seconds=30), self.now - timedelta(seconds=1)])

    async def accept(self) -> None:
        new = self.make.new(f"m{self.chance.randrange(6)}", at=self.now)
        accepted = await self.journal.accept(new, owner=self.owner())
        self.numbers[accepted.appeal_id] = accepted.receipt.number
        self.versions.setdefault(accepted.appeal_id, 0)

    async def differ(self) -> None:
        new = self.make.new(f"m{self.chance.randrange(6)}", text="another", at=self.now)
        with suppress(MessageDiffers):
            accepted = await self.journal.accept(NewAppeal(new.appeal, self.now, "another"))
            self.numbers[accepted.appeal_id] = accepted.receipt.number
            self.versions.setdefault(accepted.appeal_id, 0)

    async def claim(self) -> None:
        worker, limit = self.chance.choice(WORKERS), self.chance.choice([1, 3])
        await claiming.claim(
            self.journal, claiming.Claim(worker, self.now, limit, 30, lost=self.chance.choice([None, ["x.y"], []]))
        )

    async def keep(self) -> None:
        await self.journal.post(keeping.Keep(self.one(), self.state(), owner=self.owner()))

    def state(self) -> LookupState:
        kind = self.chance.choice(KINDS)
        tries = (Try("q", "q", self.now, 7, kind, "c"),) if self.chance.random() < 0.5 else ()
        return LookupState(
            self.chance.choice(["a.b", "c.d"]),
            self.chance.choice(["k", "l"]),
            kind,
            self.now,
            self.chance.choice(["", "http.503"]),
            attempts=self.chance.randrange(4),
            runs=1,
            asked_at=self.later(),
            next_attempt_at=self.later(),
            record=RECORD if kind is OutcomeKind.FOUND else None,
            tries=tries,
        )

    async def conclude(self) -> None:
        id_, told = self.one(), self.chance.random() < 0.7
        version = self.versions[id_] + told
        conclusion = Conclusion(
            id_,
            dossier=f'{{"version":{version}}}'.encode() if told else None,
            version=version,
            completeness=self.chance.choice(list(Completeness)),
            receivers=self.chance.choice([[], ["out"], ["out", "in", "out"]]),
            due_at=self.later(),
            answers_seen=self.chance.choice([None, [], self.asked]),
            owner=self.owner(),
            doubted=self.chance.choice([False, True]),
            lacks=self.chance.choice([[], ["x.y"]]),
            carried=self.chance.choice([[], ["q.w"]]),
            unassessed=self.chance.choice([None, [], ["minor"]]),
            misdated=self.chance.choice([False, True]),
            pending=self.chance.choice([[], ["a.b", "c.d"]]),
            signal=self.chance.choice([None, "warning"]),
        )
        await self.journal.conclude(conclusion)
        self.versions[id_] = version

    async def deliver(self) -> None:
        later = self.now + timedelta(days=1)
        due = await self.journal.ask(deliveries.undelivered, self.chance.choice(["out", "in"]), later, 3)
        for each in due:
            match self.chance.randrange(4):
                case 0:
                    await self.journal.do(delivering.Confirmed([each.delivery_id, each.delivery_id]))
                case 1:
                    await self.journal.do(delivering.Failed([(each.delivery_id, "http.502", later)]))
                case 2:
                    await self.journal.do(delivering.GivenUp([(each.delivery_id, "too_large")]))

    async def decide(self) -> None:
        number = self.chance.choice([None, self.numbers[self.one()]])
        version = None if number is None else self.chance.choice([None, 1, 2])
        if self.chance.random() < 0.5:
            await self.journal.do(delivering.Skip(number, "on paper", receiver="out", version=version))
        else:
            await self.journal.do(delivering.Resend(number, version=version))

    async def release(self) -> None:
        await self.journal.do(leases.Release(self.chance.choice(WORKERS)))

    async def bury(self) -> None:
        await claiming.bury(self.journal, self.owner())

    async def hold(self) -> None:
        await self.journal.do(suspects.Hold(self.numbers[self.one()], by="olga", reason="the court asked"))

    async def let_go(self) -> None:
        await self.journal.do(suspects.Releasing(self.numbers[self.one()]))

    async def retry(self) -> None:
        everything, refresh = self.chance.choice([(False, False), (True, False), (False, True)])
        await self.journal.do(leases.Retry(self.numbers[self.one()], everything=everything, refresh=refresh))

    async def ask_later(self) -> None:
        id_, question = self.one(), f"q{len(self.asked)}"
        self.asked.append(question)
        await self.journal.do(awaiting.Expecting(AwaitedRow(self.make.access(self.numbers[id_], question), id_, "k")))

    async def answer(self) -> None:
        question = self.chance.choice([*self.asked, "none"])
        await self.journal.do(awaiting.Answered("gbdfl", Answer(question, b"{}")))
        if self.chance.random() < 0.3:
            await self.journal.post(awaiting.Read(self.one(), self.state(), question, owner=self.owner()))

    async def quarantine(self) -> None:
        self.quarantined.append(await self.journal.do(self.make.quarantine()))
        await replayed(self.journal, self.chance.choice(self.quarantined), self.numbers[self.one()])

    async def look(self) -> None:
        await self.journal.do(access.Look("dossier", number=self.numbers[self.one()], about={"version": 1}))

    async def prune(self) -> None:
        match self.chance.randrange(3):
            case 0:
                await retention.all_of(self.journal, pruning.Gone("in"))
            case 1:
                await retention.prune(
                    self.journal, retention.Ages(self.journal.now() - timedelta(seconds=self.chance.choice([0, 3600])))
                )
                left = {row.appeal_id for row in await self.journal.ask(lists.appeals, limit=1000)}
                for gone in self.numbers.keys() - left:
                    del self.numbers[gone], self.versions[gone]
                if not self.numbers:
                    await self.accept()


async def lived(url: str, seed: int, steps: int) -> None:
    async with await Journal.open(url) as journal:
        await Life(journal, random.Random(seed)).live(steps)


@pytest.mark.proof
@settings(max_examples=form(8, 500), deadline=None)
@given(st.integers(0, 2**32), st.integers(1, form(40, 200)))
def test_the_tables_follow_from_the_log(seed: int, steps: int) -> None:
    """In SQLite: appeals, questions, versions and deliveries, as the log alone tells of them."""
    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_journal(Path(folder) / "journal.db")
        asyncio.run(lived(url, seed, steps))
        assert check_the_past(url) > 0


@pytest.mark.proof
@pytest.mark.parametrize("seed", seeds(1, 60))
def test_the_tables_follow_from_the_log_on_postgresql(journal_database: str, seed: int) -> None:
    """The same, with entries that have no position yet."""
    asyncio.run(lived(journal_database, seed, form(60, 300)))
    assert check_the_past(journal_database) > 0


async def test_what_the_log_does_not_tell_is_found_out(journal: Journal, url: str, make: Make) -> None:
    """The proof itself: a table that was changed behind the log's back differs from it."""
    accepted = await journal.accept(make.new())
    await journal.post(keeping.Keep(accepted.appeal_id, make.state()))
    told = {"version": 1, "completeness": Completeness.PARTIAL, "receivers": ["out"]}
    await journal.conclude(Conclusion(accepted.appeal_id, dossier=b"{}", **told))
    assert check_the_past(url) == 3
    placed = "log_unplaced" if journal.shared else "log_entry"
    engine = create_engine(url)
    with engine.connect() as connection:
        for change in (
            "UPDATE appeal SET completeness = 'made up'",
            "UPDATE lookup SET code = 'made up'",
            "UPDATE outbox SET attempts = 1",
            "DELETE FROM outbox",
            "UPDATE dossier SET document = content FROM appeal",
            f"DELETE FROM {placed} WHERE what = 'ended'",
        ):
            connection.execute(text(change))
            with pytest.raises(AssertionError, match="differences"):
                check_in(connection)
            connection.rollback()
    engine.dispose()
