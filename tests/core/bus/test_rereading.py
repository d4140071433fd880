"""The process that reads replies again may die, hang, or talk nonsense: that costs the appeal that it had.

And an appeal may change or go between its reading and the writing of it.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appealbus.core.bus.work import rereading
from appealbus.core.bus.work.rereading import AppealRead, QuestionRead, RereadProcess, WriteResult, write_read
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.pauses import PARTLY_READ
from appealbus.core.enrichment.rereading import RereadResult
from appealbus.core.errors import JournalError
from appealbus.core.journal import keeping
from appealbus.core.journal.appeals import cases
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.outcome import OutcomeKind
from tests.services.journals import sqlite_journal


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a stub, which needs to import nothing."""
    monkeypatch.setattr(rereading, "_HELPER", "tests.core.bus.rereading_stub")
    monkeypatch.setattr(rereading, "_FLAGS", ())
    monkeypatch.setattr(rereading, "_START", 0.3)
    monkeypatch.setattr(rereading, "_DEATHS", 2)


async def test_it_goes_on_behind_an_appeal_that_ends_the_process() -> None:
    """The next appeal has a process of its own; one that answers stays for the next."""
    process = RereadProcess(None, "dies of two")
    try:
        reads = [await process.read(number) for number in (1, 2, 3)]
    finally:
        await process.end()
    assert [(read.number, read.died) for read in reads] == [("N-1", False), (None, True), ("N-3", False)]


@pytest.mark.parametrize("how", ["dies", "hangs", "nonsense"])
async def test_a_process_that_never_answers_is_given_up(how: str) -> None:
    """After some appeals in a row it is not the replies any more."""
    process = RereadProcess(None, how)
    assert (await process.read(1)).died
    with pytest.raises(JournalError, match="ends each time"):
        await process.read(2)
    assert process._process is None


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_what_becomes_of_an_appeal(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Of two who have read the same one changes it; what was answered, deleted or unread meanwhile is told as that."""
    local = kind == "sqlite"
    url = sqlite_journal(tmp_path / "j.db") if local else str(request.getfixturevalue("journal_database"))
    now = datetime.now(UTC)
    state = LookupState("acme.thing", "k", OutcomeKind.INVALID, now)
    after = {
        "lookup": "acme.thing",
        "kind": "not_found",
        "code": "",
        "reason": "",
        "record": None,
        "provenance": None,
        "ended_at": now.isoformat(),
        "was_ended_at": now.isoformat(),
    }
    differs = QuestionRead("acme.thing", "k", RereadResult.DIFFERS, "invalid", "not_found", (), after)
    content = Appeal(message_id="m1", channel="files", kind=AppealKind.COMPLAINT, applicant=PersonApplicant(), text="")
    async with await Journal.open(url) as journal:
        accepted = await journal.accept(NewAppeal(content, now, "appealbus"))
        number = accepted.receipt.number
        await journal.do(keeping.Keep(accepted.appeal_id, state))
        read = AppealRead(accepted.appeal_id, number, [differs])
        assert await write_read(journal, read, "mended") is WriteResult.CHANGED
        await journal.do(keeping.Keep(accepted.appeal_id, replace(state, ended_at=datetime.now(UTC))))
        assert await write_read(journal, read, "mended") is WriteResult.ANSWERED
        same, unread = (
            replace(differs, verdict=each, after=None) for each in (RereadResult.SAME, RereadResult.IMPOSSIBLE)
        )
        assert await write_read(journal, replace(read, results=[same, unread]), "mended") is WriteResult.SAME
        assert await write_read(journal, replace(read, results=[unread]), "mended") is WriteResult.NOT_KEPT
        assert await write_read(journal, replace(read, results=[]), "mended") is WriteResult.NOT_KEPT
        still_open = replace(state, ended_at=datetime.now(UTC), next_attempt_at=now)
        await journal.do(keeping.Keep(accepted.appeal_id, still_open))
        partly = after | {"kind": "found", "code": PARTLY_READ, "was_ended_at": still_open.ended_at.isoformat()}
        assert (
            await write_read(journal, replace(read, results=[replace(differs, after=partly)]), "x")
            is WriteResult.CHANGED
        )
        assert (await journal.ask(cases.states, number))[0].next_attempt_at == now  # it is asked again as it was to be
        assert await write_read(journal, AppealRead(99, "N-99", [differs]), "mended") is WriteResult.GONE
        assert await write_read(journal, AppealRead(99, None), "mended") is WriteResult.GONE
        assert await write_read(journal, AppealRead(99, None, died=True), "mended") is WriteResult.DIED
