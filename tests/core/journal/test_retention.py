"""What is kept goes by a retention of its own, in batches; what somebody waits for stays, and what is the newest."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from appealbus.core import clocks
from appealbus.core.domain.case import KeptReplies, LookupState
from appealbus.core.journal import access, documents, keeping, retention
from appealbus.core.journal import replies as kept_replies
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.retention import Ages
from appealbus.core.journal.tables import document, metadata
from appealbus.schemas.dossier import Completeness
from tests.core.journal.conftest import Make
from tests.services.recomputed import check_the_past

NEVER = datetime.fromtimestamp(0).astimezone()


def tomorrow() -> datetime:
    """Return a moment after all that a test wrote."""
    return clocks.wall() + timedelta(days=1)


async def version(
    journal: Journal, appeal: Accepted, number: int, state: LookupState, receivers: tuple[str, ...]
) -> None:
    """Make a version that refers to the appeal and to what is found."""
    await journal.do(keeping.Keep(appeal.appeal_id, state))
    fact = state.fact
    assert fact is not None
    conclusion = Conclusion(
        appeal.appeal_id,
        dossier=b"{}",
        version=number,
        completeness=Completeness.COMPLETE,
        parts=appeal.content + fact.digest,
        receivers=receivers,
    )
    await journal.conclude(conclusion)


async def digests(journal: Journal, appeal: Accepted) -> set[bytes]:
    """Return the documents that are there of an appeal."""
    query = select(document.c.digest).where(document.c.appeal_id == appeal.appeal_id)
    return set(await journal.ask(lambda connection: connection.execute(query).scalars().all()))


async def versions(journal: Journal, appeal: Accepted) -> list[int]:
    """Return the versions that are there."""
    return [row.version for row in await journal.ask(lists.versions, appeal.receipt.number)]


async def test_superseded_versions_go_with_what_only_they_refer_to(journal: Journal, make: Make, url: str) -> None:
    """The newest stays, and so does what a receiver does not have yet."""
    one, two = await journal.accept(make.new("1")), await journal.accept(make.new("2"))
    states = [replace(make.found(), provenance=None, key="k"), make.found()]
    for number, state in enumerate((states[0], states[1], states[0], states[1]), 1):
        await version(journal, one, number, state, ())
    for number in (1, 2):
        await version(journal, two, number, make.found(), ("out",) if number == 1 else ())
    assert await journal.ask(retention.count, Ages(NEVER, versions=tomorrow()), clocks.wall()) == {
        "appeals": 0,
        "quarantine": 0,
        "replies": 0,
        "versions": 3,
    }
    assert (await retention.prune(journal, Ages(NEVER, versions=NEVER)))["versions"] == 0
    assert (await retention.prune(journal, Ages(NEVER, versions=tomorrow())))["versions"] == 3
    assert (await versions(journal, one), await versions(journal, two)) == ([4], [1, 2])
    newest = states[1].fact
    assert newest is not None
    assert await digests(journal, one) == {one.content, newest.digest}
    [delivery] = await journal.ask(deliveries.deliveries, two.receipt.number)
    await journal.do(delivering.Confirmed([delivery.id]))
    assert (await retention.prune(journal, Ages(NEVER, versions=tomorrow())))["versions"] == 1
    assert await versions(journal, two) == [2]
    check_the_past(url)


async def test_versions_of_an_appeal_in_work_stay(journal: Journal, make: Make) -> None:
    """What a run refers to must be there when it ends."""
    appeal = await journal.accept(make.new())
    for number in (1, 2):
        await version(journal, appeal, number, make.found(), ())
    await journal.do(leases.Retry(appeal.receipt.number))
    await claiming.claim(journal, claiming.Claim("me", make.now, 1, 1e9))
    assert (await retention.prune(journal, Ages(NEVER, versions=tomorrow())))["versions"] == 0
    assert await versions(journal, appeal) == [1, 2]


@pytest.mark.proof
async def test_any_number_of_versions_goes_in_pages(
    journal: Journal, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each appeal's, wherever a page ends."""
    monkeypatch.setattr("appealbus.core.journal.retention._PAGE", 3)
    monkeypatch.setattr(documents, "_BATCH", 2)
    appeals = [await journal.accept(make.new(str(number))) for number in range(5)]
    for number in range(1, 5):
        for appeal in appeals:
            await version(journal, appeal, number, make.found(), ())
    assert (await retention.prune(journal, Ages(NEVER, versions=tomorrow())))["versions"] == 15
    assert [await versions(journal, appeal) for appeal in appeals] == [[4]] * 5


async def test_replies_go_when_their_time_is_over(
    journal: Journal, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or sooner, where the source's setting says less by now."""
    monkeypatch.setattr(kept_replies, "_BATCH", 2)
    appeal = await journal.accept(make.new())
    for number in range(9):
        came = KeptReplies(
            "other" if number == 8 else "gbdfl", f"q{number}", make.later(number), "{}", b"x", -5 if number < 3 else 1e6
        )
        await journal.post(keeping.Keep(appeal.appeal_id, make.state(key=str(number)), replies=came))
    await journal.do(keeping.Keep(appeal.appeal_id, make.state()))
    ages = Ages(NEVER, replies={"gbdfl": make.later(6), "nobody": tomorrow()})
    assert (await journal.ask(retention.count, ages, clocks.wall()))["replies"] == 6
    assert (await retention.prune(journal, ages))["replies"] == 6
    assert sorted(row.question_id for row in await journal.ask(kept_replies.replies, appeal.appeal_id)) == [
        "q6",
        "q7",
        "q8",
    ]


async def test_what_has_no_retention_stays(journal: Journal, make: Make) -> None:
    """The access log and the log outlive their appeals; what is there of an appeal goes with it, wherever it is."""
    appeal = await journal.accept(make.new())
    await journal.do(access.Asking([make.access(appeal.receipt.number)]))
    came = KeptReplies("gbdfl", "q", make.now, "{}", b"x", 1e6)
    await journal.post(keeping.Keep(appeal.appeal_id, make.found(), replies=came))
    await version(journal, appeal, 1, make.found(), ())
    assert await retention.prune(journal, Ages(tomorrow())) == {"appeals": 1, "quarantine": 0, "replies": 0}
    assert len(await journal.ask(access.access_rows)) == 1
    left = {}
    for table in metadata.sorted_tables:
        column = table.c.get("appeal_id") if table.name != "appeal" else table.c.id
        if column is not None and table.name not in ("log_entry", "log_unplaced"):
            query = select(column).where(column.is_not(None))
            left[table.name] = await journal.ask(lambda connection, query=query: len(connection.execute(query).all()))
    assert not any(left.values()), left
    gone = await retention.prune(journal, Ages(NEVER, access=tomorrow(), log=tomorrow()))
    assert (gone["access"], await journal.ask(access.access_rows)) == (1, [])
