"""Replies are kept with the end of their question, each in its place, and bounded."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from appealbus.core.domain.case import KeptReplies
from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import JournalError
from appealbus.core.journal import keeping
from appealbus.core.journal import replies as writing
from appealbus.core.journal.appeals import cases, claiming, lists, suspects
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.keeping import Anew
from appealbus.core.journal.replies import ReplyPosition, ReplySpan
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.record import OtherRecord
from tests.core.journal.conftest import Conclude, Make
from tests.core.journal.explaining import explain_all
from tests.services.recomputed import check_the_past


def kept(make: Make, name: str = "q1", packed: bytes = b"\x00\xff\x80", seconds: float = 60.0) -> KeptReplies:
    """Return what came for a question."""
    return KeptReplies("gbdfl", name, make.now, '{"as": "q1"}', packed, seconds)


async def test_replies_are_kept_with_the_end_of_their_question(journal: Journal, make: Make) -> None:
    """They are there when the question's state is, byte for byte, and say when they go."""
    accepted = await journal.accept(make.new())
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(), replies=kept(make)))
    await journal.do(keeping.Keep(accepted.appeal_id, make.state(key="other")))
    [row] = await journal.ask(writing.replies, accepted.appeal_id)
    assert (row.lookup, row.key, row.source, row.question_id) == ("gbdfl.person", "k", "gbdfl", "q1")
    assert (row.at, row.head, row.packed) == (make.now, '{"as": "q1"}', b"\x00\xff\x80")


async def test_whoever_lost_the_appeal_keeps_nothing(journal: Journal, make: Make) -> None:
    """Neither a state nor replies."""
    accepted = await journal.accept(make.new())
    await journal.post(keeping.Keep(accepted.appeal_id, make.state(), owner="somebody", replies=kept(make)))
    await journal.do(keeping.Keep(accepted.appeal_id, make.state(key="other")))
    assert not await journal.ask(writing.replies, accepted.appeal_id)


async def test_of_a_question_asked_often_the_newest_replies_stay(journal: Journal, make: Make) -> None:
    """A source that is out of order for a week must not fill the journal."""
    accepted = await journal.accept(make.new())
    for run in range(1, 8):
        state = replace(make.state(runs=run), kind=OutcomeKind.INVALID)
        await journal.post(keeping.Keep(accepted.appeal_id, state, replies=kept(make, f"q{run}")))
    await journal.do(keeping.Keep(accepted.appeal_id, make.state(key="other")))
    assert [row.question_id for row in await journal.ask(writing.replies, accepted.appeal_id)] == ["q7", "q6", "q5"]


async def test_large_replies_are_kept_as_far_as_there_is_room(
    journal: Journal, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four times ten thousand bytes are too many where an appeal may have thirty-two; its states are all there."""
    monkeypatch.setattr(writing, "_OF_APPEAL", 32_000)
    monkeypatch.setattr(writing, "_SMALL", 1000)
    accepted = await journal.accept(make.new())
    for key in "abcd":
        await journal.post(
            keeping.Keep(accepted.appeal_id, make.state(key=key), replies=kept(make, packed=bytes(10_000)))
        )
    await journal.do(keeping.Keep(accepted.appeal_id, make.state(key="e")))
    assert [row.key for row in await journal.ask(writing.replies, accepted.appeal_id)] == ["c", "b", "a"]
    assert len(await journal.ask(cases.states, accepted.receipt.number)) == 5


async def test_appeals_are_gone_through_in_the_order_of_their_replies(journal: Journal, make: Make) -> None:
    """Each once, in pages of any size, from a moment on; of one source alone."""
    ids = [(await journal.accept(make.new(f"m{number}"))).appeal_id for number in range(4)]
    for appeal, minute in ((2, 0), (0, 1), (2, 2), (1, 2), (0, 3), (3, 4)):
        replies = replace(kept(make), at=make.later(60 * minute), source="other" if appeal == 3 else "gbdfl")
        await journal.post(keeping.Keep(ids[appeal], make.state(key=f"k{minute}"), replies=replies))
    await journal.do(keeping.Keep(ids[0], make.state(key="other")))

    async def through(since: float, upto: float = 999.0, page: int = 1) -> list[int]:
        span, after, found = ReplySpan("gbdfl", make.later(since), make.later(upto)), None, []
        while rows := await journal.ask(writing.appeals_with_replies, span, after, page):
            found += [ids.index(appeal_id) for appeal_id, _ in rows]
            after = rows[-1][1]
            assert isinstance(after, ReplyPosition)
        return found

    for page in (1, 2, 10):
        assert await through(0, page=page) == [2, 0, 1]
    assert await through(90) == [2, 1, 0]
    assert await through(0, 70) == [2, 0]


async def test_what_is_read_again_is_written_and_worked_on(
    journal: Journal, make: Make, conclude: Conclude, url: str
) -> None:
    """The state is another, and its appeal is ready; a question that was asked since is left alone."""
    accepted = await journal.accept(make.new())
    before = replace(make.state(), kind=OutcomeKind.INVALID)
    await journal.post(keeping.Keep(accepted.appeal_id, before))
    await journal.do(keeping.Keep(accepted.appeal_id, make.state(key="other")))
    [claimed] = await claiming.claim(journal, claiming.Claim("me", make.now, 1, 1e9))
    found = replace(
        before, kind=OutcomeKind.FOUND, record=OtherRecord(type="acme.Thing"), provenance=make.found().provenance
    )
    anew = Anew(found, "gbdfl", ("gbdfl.person", make.now), ["name changed"])
    with pytest.raises(JournalError) as refused:
        await journal.do(keeping.Reread(claimed.appeal_id, [anew], reason="mended"))
    assert refused.value.code == "in_work"
    await conclude(accepted)
    asked_since = replace(anew, was=("gbdfl.person", make.later(-1)))
    assert await journal.do(keeping.Reread(accepted.appeal_id, [asked_since], reason="mended")) == 0
    assert [row.state for row in await journal.ask(lists.appeals)] == [AppealState.IDLE]
    assert await journal.do(keeping.Reread(accepted.appeal_id, [anew, asked_since], reason="mended")) == 1
    assert [row.state for row in await journal.ask(lists.appeals)] == [AppealState.READY]
    states = {state.key: state for state in await journal.ask(cases.states, accepted.receipt.number)}
    assert (states["k"].kind, states["k"].record) == (OutcomeKind.FOUND, found.record)
    await journal.do(suspects.Hold(accepted.receipt.number, by="x", reason="x"))
    with pytest.raises(JournalError) as refused:
        await journal.do(keeping.Reread(accepted.appeal_id, [anew], reason="mended"))
    assert refused.value.code == "held"
    assert await journal.do(keeping.Reread(99, [anew], reason="mended")) is None
    check_the_past(url)


async def test_a_page_of_appeals_costs_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite looks for an appeal's earlier replies among its own: among all of a source's, 100,000 take an hour."""
    heard = explain_all(monkeypatch)
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        heard.clear()
        moment = datetime.now().astimezone()
        await journal.ask(writing.appeals_with_replies, ReplySpan("a", moment, moment), ReplyPosition(moment, 1), 10)
        await journal.ask(writing.newest_with_replies, "a", ReplyPosition(moment, 1), 10)
    lines = [line for _, plan in heard for line in plan.splitlines()]
    assert [line.split(" (")[0] for line in lines if line.startswith("SEARCH")] == [
        "SEARCH reply USING INDEX ix_reply_source",
        "SEARCH reply_1 USING INDEX ix_reply_appeal",
        "SEARCH reply USING INDEX ix_reply_source",
    ]
    assert "USE TEMP B-TREE" not in heard[-1][1]
