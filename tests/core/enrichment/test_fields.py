"""Fields of a dossier by path, and where each comes from."""

import pytest

from appealbus.core.enrichment.fields import FieldError, explain_field
from appealbus.core.testing import appeal, dossier
from appealbus.schemas import Dossier, Gap, LookupOutcome, OutcomeKind
from tests.core.kit import Thing


@pytest.fixture
def made() -> Dossier:
    """A dossier with two records of one lookup, and a gap."""
    things = [Thing(name="x", next=["1", "2"]), Thing(name="y")]
    made = dossier(appeal(text="abc"), {"s.thing": things})
    gap = Gap(lookup="s.other", key="", required=True, outcome=OutcomeKind.UNAVAILABLE)
    outcome = LookupOutcome(lookup="s.other", key="", outcome=gap.outcome, ended_at=made.created_at)
    return made.model_copy(update={"gaps": [gap], "outcomes": [*made.outcomes, outcome]})


def test_a_field_is_found_in_every_record_with_its_trail(made: Dossier) -> None:
    """Each value carries source, message and purpose."""
    found = explain_field(made, "s.thing/name")
    assert [item.value for item in found] == ["x", "y"]
    assert all(item.trail["source"] == "s" for item in found)


def test_a_key_picks_one_record(made: Dossier) -> None:
    """The form that signals write is understood."""
    key = made.facts[1].key
    (item,) = explain_field(made, f"s.thing[{key}]/name")
    assert (item.value, item.path) == ("y", f"s.thing[{key}]/name")


@pytest.mark.parametrize(("path", "values"), [("s.thing/next", ["1", "2"]), ("s.thing/next[1]", ["2"])])
def test_lists_are_found_whole_and_by_index(made: Dossier, path: str, values: list[str]) -> None:
    """A path may end above a field."""
    assert [item.value for item in explain_field(made, path)] == values


def test_a_field_of_the_appeal_comes_from_the_appeal(made: Dossier) -> None:
    """Its trail is the receipt."""
    (item,) = explain_field(made, "appeal.text")
    assert (item.value, item.trail["source"]) == ("abc", "the appeal itself")


def test_a_missing_fact_is_explained_by_its_cause(made: Dossier) -> None:
    """The trail of a gap is its outcome."""
    (item,) = explain_field(made, "s.other/name")
    assert item.value is None
    assert item.trail["outcome"] == "unavailable"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("s.nothing/x", "there are: appeal, s.other, s.thing"),
        ("s.thing/nme", "it gave: name, next, type"),
        ("appeal.x", "it gives: "),
    ],
)
def test_an_unknown_field_is_answered_with_those_there_are(made: Dossier, path: str, hint: str) -> None:
    """Whoever mistypes reads what to write."""
    with pytest.raises(FieldError, match=hint):
        explain_field(made, path)
