"""Replies are kept with the end of their question, each in its place, and bounded."""

from dataclasses import replace

from appealbus.core.domain.replies import KeptReplies
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.writes import replies as writing
from appealbus.schemas.outcome import OutcomeKind
from tests.core.journal.conftest import Make


def kept(make: Make, name: str = "q1", packed: bytes = b"\x00\xff\x80", seconds: float = 60.0) -> KeptReplies:
    """Return what came for a question."""
    return KeptReplies("gbdfl", name, make.now, '{"as": "q1"}', packed, seconds)


async def test_replies_are_kept_with_the_end_of_their_question(journal: Journal, make: Make) -> None:
    """They are there when the question's state is, byte for byte, and say when they go."""
    accepted = await journal.accept(make.new())
    await journal.keep(accepted.appeal_id, make.state(), replies=kept(make))
    await journal.keep_at_once(accepted.appeal_id, make.state(key="other"))
    [row] = await journal.replies(accepted.appeal_id)
    assert (row.lookup, row.key, row.source, row.question_id) == ("gbdfl.person", "k", "gbdfl", "q1")
    assert (row.at, row.head, row.packed) == (make.now, '{"as": "q1"}', b"\x00\xff\x80")


async def test_whoever_lost_the_appeal_keeps_nothing(journal: Journal, make: Make) -> None:
    """Neither a state nor replies."""
    accepted = await journal.accept(make.new())
    await journal.keep(accepted.appeal_id, make.state(), owner="somebody", replies=kept(make))
    await journal.keep_at_once(accepted.appeal_id, make.state(key="other"))
    assert not await journal.replies(accepted.appeal_id)


async def test_of_a_question_asked_often_the_newest_replies_stay(journal: Journal, make: Make) -> None:
    """A source that is out of order for a week must not fill the journal."""
    accepted = await journal.accept(make.new())
    for run in range(1, 8):
        state = replace(make.state(runs=run), kind=OutcomeKind.INVALID)
        await journal.keep(accepted.appeal_id, state, replies=kept(make, f"q{run}"))
    await journal.keep_at_once(accepted.appeal_id, make.state(key="other"))
    assert [row.question_id for row in await journal.replies(accepted.appeal_id)] == ["q7", "q6", "q5"]


async def test_large_replies_are_kept_as_far_as_there_is_room(journal: Journal, make: Make) -> None:
    """Four times ten megabytes are too many for one appeal; its states are all there."""
    accepted = await journal.accept(make.new())
    large = kept(make, packed=bytes(10 << 20))
    for key in "abcd":
        await journal.keep(accepted.appeal_id, make.state(key=key), replies=large)
    assert [row.key for row in await journal.replies(accepted.appeal_id)] == ["c", "b", "a"]
    assert len(await journal.states(accepted.receipt.number)) == 4
    assert len(large.packed) < writing._OF_APPEAL
