"""The life of an appeal, rebuilt from changes that contradict each other."""

import pytest

from appealbus.core import KeptChange
from appealbus.plugins.terms.story import Body, rebuild
from appealbus.schemas.change import AnswerResult
from tests.plugins.terms.making import HERE, THERE, at, change, clock, remarks

OTHER = {"name": "Департамент", "bin": "950240000112"}


@pytest.mark.parametrize(
    ("changes", "said", "outcome"),
    [
        ([change("registered", "2026-11-02"), change("registered", "2026-11-04")], ["registered_twice"], "open"),
        ([change("registered", "2026-10-30")], ["registered_early"], "open"),
        ([change("registered", "2026-11-02", to=THERE)], ["registered_elsewhere"], "open"),
        ([change("preliminary", "2026-10-01")], ["before_arrival"], "open"),
        (
            [change("answered", "2026-11-10", result="refused"), change("preliminary", "2026-11-12")],
            ["after_end"],
            "refused",
        ),
        (
            [change("answered", "2026-11-10", result="refused"), change("answered", "2026-11-12", result="satisfied")],
            ["ended_twice"],
            "satisfied",
        ),
        (
            [change("answered", "2026-11-10", result="refused"), change("withdrawn", "2026-11-12")],
            ["withdrawn_late"],
            "refused",
        ),
        (
            [change("answered", "2026-11-10", result="refused"), change("due", "2026-11-11", due_on="2026-11-23")],
            ["after_end"],
            "open",
        ),
        ([change("redirected", "2026-11-03", to=HERE)], ["redirected_to_itself"], "open"),
        ([change("redirected", "2026-11-06", to=THERE)], ["redirected_late"], "open"),
        (
            [change("extended", "2026-11-10", due_on="2026-12-10"), change("extended", "2026-12-01")],
            ["extended_again"],
            "open",
        ),
        ([change("due", "2026-11-03", due_on="2026-11-20")], ["other_due_date"], "open"),
        ([change("answered", "2026-11-10", result="silence")], ["silence_early"], "silence"),
        ([change("complained", "2026-11-10")], ["complained_early"], "open"),
        ([change("executed", "2026-11-10")], ["executed_without_decision"], "open"),
        ([change("answered", "2026-11-10", result="terminated"), change("notified", "2026-11-11")], [], "terminated"),
        ([change("redirected", "2026-11-03", to=THERE, part=True)], [], "open"),
        ([change("directed", "2026-11-03", to=THERE)], [], "open"),
        ([change("withdrawn", "2026-11-03")], [], "withdrawn"),
        ([change("closed", "2026-11-03")], [], "closed"),
    ],
    ids=lambda value: " ".join(str(each.change.kind) for each in value) if value and isinstance(value, list)
    and isinstance(value[0], KeptChange) else "",
)  # fmt: skip
def test_what_contradicts_is_named(changes: list[KeptChange], said: list[str], outcome: str) -> None:
    """Each contradiction by its own word, and what stands in the end."""
    found = clock(*changes, arrived=at("2026-11-02"), today="2026-11-12")
    assert (remarks(found), found.outcome) == (said, outcome)


def test_the_same_told_again_is_no_contradiction() -> None:
    """Under another id, at another hour: registers send twice."""
    once = [change("registered", "2026-11-02"), change("redirected", "2026-11-04", to=THERE)]
    again = [
        change("registered", "2026-11-02", 15, message_id="r2"),
        change("redirected", "2026-11-04", 16, to=THERE, message_id="x2"),
    ]
    one = clock(*once, arrived=at("2026-11-02"), today="2026-11-12")
    assert clock(*again, *once, arrived=at("2026-11-02"), today="2026-11-12") == one
    assert remarks(one) == []


def test_an_appeal_that_comes_back_is_ping_pong() -> None:
    """With the way that it went; a body that is named in another way is not taken for another."""
    way = [
        change("redirected", "2026-11-03", to=THERE), change("redirected", "2026-11-05", to=OTHER),
        change("redirected", "2026-11-09", to={"bin": HERE["bin"]}),
    ]  # fmt: skip
    found = clock(*way, arrived=at("2026-11-02"), today="2026-11-12")
    assert remarks(found) == ["ping_pong"]
    assert found.remarks[0].about.ru.count("→") == 3
    assert len(found.considered) == 4
    assert remarks(clock(*way[:2], arrived=at("2026-11-02"), today="2026-11-12")) == []


def test_a_kind_of_a_later_release_changes_nothing() -> None:
    """It is kept and told elsewhere; no term follows from it."""
    later = change("registered", "2026-11-02")
    from appealbus.schemas.change import ChangeKind

    unknown = KeptChange(later.change.model_copy(update={"kind": ChangeKind.stored("reconsidered")}), later.dated_at)
    given = {"arrived": at("2026-11-02"), "today": "2026-11-12"}
    assert clock(unknown, **given) == clock(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["moved", "open", "upheld"])
def test_a_result_of_a_later_release_is_an_answer(word: str) -> None:
    """Also where it is a word that says something else of a consideration here."""
    known = change("answered", "2026-11-10", result="refused")
    kept = KeptChange(known.change.model_copy(update={"result": AnswerResult.stored(word)}), known.dated_at)
    assert rebuild(at("2026-11-02"), Body(), [kept]).last.outcome == "answered"
