"""The plan: order, checks, and what there is to ask."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core import From, FromAll
from appealbus.core.planning.inputs import InputState, Known
from appealbus.core.planning.plan import Plan, PlanError
from appealbus.schemas.identifiers import Iin
from tests.core.kit import Thing, appeal, lookup, node

IIN = "750301100019"


def test_the_order_follows_from_the_paths() -> None:
    """Whoever takes an input from another stands behind it, however they were registered."""
    last = node(lookup("c.c", x=From("b.b/name")))
    middle = node(lookup("b.b", x=From("a.a/name")))
    first = node(lookup("a.a", x=From("applicant.iin")))
    assert [n.lookup.name for n in Plan([last, middle, first])] == ["a.a", "b.b", "c.c"]


def test_a_circle_is_named() -> None:
    """Lookups that wait for each other are an error at load that shows the circle."""
    with pytest.raises(PlanError, match=r"a\.a → b\.b → a\.a"):
        Plan([node(lookup("a.a", x=From("b.b/name"))), node(lookup("b.b", x=From("a.a/name")))])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": From("applicant.inn")}, "x.: 'applicant.inn': .* did you mean"),
        ({"x": From("z.z/name")}, "no lookup 'z.z' is active; there are: a.a"),
        (
            {"x": From("parcels[*].cadastral_number"), "y": From("repeats[*]")},
            "only one field may fan out, not x and y",
        ),
        ({"x": From()}, "field 'x' needs a path"),
    ],
)
def test_what_does_not_fit_is_an_error_at_load(fields: dict, message: str) -> None:
    """The text names lookup, field, and what to write."""
    with pytest.raises(PlanError, match=message):
        Plan([node(lookup("a.a", **fields))])


def drafts(
    made: object,
    written: object = None,
    records: dict | None = None,
    standings: dict | None = None,
    limit: int = 9,
):
    stand = {name: InputState("found", True, False) for name in records or {}}
    known = {
        name: [each if isinstance(each, Known) else Known(each) for each in of] for name, of in (records or {}).items()
    }
    return node(made).drafts(written or appeal(), known, {**stand, **(standings or {})}, limit)  # type: ignore[arg-type]


def test_a_decisive_field_that_does_not_exist_is_an_error_at_load() -> None:
    """Else a misspelt one would be decisive for nobody."""
    made = lookup("s.thing", x=From("repeats[*]"))
    type(made).decisive = ("next", "nmae")
    with pytest.raises(PlanError, match="decisive: Thing has no field 'nmae'"):
        node(made).check({})


def test_an_absent_input_is_not_applicable() -> None:
    """Nothing is asked, and the reason names the field."""
    (draft,) = drafts(lookup("a.a", iin=From("applicant.iin")))
    assert draft.query is None
    assert (draft.outcome.kind.value, draft.outcome.reason) == ("not_applicable", "there is nothing at applicant.iin")


def test_a_malformed_input_never_becomes_a_question() -> None:
    """The type of the field refuses it; the reason says why and does not quote it."""
    written = appeal(applicant={"type": "person", "iin": "750301100018"})
    (draft,) = drafts(lookup("a.a", iin=(Iin, From("applicant.iin"))), written)
    assert draft.query is None
    assert draft.outcome.code == "inputs.malformed"
    assert "750301100018" not in draft.outcome.reason


def test_the_first_path_with_a_value_wins_and_all_paths_unite() -> None:
    """From falls back; FromAll asks for the distinct values of all."""
    written = appeal(applicant={"type": "person", "iin": "a"}, repeats=["b", "a", "b"])
    one = drafts(lookup("a.a", x=From("applicant.iin", "repeats[*]")), written)
    both = drafts(lookup("a.a", x=FromAll("applicant.iin", "repeats[*]")), written)
    assert [d.query.x for d in one] == ["a"]
    assert [d.query.x for d in both] == ["a", "b"]
    assert [d.inputs[0].path for d in both] == ["applicant.iin", "repeats[*]"]


def test_inputs_of_one_record_stay_together() -> None:
    """Two fields from the same upstream record are never mixed with those of another record."""
    made = lookup("b.b", name=From("a.a/name"), to=From("a.a/next[*]"))
    records = {"a.a": [Thing(name="x", next=["1", "2"]), Thing(name="y", next=["3"])]}
    asked = [(d.query.name, d.query.to) for d in drafts(made, None, records)]
    assert asked == [("x", "1"), ("x", "2"), ("y", "3")]


def test_a_missing_record_skips_and_says_whose() -> None:
    """An input whose lookup did not end in found makes skipped, not not_applicable."""
    (draft,) = drafts(lookup("b.b", x=From("a.a/name")), None, {}, {"a.a": InputState("unavailable", False, True)})
    assert (draft.outcome.kind.value, draft.outcome.reason) == ("skipped", "a.a ended in unavailable")


def test_a_record_without_the_value_is_not_applicable() -> None:
    """The upstream was found and has nothing to ask about."""
    (draft,) = drafts(lookup("b.b", x=From("a.a/next[*]")), None, {"a.a": [Thing(name="x")]})
    assert draft.outcome.kind.value == "not_applicable"


def test_one_value_is_enough_beside_an_empty_record() -> None:
    """A record without the value makes no gap where another one gave a question."""
    records = {"a.a": [Thing(name="x"), Thing(name="y", next=["1"])]}
    (draft,) = drafts(lookup("b.b", x=From("a.a/next[*]")), None, records)
    assert draft.query.x == "1"


def test_a_fan_out_is_bounded_and_says_so() -> None:
    """What goes past the bound is one gap with a reason, not silence."""
    written = appeal(repeats=[str(i) for i in range(12)])
    made = drafts(lookup("a.a", x=From("repeats[*]")), written, limit=10)
    assert sum(d.query is not None for d in made) == 10
    assert made[-1].outcome.reason.startswith("more than 10 questions from one appeal; the rest was left out")


@given(st.lists(st.text(min_size=1, max_size=5).filter(str.strip), max_size=30))
def test_equal_questions_have_equal_keys_and_are_asked_once(values: list[str]) -> None:
    """Keys tell questions apart and nothing else."""
    written = appeal(repeats=values)
    asked = [d for d in drafts(lookup("a.a", x=From("repeats[*]")), written, limit=100) if d.query]
    assert len({d.key for d in asked}) == len(asked) == len({d.query.x for d in asked})
    assert {d.query.x for d in asked} == {v for v in written.repeats if v}


def test_a_record_that_may_still_come_is_a_gap_beside_what_is_asked_now() -> None:
    """Until an upstream lookup has ended everywhere, there may be more to ask, and the dossier says so."""
    records = {"a.a": [Thing(name="x", next=["1"])]}
    standings = {"a.a": InputState("found, unavailable", True, True)}
    asked, waits = drafts(lookup("b.b", x=From("a.a/next[*]")), None, records, standings)
    assert asked.query.x == "1"
    assert (waits.outcome.kind.value, waits.outcome.code) == ("skipped", "input.pending")


def test_a_later_path_does_not_stand_in_for_a_lookup_that_may_still_answer() -> None:
    """A question never changes because a source came late; once it has ended without, the next path serves."""
    made = lookup("b.b", x=From("a.a/name", "applicant.surname"))
    written = appeal(applicant={"type": "person", "surname": "s"})
    (waits,) = drafts(made, written, {}, {"a.a": InputState("timed_out", False, True)})
    (asked,) = drafts(made, written, {}, {"a.a": InputState("not_found", False, False)})
    assert waits.outcome.code == "input.pending"
    assert asked.query.x == "s"


def lined(name: str, key: str, **lists: int) -> Known:
    """Make a record of a lookup whose question came from these elements of the appeal's lists."""
    lineage = {f"{of}[*]": frozenset((((), (at,)),)) for of, at in lists.items()}
    return Known(Thing(name=f"{name}-{key}", next=[f"{key}1", f"{key}2"]), {**lineage, name: frozenset((key,))})


def test_records_of_the_same_element_meet_and_no_others() -> None:
    """Two lookups that were asked about each parcel are joined parcel by parcel; what has no partner comes alone."""
    made = lookup("c.c", x=(str, From("a.a/name"), ""), y=(str, From("b.b/name"), ""))
    records = {
        "a.a": [lined("a.a", "p", parcels=0), lined("a.a", "q", parcels=1)],
        "b.b": [lined("b.b", "q", parcels=1), lined("b.b", "r", parcels=2)],
    }
    asked = [(d.query.x, d.query.y) for d in drafts(made, None, records)]
    assert asked == [("a.a-p", ""), ("a.a-q", "b.b-q"), ("", "b.b-r")]


def test_a_list_of_the_appeal_meets_the_records_that_came_from_it() -> None:
    """An element goes with the record that was found by it, and alone where there is none."""
    made = lookup("c.c", x=From("repeats[*]"), y=(str, From("a.a/name"), ""))
    records = {"a.a": [lined("a.a", "p", repeats=1)]}
    asked = [(d.query.x, d.query.y) for d in drafts(made, appeal(repeats=["0", "1"]), records)]
    assert asked == [("1", "a.a-p"), ("0", "")]


def test_a_chain_stays_with_its_element() -> None:
    """What was found by one element of a record's list meets that record and that element alone."""
    first = lookup("b.b", to=From("a.a/next[*]"))
    records: dict = {"a.a": [lined("a.a", "p", parcels=0), lined("a.a", "q", parcels=1)]}
    records["b.b"] = [
        Known(Thing(name=draft.query.to), {**draft.lineage, "b.b": frozenset((draft.key,))})
        for draft in drafts(first, None, records)
    ]
    own = drafts(lookup("c.c", x=From("a.a/name"), y=From("b.b/name")), None, records)
    assert [d.query.x + d.query.y for d in own] == ["a.a-pp1", "a.a-pp2", "a.a-qq1", "a.a-qq2"]
    element = drafts(lookup("c.c", x=From("a.a/next[*]"), y=From("b.b/name")), None, records)
    assert [d.query.x + d.query.y for d in element] == ["p1p1", "p2p2", "q1q1", "q2q2"]


def test_one_record_that_several_elements_lead_to_meets_each_of_them() -> None:
    """The holder of two parcels is one question, and goes with both."""
    first = lookup("b.b", to=From("a.a/next[*]"))
    records: dict = {"a.a": [Known(Thing(name=key, next=["holder"]), {"a.a": frozenset((key,))}) for key in "pq"]}
    (holder,) = drafts(first, None, records)
    records["b.b"] = [Known(Thing(name="h"), holder.lineage)]
    both = drafts(lookup("c.c", x=From("a.a/name"), y=From("b.b/name")), None, records)
    assert [d.query.x + d.query.y for d in both] == ["ph", "qh"]


@pytest.mark.parametrize("related", [True, False], ids=["one list", "three lists"])
def test_a_plan_cannot_explode(*, related: bool) -> None:
    """A hundred records of each of three lookups: some questions, a few megabytes and no time, related or not."""
    names = ("a.a", "b.b", "c.c")
    records = {
        name: [lined(name, f"{at}", **{"parcels" if related else f"of_{name[0]}": at}) for at in range(100)]
        for name in names
    }
    made = lookup("d.d", **{name[0]: From(f"{name}/name") for name in names})
    tracemalloc.start()
    started = time.process_time()
    asked = drafts(made, None, records, limit=100)
    spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len([draft for draft in asked if draft.query]) == 100
    assert len(asked) == (100 if related else 101)
    assert spent < 1.0  # a hundredth of that, were the memory not counted and the machine quiet
    assert peak < 10_000_000


def test_looking_for_questions_ends() -> None:
    """A million combinations that all lead to one question are not all looked at, and the dossier says so."""
    records = {name: [Thing(name="same") for _ in range(100)] for name in ("a.a", "b.b", "c.c")}
    asked = drafts(lookup("d.d", **{name[0]: From(f"{name}/name") for name in records}), None, records)
    assert [draft.outcome and draft.outcome.code for draft in asked] == [None, "inputs.too_many"]


@pytest.mark.proof
def test_combinations_that_lead_to_no_question_are_not_all_tried() -> None:
    """A million combinations of records, none of which goes with the one parcel that has a note."""
    parcels = [{"cadastral_number": str(at)} for at in range(99)] + [{"note": "here"}]
    records: dict = {"a.a": [], "b.b": [], "c.c": []}
    for at in range(99):
        records["a.a"].append(Known(Thing(name=f"{at}"), {"parcels[*]": frozenset((((), (at,)),))}))
        records["b.b"].append(lined("b.b", f"{at}"))
        records["c.c"].append(lined("c.c", f"{at}"))
    made = lookup("d.d", note=From("parcels[*].note"), **{name[0]: From(f"{name}/name") for name in records})
    started = time.process_time()
    asked = drafts(made, appeal(parcels=parcels), records)
    assert [draft.outcome and draft.outcome.code for draft in asked] == ["inputs.too_many"]
    assert time.process_time() - started < 20  # two minutes, were they


def test_of_a_long_list_no_more_is_read_than_may_be_asked() -> None:
    """A record with half a million elements costs what those cost that become questions."""
    record = Thing.model_construct(name="x", next=[str(at) for at in range(500_000)])
    tracemalloc.start()
    asked = drafts(lookup("d.d", x=From("a.a/next[*]")), None, {"a.a": [record]}, limit=100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(asked), asked[-1].outcome and asked[-1].outcome.code) == (101, "inputs.too_many")
    assert peak < 1_000_000
