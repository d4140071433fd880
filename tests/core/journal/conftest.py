"""A journal on a real database, and things to put into it. The contract tests run on every database that is there."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.domain.case import LookupState
from appealbus.core.journal import clock, schema
from appealbus.core.journal.appeals.accepting import Accepted, NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness, Input
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord, Record
from tests.services import migrations
from tests.services.journals import sqlite_journal

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class Make:
    """Makes what goes into a journal, as short as a test needs it."""

    now = NOW

    def later(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def at_last(self) -> datetime:
        """Return a moment after all that a test writes, by the real clock, too."""
        return datetime.now(UTC) + timedelta(days=100)

    def new(
        self,
        message_id: str = "m1",
        *,
        channel: str = "files",
        number: str | None = None,
        due_on: date | None = None,
        text: str = "Жер учаскесі туралы",
        at: datetime | None = None,
    ) -> NewAppeal:
        appeal = Appeal(
            message_id=message_id,
            channel=channel,
            number=number,
            due_on=due_on,
            kind=AppealKind.COMPLAINT,
            applicant=PersonApplicant(surname="Серіков"),
            text=text,
        )
        return NewAppeal(appeal, at or self.now, "appealbus")

    def access(self, number: str, question_id: str = "q1") -> AccessRow:
        return AccessRow(
            question_id,
            self.now,
            "appealbus",
            "120101500013",
            "gbdfl",
            "gbdfl.person",
            number,
            "identify the applicant",
            "ст. 62",
            Served.SOURCE,
        )

    def state(
        self,
        lookup: str = "gbdfl.person",
        key: str = "k",
        *,
        kind: OutcomeKind = OutcomeKind.NOT_FOUND,
        record: Record | None = None,
        runs: int = 1,
    ) -> LookupState:
        return LookupState(
            lookup, key, kind, self.now, code="gbdfl.00003", reason="No such person.", runs=runs, record=record
        )

    def found(self) -> LookupState:
        """A state with everything in it, of a record type that nobody knows."""
        return LookupState(
            lookup="acme.thing",
            key="k",
            kind=OutcomeKind.FOUND,
            ended_at=self.later(2),
            inputs=(Input(name="iin", value="120101500013", path="applicant.iin"),),
            attempts=2,
            runs=3,
            asked_at=self.now,
            next_attempt_at=self.later(3600),
            record=OtherRecord.model_validate({"type": "acme.Thing", "size": 5, "parts": [{"name": "Бөлік"}]}),
            provenance=Provenance(
                source="acme",
                connector="shep",
                plugin="acme",
                plugin_version="1.0",
                purpose="p",
                legal_basis="b",
                question_id="q1",
                asked_at=self.now,
                observed_at=self.later(1),
            ),
        )

    def quarantine(self, raw: bytes = b"{", position: str = "appeals.jsonl:17") -> NewQuarantine:
        return NewQuarantine(self.now, "files", position, "not JSON", raw, "application/json")


@pytest.fixture(autouse=True)
def given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count leases by the times that a test gives, on every database. On PostgreSQL it would be the database's time."""
    monkeypatch.setattr(clock, "leased_at", lambda connection, given: given)
    monkeypatch.setattr(clock, "asked", lambda connection: [])


@pytest.fixture
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each new journal migrated, as it is outside of tests."""
    monkeypatch.setattr(schema, "_migrate", migrations.truly)


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind; PostgreSQL's is on a private server that the tests start."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


@pytest.fixture
async def journal(url: str) -> AsyncIterator[Journal]:
    async with await Journal.open(url) as opened:
        yield opened


Conclude = Callable[..., object]


@pytest.fixture
def conclude(journal: Journal) -> Conclude:
    """Conclude an appeal with the next version, delivered to `out`."""

    async def do(
        appeal: Accepted, version: int = 1, *, receivers: Sequence[str] = ("out",), due_at: datetime | None = None
    ) -> None:
        dossier = f'{{"number": "{appeal.receipt.number}", "version": {version}}}'.encode()
        completeness = Completeness.COMPLETE if due_at is None else Completeness.PARTIAL
        await journal.conclude(
            Conclusion(
                appeal.appeal_id,
                dossier=dossier,
                version=version,
                completeness=completeness,
                receivers=receivers,
                due_at=due_at,
            )
        )

    return do
