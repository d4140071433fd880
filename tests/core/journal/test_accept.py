"""Appeals come in once, each with its number."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import create_engine

from appealbus.core.domain.listing import AppealState
from appealbus.core.errors import MessageDiffers
from appealbus.core.journal.appeals import accepting, cases, claiming, lists, numbering
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness


async def test_new_appeal_gets_the_first_number_of_its_year(journal, make):
    """The receipt carries number, moment and acceptor, and the stored appeal carries the number too."""
    accepted = await journal.accept(make.new())

    assert accepted.new
    assert accepted.receipt.number == "AB-2026-00000001"
    assert accepted.receipt.accepted_at == make.now
    case = await journal.ask(cases.case, "AB-2026-00000001")
    assert case.appeal == make.new().appeal.model_copy(update={"number": "AB-2026-00000001"})
    assert case.receipt == accepted.receipt
    assert (case.version, case.states) == (0, ())


async def test_same_message_again_gets_the_same_receipt(journal, make):
    """A repeated message is one appeal, byte for byte the same receipt."""
    kazakhstan = timezone(timedelta(hours=5))
    first = await journal.accept(make.new(at=datetime(2026, 11, 24, 15, 0, tzinfo=kazakhstan)))
    again = await journal.accept(make.new(at=make.later(60)))

    assert not again.new
    assert again.appeal_id == first.appeal_id
    assert again.receipt.model_dump_json() == first.receipt.model_dump_json()


async def test_another_message_with_the_same_id_gets_no_receipt(journal, make):
    """It is told which appeal has the id, later and in the same transaction; the first one stays as it is."""
    first, same, other = await asyncio.gather(
        *(journal.accept(make.new("a", text=text)) for text in ("1", "1", "2")), return_exceptions=True
    )
    assert same.receipt == first.receipt
    later = (await asyncio.gather(journal.accept(make.new("a", text="3")), return_exceptions=True))[0]
    for differs in (other, later):
        assert isinstance(differs, MessageDiffers)
        assert (differs.code, differs.number) == ("message.differs", first.receipt.number)
    (case,) = [await journal.ask(cases.case, row.number) for row in await journal.ask(lists.appeals)]
    assert case.appeal.text == "1"


async def test_a_dry_run_knows_a_message_that_differs(journal, make):
    """What would be accepted again says nothing; what has only the id of another is refused."""
    await journal.accept(make.new("a", text="1"))
    await journal.ask(accepting.would_accept, make.new("a", text="1").appeal)
    await journal.ask(accepting.would_accept, make.new("b", text="2").appeal)
    with pytest.raises(MessageDiffers):
        await journal.ask(accepting.would_accept, make.new("a", text="2").appeal)


async def test_workers_that_accept_at_once_find_the_difference_too(url, make):
    """Of two workers that are given one id with different texts, one has an appeal, the other a refusal."""
    if url.startswith("sqlite"):
        pytest.skip("one process works a file")
    async with await Journal.open(url) as one, await Journal.open(url) as two:
        sent = [(journal, f"m{at}", text) for at in range(20) for journal, text in ((one, "1"), (two, "2"))]
        results = await asyncio.gather(
            *(journal.accept(make.new(name, text=text)) for journal, name, text in sent), return_exceptions=True
        )
        assert len(await one.ask(lists.appeals)) == 20
    pairs = list(zip(results[::2], results[1::2], strict=True))
    assert all(sorted(isinstance(each, MessageDiffers) for each in pair) == [False, True] for pair in pairs)


async def test_an_appeal_from_before_there_were_digests_is_like_any_other(journal, url, make):
    """Its message again gets its receipt, whatever it says: nobody knows what it said then."""
    first = await journal.accept(make.new("a", text="1"))
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE appeal SET digest = NULL")
    engine.dispose()
    assert (await journal.accept(make.new("a", text="2"))).receipt == first.receipt


async def test_the_same_id_on_another_channel_is_another_appeal(journal, make):
    """Message ids are told apart by channel."""
    first = await journal.accept(make.new(channel="files"))
    other = await journal.accept(make.new(channel="esedo"))

    assert other.new
    assert first.receipt.number != other.receipt.number


async def test_many_at_once_get_consecutive_numbers(journal, make):
    """A crowd of appeals, each twice, gives consecutive numbers without a gap and one appeal for each message."""
    accepted = await asyncio.gather(*(journal.accept(make.new(f"m{i % 300}")) for i in range(600)))

    numbers = sorted({one.receipt.number for one in accepted})
    assert numbers == [f"AB-2026-{value:08d}" for value in range(1, 301)]
    assert sum(one.new for one in accepted) == 300
    assert {one.receipt.number for one in accepted[:300]} == {one.receipt.number for one in accepted[300:]}


async def test_each_year_starts_anew(journal, make):
    """In the night of 31 December of the country, whichever zone the acceptor's clock tells it in."""
    almaty = timezone(timedelta(hours=5))
    old = await journal.accept(make.new("a", at=datetime(2026, 12, 31, 18, 59, tzinfo=UTC)))
    new = await journal.accept(make.new("b", at=datetime(2027, 1, 1, 1, 0, tzinfo=almaty)))
    next_ = await journal.accept(make.new("c", at=datetime(2026, 12, 31, 19, 0, tzinfo=UTC)))

    assert old.receipt.number == "AB-2026-00000001"
    assert new.receipt.number == "AB-2027-00000001"
    assert next_.receipt.number == "AB-2027-00000002"
    assert new.receipt.accepted_at == datetime(2026, 12, 31, 20, 0, tzinfo=UTC)


async def test_the_registers_own_number_is_kept(journal, make):
    """An appeal that comes with a number keeps it and takes none from the series."""
    given = await journal.accept(make.new("a", number="ЖТ-2026-17"))
    own = await journal.accept(make.new("b"))

    assert given.receipt.number == "ЖТ-2026-17"
    assert own.receipt.number == "AB-2026-00000001"


async def test_a_number_belongs_to_one_message(journal, make):
    """A second message with the same number is registered under one of the bus's own; the other is kept as written."""
    first, second, third = await asyncio.gather(
        journal.accept(make.new("a", number="N-1")),
        journal.accept(make.new("b", number="N-1")),
        journal.accept(make.new("c")),
    )
    later = await journal.accept(make.new("d", number="N-1"))

    assert first.receipt.number == "N-1"
    assert [each.receipt.number[-1] for each in (second, third, later)] == ["1", "2", "3"]
    case = await journal.ask(cases.case, second.receipt.number)
    assert [(each.field, each.text) for each in case.appeal.as_written] == [("number", "N-1")]
    assert [warning.code for warning in case.appeal.warnings] == ["number.taken"]
    assert (await journal.accept(make.new("b", number="N-1"))).receipt == second.receipt


async def test_only_the_bus_gives_numbers_of_its_series(journal, make):
    """Whoever comes with one gets another, of whatever year or epoch it is; numbers that only look alike are kept."""
    ahead = ("AB-2026-00000002", "AB-2026-00000003", "AB-2031-00000001", "AB-2026-2-00000001")
    numbers = [(await journal.accept(make.new(given, number=given))).receipt.number for given in ahead]
    numbers += [(await journal.accept(make.new(message))).receipt.number for message in "cd"]
    assert numbers == [f"AB-2026-{value:08d}" for value in range(1, 7)]
    for given in ("AB-2026-0000002", "XAB-2026-00000002", "AB-2026-00000002/1", "АВ-2026-00000002"):
        assert (await journal.accept(make.new(given, number=given))).receipt.number == given


async def test_numbers_that_were_taken_in_advance_stall_nobody(journal, make, monkeypatch):
    """An older program let channels take them: many are passed over together, and the next one is the first free."""
    monkeypatch.setattr(numbering, "_AHEAD", 100)
    taken = [make.new(f"m{value}", number=f"AB-2026-{value:08d}") for value in range(2, 252)]
    with pytest.MonkeyPatch.context() as older:
        older.setattr(numbering, "is_own", lambda number, prefix: False)
        await asyncio.gather(*map(journal.accept, taken))
    assert (await journal.accept(make.new("first"))).receipt.number == "AB-2026-00000001"
    looks = []
    with pytest.MonkeyPatch.context() as counting:
        counting.setattr(numbering.Numbers, "_look_ahead", noting(looks, numbering.Numbers._look_ahead))
        assert (await journal.accept(make.new("next"))).receipt.number == "AB-2026-00000252"
    assert len(looks) == 3
    assert (await journal.accept(make.new("last"))).receipt.number == "AB-2026-00000253"


def noting(looks, look):
    def noted(*given):
        looks.append(given)
        look(*given)

    return noted


async def test_the_prefix_is_configurable(url, make):
    """Numbers start with the prefix that the journal was opened with."""
    async with await Journal.open(url, number_prefix="ЗКО") as journal:
        assert (await journal.accept(make.new())).receipt.number == "ЗКО-2026-00000001"


async def test_an_acceptor_may_go_on_without_a_claim(journal, make):
    """An appeal accepted with an owner is that owner's; nobody else gets it until the lease is over."""
    await journal.accept(make.new(), owner="me", lease_seconds=30)

    assert await claiming.claim(journal, claiming.Claim("other", make.later(29), 10, 60)) == []
    assert len(await claiming.claim(journal, claiming.Claim("other", make.later(30), 10, 60))) == 1


async def test_what_was_accepted_is_there_after_reopening(url, make):
    """Numbering and deduplication go on where they stopped."""
    async with await Journal.open(url) as journal:
        first = await journal.accept(make.new("a"))
    async with await Journal.open(url) as journal:
        assert await journal.accept(make.new("a")) == replace(first, new=False)
        assert (await journal.accept(make.new("b"))).receipt.number == "AB-2026-00000002"


async def test_appeals_are_paged_by_key(journal, make):
    """A page starts after the last id of the one before, oldest first."""
    for index in range(5):
        await journal.accept(make.new(f"m{index}"))

    first = await journal.ask(lists.appeals, limit=3)
    rest = await journal.ask(lists.appeals, after=first[-1].appeal_id, limit=3)
    assert [row.message_id for row in first + rest] == ["m0", "m1", "m2", "m3", "m4"]


async def test_appeals_of_one_state_are_paged_by_key(journal, make):
    """Each state has its own pages, in the order of acceptance whatever the urgency."""
    for index in range(8):
        await journal.accept(make.new(f"m{index}", due_on=date(2027, 1, 30 - index)))
    for case in await claiming.claim(journal, claiming.Claim("me", make.later(0), 5, 60)):  # the most urgent: m7 to m3
        if case.appeal.message_id != "m3":
            due = make.later(60) if case.appeal.message_id in ("m4", "m6") else None
            await journal.conclude(
                Conclusion(
                    case.appeal_id,
                    dossier=b"{}",
                    version=1,
                    completeness=Completeness.PARTIAL,
                    receivers=[],
                    due_at=due,
                )
            )
    expected = {
        AppealState.READY: ["m0", "m1", "m2"],
        AppealState.IN_WORK: ["m3"],
        AppealState.PARKED: ["m4", "m6"],
        AppealState.IDLE: ["m5", "m7"],
    }
    for state, ids in expected.items():
        first = await journal.ask(lists.appeals, limit=2, state=state)
        rest = await journal.ask(lists.appeals, after=first[-1].appeal_id, limit=2, state=state)
        assert [row.message_id for row in first + rest] == ids
        assert {row.state for row in first + rest} == {state}
