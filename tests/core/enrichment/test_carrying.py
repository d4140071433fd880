"""What is carried forward into the next version, and what the appeal no longer names."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from appealbus.core import OutcomeKind
from appealbus.core.domain.case import NOT_CONFIRMED, NOT_GIVEN, NOT_NAMED, Case, LookupState
from appealbus.core.domain.known import InputPaths
from appealbus.core.domain.pauses import STALE
from appealbus.core.enrichment.carrying import Before, Whole, whole
from appealbus.core.planning.contract import CompletenessContract, Missing
from appealbus.core.planning.plan import Plan
from appealbus.schemas import Receipt
from appealbus.schemas.dossier import Input
from appealbus.schemas.record import OtherRecord
from tests.core.kit import Thing, appeal

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def state(name: str, key: str, *inputs: tuple[str, str], **given: Any) -> LookupState:
    """Make the state of a question that was found, unless told otherwise."""
    made = LookupState(
        name,
        key,
        OutcomeKind.FOUND,
        NOW,
        inputs=tuple(Input(name="x", value=value, path=path) for path, value in inputs),
        record=Thing(name=f"{name}[{key}]"),
    )
    return replace(made, **given)


def ended(name: str, key: str, kind: OutcomeKind, *inputs: tuple[str, str], **given: Any) -> LookupState:
    return state(name, key, *inputs, kind=kind, record=None, **given)


def carried(
    *states: LookupState, asked: tuple[LookupState, ...] = (), missing: Any = None, told: bool = True, **given: Any
) -> Whole:
    """Return the whole of a case that these states were known of, when those were asked."""
    receipt = Receipt(number="AB-1", accepted_at=NOW, accepted_by="t", message_id="1", channel="t")
    case = Case(1, appeal(**given), receipt, 1, states)
    contract = CompletenessContract(Plan([]), frozenset(missing or ()), 1.0, missing or {})
    keys = {(each.lookup, each.key) for each in states} if told else ()
    return whole(case, {(each.lookup, each.key): each for each in asked}, contract, Before(keys), NOW)


def told_by(found: Whole) -> set[tuple[str, str, str]]:
    return {(each.lookup, each.key, each.code or each.kind.value) for each in found.states}


def missing(*paths: str, union: bool = False) -> dict[str, Missing]:
    inputs = (InputPaths(union, paths),) if paths else ()
    return {"s.lost": Missing("its plugin is away", "p", "1", inputs)}


ONE, TWO = ("repeats[*]", "one"), ("repeats[*]", "two")


def test_a_fact_about_what_the_appeal_no_longer_names_is_left_behind() -> None:
    """The version says so; what the appeal still names stays, though nobody asks for it now."""
    found = carried(state("s.a", "1", ONE), state("s.a", "2", TWO), repeats=["two"])
    assert told_by(found) == {("s.a", "2", "found")}
    assert found.carried == {("s.a", "2")}
    assert [(each.lookup, each.key) for each in found.not_carried] == [("s.a", "1")]


def test_what_was_found_through_it_goes_with_it() -> None:
    """However many records lie between; unless a record that stays leads there, too."""
    chain = (
        state("s.a", "1", ONE, record=Thing(name="x", next=["b", "c"])),
        state("s.a", "2", TWO, record=Thing(name="y", next=["c"])),
        state("s.b", "b", ("s.a/next[*]", "b"), record=Thing(name="z", next=["d"])),
        state("s.b", "c", ("s.a/next[*]", "c")),
        state("s.d", "d", ("s.b/next[*]", "d")),
    )
    found = carried(*chain, repeats=["two"])
    assert told_by(found) == {("s.a", "2", "found"), ("s.b", "c", "found")}
    assert {each.key for each in found.not_carried} == {"1", "b", "d"}


def test_what_a_newer_record_leads_to_no_longer_goes() -> None:
    """With all that was found by it, and with the reason; the register changed, not the appeal."""
    earlier = state("s.b", "b", ("s.a/next[*]", "b"), record=Thing(name="y", next=["d"]))
    newer = state("s.a", "1", ONE, record=Thing(name="x", next=["c"]))
    found = carried(earlier, state("s.d", "d", ("s.b/next[*]", "d")), asked=(newer,), repeats=["one"])
    assert told_by(found) == {("s.a", "1", "found")}
    assert {each.key: each.reason for each in found.not_carried} == dict.fromkeys("bd", str(NOT_GIVEN))


def test_what_nobody_can_say_here_proves_nothing() -> None:
    """A record of which nothing is kept any more, and one whose model is not loaded, may have given the input."""
    other = OtherRecord.model_validate({"type": "test.Away", "rights": [{"holder": {"iin": "b"}}]})
    parcel = state("s.a", "1", ONE, record=other)
    by = ("s.a/rights[*].holder.iin", "s.a/owners[*]", "s.gone/name")
    states = [state("s.b", f"{path} {value}", (path, value)) for path in by for value in "bc"]
    kept = {each.key for each in carried(parcel, *states, repeats=["one"]).states}
    assert kept == {"1", *(each.key for each in states)} - {"s.a/rights[*].holder.iin c"}


def test_another_path_of_the_same_input_may_name_it_now() -> None:
    """As the lookup declared them when it was here: whom the appeal names elsewhere, it still names."""
    paths = missing("applicant.iin", "repeats[*]", union=True)
    whom = state("s.lost", "1", ("applicant.iin", "one"))
    assert carried(whom, missing=paths, repeats=["one"]).carried == {("s.lost", "1")}
    assert carried(whom, missing=paths, repeats=["two"]).not_carried[0].reason == str(NOT_NAMED)


def test_what_was_answered_from_memory_goes_where_nobody_will_confirm_it() -> None:
    """Its lookup is here and asks something else; where it is away, or waits itself, the answer stays as it is."""
    provisional = state("s.lost", "1", ONE, code=STALE, next_attempt_at=NOW)
    here = carried(provisional, repeats=["one"])
    assert (told_by(here), [each.reason for each in here.not_carried]) == (set(), [str(NOT_CONFIRMED)])
    waiting = ended("s.lost", "", OutcomeKind.INVALID)
    assert ("s.lost", "1", STALE) in told_by(carried(provisional, asked=(waiting,), repeats=["one"]))
    away = carried(provisional, missing=missing("repeats[*]"), repeats=["one"])
    assert (told_by(away), away.lacks, away.states[0].kind) == ({("s.lost", "1", STALE)}, ["s.lost"], "found")


def test_a_path_that_this_process_does_not_understand_proves_nothing() -> None:
    """Another release may have given the appeal a field that is not known here."""
    paths = ("applicant.passport", "repeats.x", "not a path", "")
    states = [state("s.a", path, (path, "1")) for path in paths]
    assert {each.key for each in carried(*states).states} == set(paths)


def test_a_lost_lookup_that_has_ended_for_good_is_not_lacking() -> None:
    """Its answers are there: what happened to load takes no completeness away."""
    states = (state("s.lost", "1", ONE), ended("s.lost", "2", OutcomeKind.NOT_FOUND, TWO))
    found = carried(*states, missing=missing("repeats[*]"), repeats=["one", "two"])
    assert (found.lacks, told_by(found)) == ([], {("s.lost", "1", "found"), ("s.lost", "2", "not_found")})


@pytest.mark.parametrize(
    ("states", "given"),
    [
        ((), {"repeats": ["one"]}),
        ((state("s.lost", "1", ONE),), {"repeats": ["one", "two"]}),
        ((state("s.lost", "1", ONE),), {"repeats": ["two"]}),
        ((ended("s.lost", "", OutcomeKind.NOT_APPLICABLE),), {"repeats": ["one"]}),
        ((ended("s.lost", "1", OutcomeKind.UNAVAILABLE, ONE, next_attempt_at=NOW),), {"repeats": ["one"]}),
        ((ended("s.lost", "", OutcomeKind.SKIPPED, code="input.pending"),), {"repeats": []}),
    ],
    ids=["never asked", "one more", "another", "now applicable", "open", "waits"],
)
def test_a_lost_lookup_with_something_to_ask_is_lacking(states: tuple[LookupState, ...], given: Any) -> None:
    """Whatever of it is there already: a correction may have given it more to ask."""
    found = carried(*states, missing=missing("repeats[*]"), **given)
    assert found.lacks == ["s.lost"]
    assert any(each.pending for each in found.states if each.lookup == "s.lost")


def test_what_a_person_has_asked_anew_waits_for_its_lookup() -> None:
    """It stays found, and complete, meanwhile."""
    found = carried(state("s.lost", "1", ONE, next_attempt_at=NOW), missing=missing("repeats[*]"), repeats=["one"])
    assert (found.lacks, told_by(found)) == (["s.lost"], {("s.lost", "1", "found")})


def test_another_path_is_no_question_where_the_first_has_a_value() -> None:
    """As in a plan: a later path stands in for an earlier one, unless the lookup takes all of them."""
    of_first = state("s.lost", "1", ONE)
    either = ("repeats[*]", "text")
    assert carried(of_first, missing=missing(*either), repeats=["one"], text="t").lacks == []
    assert carried(of_first, missing=missing(*either, union=True), repeats=["one"], text="t").lacks == ["s.lost"]


def test_what_was_never_told_and_has_no_record_is_not_told_as_if_it_were() -> None:
    """A worker died over it, say: the lookup has not been asked as far as anybody knows."""
    found = carried(ended("s.lost", "1", OutcomeKind.NOT_FOUND, ONE), missing=missing(), told=False, repeats=["one"])
    assert told_by(found) == {("s.lost", "", "lookup.not_loaded")}


def test_questions_of_a_loaded_lookup_that_are_put_no_longer_leave_no_gap() -> None:
    """Only what was found stays: a question that waited for an input, say, has others in its place."""
    found = carried(
        ended("s.a", "", OutcomeKind.SKIPPED, code="input.pending"), state("s.a", "1", ONE), repeats=["one"]
    )
    assert told_by(found) == {("s.a", "1", "found")}
