"""Whatever there is: what would be deleted is said before, all of it goes, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select, update

from appealbus.core.domain.case import KeptReplies
from appealbus.core.domain.document import split
from appealbus.core.journal import access, events, keeping, pruning, retention
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages
from appealbus.core.journal.tables import metadata
from appealbus.schemas.dossier import Completeness
from tests.core.journal.conftest import NOW, Make
from tests.core.journal.replaying import replayed
from tests.services.forms import seeds

_TABLES = {name: metadata.tables[name] for name in metadata.tables}
_OUTLIVE = {"log_entry", "log_unplaced"}
Rows = dict[str, list[Any]]


class Life:
    """A journal with appeals of every state and age."""

    def __init__(self, journal: Journal, make: Make, engine: Engine, seed: int) -> None:
        self.journal, self.make, self.engine, self.random = journal, make, engine, Random(seed)

    def moment(self) -> datetime:
        """Return a moment of the last hundred days."""
        return NOW - timedelta(days=self.random.random() * 100)

    async def fill(self) -> None:
        """Write appeals with all that they may have."""
        for number in range(8):
            await self.appeal(await self.journal.accept(self.make.new(str(number))))
        for _ in range(3):
            kept = await self.journal.do(self.make.quarantine())
            if self.random.random() < 0.5:
                await replayed(self.journal, kept, "AB-2026-00000001")
        await self.journal.do(events.Placing())
        for table, columns in _AGES.items():
            self.age(table, columns)

    async def appeal(self, one: Accepted) -> None:
        """Give an appeal versions, replies and deliveries, and a state."""
        journal, random, number = self.journal, self.random, one.receipt.number
        await journal.do(access.Asking([self.make.access(number)]))
        for version in range(1, random.randint(1, 4)):
            state = self.make.state(runs=version) if random.random() < 0.5 else self.make.found()
            trail = self.make.found().provenance
            assert trail is not None
            named = trail.model_copy(update={"question_id": f"q{random.randint(1, 3)}"})
            state = replace(state, provenance=named)
            assert state.fact is not None
            came = KeptReplies(random.choice(["a", "b"]), "q", self.make.now, "{}", b"x", random.choice([-5.0, 1e7]))
            await journal.post(keeping.Keep(one.appeal_id, state, replies=came))
            facts = state.fact.digest if state.record is not None else b""
            await journal.conclude(
                Conclusion(
                    one.appeal_id,
                    dossier=b"{}",
                    version=version,
                    completeness=Completeness.COMPLETE,
                    parts=one.content + facts,
                    receivers=random.choice([(), ("out",), ("out", "in")]),
                    due_at=random.choice([None, None, None, self.make.later(1e7)]),
                )
            )
        for delivery in await journal.ask(deliveries.deliveries, number):
            match random.randint(0, 4):
                case 0:
                    pass
                case 1:
                    await journal.do(delivering.GivenUp([(delivery.id, "refused")]))
                case _:
                    await journal.do(delivering.Confirmed([delivery.id]))
        if random.random() < 0.1:
            await journal.do(suspects.Hold(number, by="me", reason="so"))

    def age(self, name: str, columns: Sequence[str]) -> None:
        """Have what is in a table be of any age."""
        table = _TABLES[name]
        with self.engine.begin() as connection:
            for row in connection.execute(select(*table.primary_key)).all():
                which = [column == value for column, value in zip(table.primary_key, row, strict=True)]
                for column in columns:
                    there = table.c[column].is_not(None)
                    connection.execute(update(table).where(*which, there).values({column: self.moment()}))

    def rows(self) -> Rows:
        """Return all that is there."""
        with self.engine.begin() as connection:
            return {
                name: list(connection.execute(select(table).order_by(*table.primary_key)))
                for name, table in _TABLES.items()
            }


_AGES = {
    "appeal": ["changed_at"],
    "dossier": ["created_at"],
    "access": ["at"],
    "log_entry": ["at"],
    "quarantine": ["replayed_at"],
    "reply": ["at"],
}


def expected(rows: Rows, ages: Ages, now: datetime) -> tuple[Rows, dict[str, int]]:
    """Say what is left, and how much goes, in the plainest way."""
    waits = {r.appeal_id for r in rows["outbox"] if r.sent_at is None and r.alone_since is None}
    dead = {r.id for r in rows["appeal"] if r.state == "idle" and r.changed_at < ages.done and r.id not in waits}
    left = {
        name: [
            r
            for r in found
            if name in _OUTLIVE or (r.id if name == "appeal" else getattr(r, "appeal_id", None)) not in dead
        ]
        for name, found in rows.items()
    }
    counts = {"appeals": len(dead)}

    def drop(what: str, name: str, gone: Any) -> None:
        before = len(left[name])
        left[name] = [r for r in left[name] if not gone(r)]
        counts[what] = before - len(left[name])

    drop("quarantine", "quarantine", lambda r: r.replayed_at is not None and r.replayed_at < ages.done)
    drop("replies", "reply", lambda r: r.until < now or r.at < ages.replies.get(r.source, NOW - timedelta(days=9999)))
    for what, name, before in (("access", "access", ages.access), ("log", "log_entry", ages.log)):
        if before is not None:
            keys = [(r[0], r.at >= before) for r in left[name]]
            first = min((key for key, young in keys if young), default=1 << 60)
            drop(what, name, lambda r, first=first: r[0] < first)
    if ages.versions is not None:
        rests = {r.id for r in left["appeal"] if r.state in ("idle", "parked")}
        wanted = {(r.appeal_id, r.version) for r in left["outbox"] if r.sent_at is None and r.skipped_at is None}
        newest: dict[int, int] = {}
        for r in left["dossier"]:
            if r.created_at < ages.versions:
                newest[r.appeal_id] = max(newest.get(r.appeal_id, 0), r.version)
        touched = {
            r.appeal_id
            for r in left["dossier"]
            if r.appeal_id in rests
            and r.version < newest.get(r.appeal_id, 0)
            and (r.appeal_id, r.version) not in wanted
        }
        drop(
            "versions",
            "dossier",
            lambda r: (
                r.appeal_id in rests
                and r.version < newest.get(r.appeal_id, 0)
                and (r.appeal_id, r.version) not in wanted
            ),
        )
        used = {(r.appeal_id, digest) for r in left["dossier"] if r.parts for digest in split(r.parts)}
        used |= {(r.appeal_id, r.fact) for r in left["lookup"]} | {(r.id, r.content) for r in left["appeal"]}
        left["document"] = [
            r for r in left["document"] if r.appeal_id not in touched or (r.appeal_id, r.digest) in used
        ]
    return left, counts


@pytest.mark.proof
@pytest.mark.parametrize("seed", seeds(3, 60))
async def test_what_is_said_to_go_goes_and_nothing_else(journal: Journal, make: Make, url: str, seed: int) -> None:
    """In any order of prunings."""
    engine = create_engine(url)
    life = Life(journal, make, engine, seed)
    await life.fill()
    random = life.random
    for _ in range(3):
        ages = Ages(
            life.moment(),
            access=random.choice([None, life.moment()]),
            log=random.choice([None, life.moment()]),
            versions=random.choice([None, life.moment()]),
            replies=random.choice([{}, {"a": life.moment()}]),
        )
        before, now, gone = life.rows(), journal.now(), random.choice([None, "in"])
        kept = [r for r in before["outbox"] if not (r.receiver == gone and r.sent_at is None and r.skipped_at is None)]
        left, counts = expected({**before, "outbox": kept}, ages, now)
        assert await journal.ask(retention.count, ages, now, gone) == counts
        assert gone is None or await retention.all_of(journal, pruning.Gone(gone)) == len(before["outbox"]) - len(kept)
        assert await retention.prune(journal, ages) == counts
        after = life.rows()
        for name in _TABLES:
            if name not in ("counter", "log_entry", "log_unplaced", "standing"):
                assert after[name] == left[name], name
        old = {r.position for r in before["log_entry"]}
        assert [r for r in after["log_entry"] if r.position in old] == left["log_entry"]
        assert {r.what for r in after["log_entry"] if r.position not in old} <= {"pruned", "skipped"}
    engine.dispose()
