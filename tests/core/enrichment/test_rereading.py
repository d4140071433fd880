"""What was kept of a case is read again by its lookups of today: what is otherwise, what stays, what cannot be."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appealbus.core import (
    Call,
    CallFailed,
    Case,
    From,
    Health,
    Lookup,
    LookupState,
    Outcome,
    OutcomeKind,
    RawReply,
    Reply,
    Request,
    Source,
    Wire,
    found,
    not_found,
)
from appealbus.core.cli import reread_helper
from appealbus.core.config.models import MeaninglessSettings
from appealbus.core.domain.case import WITHDRAWN, ReplyRow
from appealbus.core.enrichment.differences import How, differences, keeps
from appealbus.core.enrichment.rereading import Reread, Rereader, RereadResult
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.conversation import Came, Conversation, Failed, pack
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.planning.contract import CompletenessContract
from appealbus.core.planning.plan import Plan
from appealbus.schemas.appeal import Receipt
from appealbus.schemas.dossier import Input
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import OtherRecord
from tests.core import kit
from tests.core.kit import Thing

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(days=20)
Read = Callable[[Sequence[str], Source], Any]


class Kept(Wire):
    """Reads what it has handed over, and never sends anything. A text that begins so: its answer is not tied."""

    rereads = True

    async def call(self, request: Request, call: Call) -> Reply:
        assert call.answer is not None, "nothing may leave"
        body = call.answer.body.decode()
        if body == "503":
            raise CallFailed(OutcomeKind.UNAVAILABLE, "http.503", "busy")
        told = {"body": body, "ids": call.message_ids, "head": call.answer.head}
        return Reply(told, "ab" * 32, call.answer.answered_at, message_id="theirs", correlated=body != "untied")

    async def health(self) -> Health:
        return Health(True, "")


def reading(calls: int = 1, read: Callable[[list[Any]], Any] | None = None, name: str = "s.thing") -> Lookup[Any, Any]:
    """Return a lookup that calls so often; each reply is the name of a thing, `none` says that there is none."""

    def as_thing(bodies: list[Any]) -> Any:
        text = ",".join(each["body"] for each in bodies)
        return not_found("s.none", "none") if text in ("none", "untied") else found(Thing(name=text))

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        replies = [await source.call(Request({})) for _ in range(calls)]
        return (read or as_thing)([reply.body for reply in replies])

    return kit.lookup(name, ask, x=From("message_id"))


APPEAL = kit.appeal()
KEY = kit.node(reading()).drafts(APPEAL, {}, {}, 10)[0].key


def state(kind: OutcomeKind, code: str = "", name: str | None = None, **given: Any) -> LookupState:
    """Return how the question stands."""
    trail = Provenance(
        source="s",
        connector="cache:old",
        plugin="old",
        plugin_version="0",
        purpose="then",
        legal_basis="a norm of then",
        question_id="q",
        asked_at=AT,
        observed_at=AT,
    )
    record = None if name is None else Thing(name=name)
    return LookupState(
        "s.thing", KEY, kind, AT, code, asked_at=AT, attempts=2, runs=3, record=record, provenance=trail, **given
    )


INVALID = state(OutcomeKind.INVALID, "reply.schema", next_attempt_at=LATER)


async def row(*bodies: str | Failed, minutes: int = 0, late: bool = False, **given: Any) -> ReplyRow:
    """Return a row of the journal."""
    at = AT + timedelta(minutes=minutes)
    steps = [
        each if isinstance(each, Failed) else Came(RawReply(each.encode(), "head", at), ("q", f"m{number}"))
        for number, each in enumerate(bodies)
    ]
    kept = await pack(Conversation("q", AT, tuple(steps), late), "s", 1.0)
    made = ReplyRow(1, 7, "s.thing", KEY, "s", "q", at, kept.head, kept.packed)
    return replace(made, **given)


async def reread(
    before: LookupState | Sequence[LookupState],
    *rows: ReplyRow,
    lookups: Sequence[Lookup[Any, Any]] = (),
    wire: Wire | None = None,
    present: Mapping[str, str] | None = None,
) -> list[Reread]:
    """Read again what was kept."""

    async def nothing_leaves(_: object) -> None:
        raise AssertionError

    bound = Bound("s", "scripted", wire or Kept(), GuardSettings())
    guard = Guard(bound, GuardServices(nothing_leaves, lambda *_: None))
    states = (before,) if isinstance(before, LookupState) else tuple(before)
    receipt = Receipt(number="N-1", accepted_at=AT, accepted_by="b", message_id="1", channel="c")
    case = Case(7, APPEAL, receipt, 1, states)
    plan = Plan([kit.node(each) for each in lookups or (reading(),)])
    contract = CompletenessContract(plan, frozenset(), 1.0, present=present or {})
    return await Rereader({"s": guard}, 10, lambda: LATER).read(case, contract, rows)


async def test_an_invalid_reply_that_is_an_answer_now() -> None:
    """It would be found, with the trail of then and the plugin of today, and would not be asked again."""
    [read] = await reread(INVALID, await row("Ағаш"))
    assert (read.verdict, read.was, read.now) == (RereadResult.DIFFERS, "invalid [reply.schema]", "found")
    after = read.after
    assert after is not None
    assert (after.kind, after.code, after.ended_at, after.next_attempt_at) == (OutcomeKind.FOUND, "", LATER, None)
    assert (after.record, after.attempts, after.runs, after.asked_at) == (Thing(name="Ағаш"), 2, 3, AT)
    trail = after.provenance
    assert trail is not None
    assert (trail.plugin, trail.plugin_version, trail.reread_at) == ("test", "1", LATER)
    assert (trail.question_id, trail.asked_at, trail.observed_at, trail.fresh_until) == ("q", AT, AT, None)
    assert (trail.connector, trail.purpose, trail.legal_basis) == ("cache:old", "then", "a norm of then")
    assert (trail.message_id, trail.raw_sha256) == ("theirs", "ab" * 32)


@pytest.mark.parametrize(
    ("before", "body", "verdict", "fields"),
    [
        (state(OutcomeKind.FOUND, name="a"), "a", RereadResult.SAME, []),
        (state(OutcomeKind.FOUND, name="a"), "b", RereadResult.DIFFERS, ["name"]),
        (state(OutcomeKind.FOUND, name="a"), "none", RereadResult.STAYS, []),
        (state(OutcomeKind.FOUND, name="a"), "503", RereadResult.STAYS, []),
        (state(OutcomeKind.NOT_FOUND, "s.none"), "none", RereadResult.SAME, []),
        (state(OutcomeKind.NOT_FOUND, "s.none"), "a", RereadResult.DIFFERS, []),
        (state(OutcomeKind.NOT_FOUND, "s.none"), "503", RereadResult.STAYS, []),
        (INVALID, "none", RereadResult.DIFFERS, []),
        (INVALID, "503", RereadResult.STAYS, []),
        (INVALID, "untied", RereadResult.STAYS, []),
    ],
)
async def test_what_becomes_of_what_was_known(
    before: LookupState, body: str, verdict: RereadResult, fields: list[str]
) -> None:
    """An answer replaces another answer and a failure; no record is lost for a reading that has none."""
    [read] = await reread(before, await row(body))
    assert (read.verdict, [each.path for each in read.fields]) == (verdict, fields)
    assert (read.after is not None) is (verdict is RereadResult.DIFFERS)


async def test_the_newest_answer_counts() -> None:
    """What came later and was none does not hide it; what is older than what is known never replaces it."""
    rows = [await row("503", minutes=9), await row("new", minutes=5), await row("old", minutes=1)]
    [read] = await reread(INVALID, *rows)
    assert read.after is not None
    assert read.after.record == Thing(name="new")
    known = state(OutcomeKind.FOUND, name="x")
    assert known.provenance is not None
    trail = known.provenance.model_copy(update={"observed_at": AT + timedelta(minutes=6)})
    [read] = await reread(replace(known, provenance=trail), *rows[1:])
    assert (read.verdict, read.now) == (RereadResult.IMPOSSIBLE, "reply.older")


async def test_what_a_question_does_not_stand_on_is_no_difference() -> None:
    """A reply without an answer, where a later attempt got none: a record is compared with its own reply."""
    refused = replace(state(OutcomeKind.UNAVAILABLE, "breaker.open"), provenance=None)
    [read] = await reread(refused, await row("503"))
    assert (read.verdict, read.now) == (RereadResult.SAME, "unavailable [breaker.open]")
    again = await row("none", minutes=9, question_id="q2")
    for name, verdict in (("a", RereadResult.SAME), ("b", RereadResult.DIFFERS)):
        [read] = await reread(state(OutcomeKind.FOUND, name="a"), again, await row(name))
        assert read.verdict is verdict
    [read] = await reread(refused, again)
    assert read.verdict is RereadResult.DIFFERS


async def test_several_calls_get_what_came_in_their_order() -> None:
    """Each with the ids of its message then, and with the failures that there were."""
    seen: list[Any] = []

    def read(bodies: list[Any]) -> Any:
        seen.extend(bodies)
        return found(Thing(name="x"))

    await reread(INVALID, await row("login", "page"), lookups=[reading(2, read)])
    assert [(each["body"], each["ids"], each["head"]) for each in seen] == [
        ("login", ("q", "m0"), "head"),
        ("page", ("q", "m1"), "head"),
    ]
    failed = Failed(OutcomeKind.TIMED_OUT, "http.timeout", "late")
    [result] = await reread(INVALID, await row("login", failed), lookups=[reading(2)])
    assert (result.verdict, result.now) == (RereadResult.STAYS, "timed_out [http.timeout]")


class _Old(Kept):
    rereads = False


async def test_what_cannot_be_read_again_is_told() -> None:
    """More calls than were kept, a damaged row, a wire that cannot, a lookup or a question that is gone."""
    whole = await row("a")
    for rows, given, code in (
        ([whole], {"lookups": [reading(2)]}, "reply.not_kept"),
        ([replace(whole, packed=whole.packed[:-1])], {}, "reply.damaged"),
        ([whole], {"wire": _Old()}, "wire.cannot_reread"),
        ([whole], {"lookups": [reading(name="s.other")]}, "reply.not_asked"),
        ([replace(whole, key="another")], {}, "reply.not_asked"),
    ):
        [read] = await reread(INVALID, *rows, **given)  # type: ignore[arg-type]
        assert (read.verdict, read.now, read.after) == (RereadResult.IMPOSSIBLE, code, None)
    [read] = await reread(INVALID, replace(whole, packed=b""), whole)
    assert read.verdict is RereadResult.DIFFERS


async def test_a_lookup_that_raises_or_is_renamed() -> None:
    """A defect is told as what it is; under its new name a lookup reads what was kept under the former one."""
    [read] = await reread(INVALID, await row("a"), lookups=[reading(read=lambda _: 1 / 0)])
    assert (read.verdict, read.now) == (RereadResult.STAYS, "invalid [plugin.error]")
    new = reading(name="s.new")
    [read] = await reread(INVALID, await row("a"), lookups=[new], present={"s.thing": "s.new"})
    assert (read.verdict, read.lookup) == (RereadResult.DIFFERS, "s.new")
    assert read.before is not None
    assert read.before.lookup == "s.thing"


async def test_what_was_kept_before_the_query_had_one_more_field_is_read() -> None:
    """The question has another key by now, and the same inputs."""
    asked = (Input(name="x", value="1", path="message_id"),)
    before = replace(INVALID, key="before", inputs=asked)
    [read] = await reread(before, replace(await row("a"), key="before"))
    assert (read.verdict, read.key) == (RereadResult.DIFFERS, "before")
    assert read.after is not None
    assert read.after.inputs == asked


async def test_an_answer_that_came_by_itself() -> None:
    """It is read as then: a wire whose answers come later can always do that."""

    class Later(Kept):
        rereads = False
        answers_async = True

    [read] = await reread(INVALID, await row("a", late=True), wire=Later())
    assert read.verdict is RereadResult.DIFFERS
    [read] = await reread(INVALID, await row("a"), wire=Later())
    assert read.now == "wire.cannot_reread"


def test_differences_have_paths_without_numbers() -> None:
    """Added, removed, changed; in lists, at any depth, and bounded."""
    before, after = Thing(name="a"), Thing(name="b")
    assert [(each.path, each.how, each.old, each.new) for each in differences(before, after)] == [
        ("name", How.CHANGED, "a", "b")
    ]
    old = other({"list": [{"a": 1}, {"a": 2}], "gone": 1, "same": [1], "kind": 1})
    new = other({"list": [{"a": 1}, {"a": 3}, {"a": 4}], "new": {"b": 1}, "same": [1], "kind": True})
    told = {(each.path, each.how.value) for each in differences(old, new)}
    assert told == {
        ("list[*].a", "changed"),
        ("list[*]", "added"),
        ("gone", "removed"),
        ("new", "added"),
        ("kind", "changed"),
    }
    assert len(differences(other({"l": list(range(900))}), other({"l": ["x"] * 900}))) == 200


def other(content: dict[str, Any]) -> Any:
    """Return a record of a type that nobody knows."""
    return OtherRecord.model_validate({"type": "acme.Thing", **content})


def partly(*unknown: str, name: str = "a", leads: str = "") -> Lookup[Any, Any]:
    """Return a lookup that cannot read these fields of what it is about, of which `next` decides."""

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        await source.call(Request({}))
        source.notes.unknown.update(unknown)
        return found(Thing(name=name, next=[leads] if leads else []))

    asking = kit.lookup("s.thing", ask, x=From("message_id"))
    type(asking).decisive = ("next",)
    return asking


def read_in_part() -> LookupState:
    return with_gap(state(OutcomeKind.FOUND, "reply.partly_read", "a", next_attempt_at=LATER))


def with_gap(was: LookupState, unknown: str = "next") -> LookupState:
    assert was.provenance is not None
    return replace(was, provenance=was.provenance.model_copy(update={"unknown": [unknown]}))


async def test_a_mended_schema_heals_a_record_that_stays_the_same() -> None:
    """There is nothing where something could have stood: that is known now."""
    [read] = await reread(read_in_part(), await row("Ағаш"), lookups=[partly()])
    assert (read.verdict, read.was, read.now) == (RereadResult.DIFFERS, "found [reply.partly_read]", "found")
    assert read.after is not None
    assert read.after.provenance is not None
    assert (read.after.code, read.after.next_attempt_at, read.after.provenance.unknown) == ("", None, None)


async def test_what_nobody_could_check_is_told_of_a_record_that_stays_the_same() -> None:
    """Its contract may have been opened meanwhile, or its plugin may have got one."""

    async def ask_openly(query: Any, source: Source) -> Outcome[Any]:
        await source.call(Request({}))
        source.notes.unchecked.add("name")
        return found(Thing(name="a"))

    openly = kit.lookup("s.thing", ask_openly, x=From("message_id"))
    [read] = await reread(state(OutcomeKind.FOUND, name="a"), await row("Ағаш"), lookups=[openly])
    assert read.verdict is RereadResult.DIFFERS
    assert not read.otherwise
    assert read.after is not None
    assert read.after.provenance is not None
    assert read.after.provenance.unchecked == ["name"]


async def test_what_is_read_in_part_again_stays_provisional() -> None:
    """It said that it was found, and the dossier was complete."""
    [read] = await reread(read_in_part(), await row("Ағаш"), lookups=[partly("next")])
    assert read.verdict is RereadResult.SAME
    [read] = await reread(read_in_part(), await row("Ағаш"), lookups=[partly("next", name="b")])
    assert read.verdict is RereadResult.DIFFERS
    assert read.after is not None
    assert (read.after.code, read.after.next_attempt_at) == ("reply.partly_read", LATER)
    assert read.after.pending


@pytest.mark.parametrize(
    ("before", "told", "gap", "otherwise"),
    [
        (INVALID, reading(), True, False),
        (replace(INVALID, kind=OutcomeKind.UNAVAILABLE), reading(), True, False),
        (replace(INVALID, code=WITHDRAWN), reading(), False, False),
        (state(OutcomeKind.NOT_FOUND), reading(), False, True),
        (state(OutcomeKind.FOUND, name="a"), reading(), False, False),
        (state(OutcomeKind.FOUND, name="b"), reading(), False, True),
        (state(OutcomeKind.FOUND, name="a"), partly("next"), False, True),
        (with_gap(state(OutcomeKind.FOUND, name="b")), partly("next"), True, True),
        (with_gap(state(OutcomeKind.FOUND, name="a")), partly("next", "name"), True, True),
        (with_gap(state(OutcomeKind.FOUND, name="a")), partly(leads="b"), True, False),
        (with_gap(state(OutcomeKind.FOUND, name="a")), reading(read=lambda _: not_found()), True, True),
    ],
)
async def test_what_was_in_no_doubt_and_is_otherwise(
    before: LookupState, told: Lookup[Any, Any], gap: bool, otherwise: bool
) -> None:
    """A gap that is filled is none of it; what a person has withdrawn is neither."""
    [read] = await reread(before, await row("a"), lookups=[told])
    assert (read.gap, read.otherwise) == (gap, otherwise)


@pytest.mark.parametrize(
    ("unknown", "before", "after", "otherwise"),
    [
        ("l", ["x", "y"], ["z", "y", "x"], False),
        ("l", ["x", "y"], ["x"], True),
        ("l", ["x", "y"], ["x", "z"], True),
        ("l", [{"a": 1}], [{"a": 1, "b": 2}, {"a": 1}], False),
        ("l", [{"a": 1}, {"a": 1, "b": 2}], [{"a": 1, "b": 2}], True),
        ("l[0].a", [{"a": 1, "b": 2}], [{"a": 3, "b": 2}], False),
        ("l[0].a", [{"a": 1, "b": 2}], [{"a": 3}], True),
    ],
)
def test_what_was_told_of_a_list_that_may_have_more(
    unknown: str, before: list[Any], after: list[Any], otherwise: bool
) -> None:
    """An item that was read is in no doubt: none goes for one that could not be read before."""
    was, now = (replace(state(OutcomeKind.FOUND), record=other({"l": each})) for each in (before, after))
    fields = differences(other({"l": before}), other({"l": after}))
    read = Reread("s.thing", KEY, RereadResult.DIFFERS, "found", "found", fields, now, with_gap(was, unknown))
    assert read.otherwise == otherwise


async def test_what_an_operator_calls_meaningless_counts_for_what_is_read_again() -> None:
    """Else a record that was unknown for it would stay so, and all that was read beside it would become unknown."""
    seen: list[Any] = []

    async def ask(query: Any, source: Source) -> Outcome[Any]:
        seen.append(source.notes.meaningless)
        return found(Thing(name="a"))

    lookup = kit.lookup("s.thing", ask, x=From("message_id"))
    meaningless = [MeaninglessSettings(path="a/b", reason="a counter")]
    bound = Bound("s", "scripted", Kept(), GuardSettings(), meaningless=meaningless)
    guard = Guard(bound, GuardServices(reread_helper._nothing_leaves, lambda *_: None))
    plan = CompletenessContract(Plan([kit.node(lookup)]), frozenset(), 1.0, present={})
    receipt = Receipt(number="N-1", accepted_at=AT, accepted_by="b", message_id="1", channel="c")
    case = Case(7, APPEAL, receipt, 1, (INVALID,))
    await Rereader({"s": guard}, 10, lambda: LATER).read(case, plan, [await row("x")])
    assert seen == [("a/b",)]


@pytest.mark.parametrize("code", ["source.stale", "refresh.failed"])
async def test_what_was_to_be_asked_anew_still_is(code: str) -> None:
    """An old answer that is read in full now is as old as before: it said nothing of that, and was never asked anew."""
    old = with_gap(state(OutcomeKind.FOUND, code, "a", reason="why", next_attempt_at=LATER))
    [read] = await reread(old, await row("a"))
    assert (read.verdict, read.otherwise) == (RereadResult.DIFFERS, False)
    assert read.after is not None
    assert read.after.provenance is not None
    assert read.after.provenance.unknown is None
    assert (read.after.code, read.after.reason, read.after.next_attempt_at) == (code, "why", LATER)
    # A newer answer is what was waited for.
    [read] = await reread(old, await row("a", minutes=9, question_id="q2"), await row("a"))
    assert read.after is not None
    assert (read.after.code, read.after.next_attempt_at) == ("", None)


async def test_that_nothing_was_found_of_old_is_no_other_reading() -> None:
    """It was counted as told otherwise, and would have been told as if it was asked for."""
    [read] = await reread(state(OutcomeKind.NOT_FOUND, "source.stale", next_attempt_at=LATER), await row("none"))
    assert (read.verdict, read.otherwise) == (RereadResult.SAME, False)


def test_long_lists_are_compared_at_once() -> None:
    """Of 20,000 items in another order each is looked for once; one that is gone is a loss all the same."""
    items = [{"name": str(number)} for number in range(20_000)]
    before = OtherRecord.model_validate({"type": "x.List", "items": items})
    after = OtherRecord.model_validate({"type": "x.List", "items": [{"name": "other"}, *reversed(items[1:])]})
    same = OtherRecord.model_validate({"type": "x.List", "items": [*reversed(items)]})
    began = time.process_time()
    assert not keeps(before, after, ())
    assert keeps(before, same, ())
    assert time.process_time() - began < 5
