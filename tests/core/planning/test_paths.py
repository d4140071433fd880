"""Paths: grammar, checks against models, and what they yield."""

import pytest

from appealbus.core.planning.paths import PathError, check_path, parse_path, values
from appealbus.schemas import Appeal, Mention, Mentions, Parcel
from appealbus.schemas.appeal import Span


def appeal(**given: object) -> Appeal:
    return Appeal.model_validate({"message_id": "1", "kind": "complaint", "applicant": {"type": "person"}, **given})


@pytest.mark.parametrize("text", ["", "a..b", "a[0]", "A.b", "/x", "gbdfl/x", "a b", "x[*][*]", "gbdfl.person/"])
def test_a_malformed_path_is_refused(text: str) -> None:
    """What the grammar does not know raises, with the path in the text."""
    with pytest.raises(PathError):
        parse_path(text)


def test_a_typo_is_answered_with_the_nearest_field() -> None:
    """A step that leads nowhere names the model and the field that was probably meant."""
    with pytest.raises(PathError, match=r"PersonApplicant or OrganisationApplicant has no field 'inn'; did you mean"):
        check_path(parse_path("applicant.inn"), Appeal)


def test_a_list_needs_the_star_and_a_field_must_not_have_it() -> None:
    """Whether a step fans out must agree with the model."""
    with pytest.raises(PathError, match=r"write 'parcels\[\*\]'"):
        check_path(parse_path("parcels.cadastral_number"), Appeal)
    with pytest.raises(PathError, match="it is no list: write 'applicant'"):
        check_path(parse_path("applicant[*].iin"), Appeal)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("applicant.iin", Appeal),
        ("applicant.bin", Appeal),
        ("parcels[*].cadastral_number", Appeal),
        ("mentions.iins[*].value", Appeal),
        ("repeats[*]", Appeal),
        ("rights[*].holder.bin", Parcel),
    ],
)
def test_good_paths_pass(path: str, model: type) -> None:
    """Unions, lists and optional models are walked through."""
    check_path(parse_path(path), model)


def test_values_come_in_order_and_absent_ones_do_not() -> None:
    """A fan-out yields each element; None and empty text yield nothing."""
    written = appeal(parcels=[{"cadastral_number": "a"}, {"cadastral_number": ""}, {"cadastral_number": "b"}])
    assert [v.value for v in values(parse_path("parcels[*].cadastral_number"), written)] == ["a", "b"]
    assert list(values(parse_path("applicant.iin"), written)) == []
    assert list(values(parse_path("place.kato"), written)) == []


def test_a_value_from_the_text_keeps_its_place() -> None:
    """What was found in the text carries its span; what stood in a field does not."""
    mention = Mention(value="750301100019", span=Span(start=3, end=15))
    written = appeal().model_copy(update={"mentions": Mentions(iins=[mention])})
    (value,) = values(parse_path("mentions.iins[*].value"), written)
    assert (value.value, value.span) == ("750301100019", mention.span)
