"""What is wrong with a document, in words that never quote it."""

import pytest
from pydantic import ValidationError

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.problems import problems

SECRET = "750301100019"
GOOD = {"message_id": "1", "kind": "complaint", "applicant": {"type": "person"}}


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"kind": SECRET}, ("kind",)),
        ({"applicant": {"type": SECRET}}, ("applicant",)),
        ({"applicant": {"type": "person", SECRET: 1}}, ("applicant", "person", "(unnamed)")),
        ({"applicant": {"type": "person", "passport": SECRET}}, ("applicant", "person", "passport")),
        ({"applicant": {"type": "person", "birth_date": SECRET}}, ("applicant", "person", "birth_date")),
        ({"received_at": 1750301100}, ("received_at",)),
        ({"due_on": f"{SECRET}-01-01"}, ("due_on",)),
        ({"number": f"{SECRET} {SECRET}"}, ("number",)),
        ({"attachments": [{"reference": "r", "file_name": "f", "sha256": SECRET}]}, ("attachments", 0, "sha256")),
        ({"text": {"x": SECRET}}, ("text",)),
    ],
)
def test_places_are_named_and_values_are_not(wrong, path):
    """The path leads to the field; neither path nor reason repeats what the sender wrote."""
    with pytest.raises(ValidationError) as caught:
        Appeal.model_validate(GOOD | wrong)
    found = problems(caught.value)
    assert [place for place, _ in found] == [path]
    assert "1750301100" not in repr(found)
    assert SECRET not in repr(found)


def test_an_applicant_without_a_type_is_told_so():
    """In words of the document, not of the program that reads it."""
    with pytest.raises(ValidationError) as caught:
        Appeal.model_validate(GOOD | {"applicant": {"iin": SECRET}})
    assert problems(caught.value) == [(("applicant",), "`type` is missing, or this is no object")]


def test_what_is_no_document_at_all():
    """A list in the place of a document has an empty path."""
    with pytest.raises(ValidationError) as caught:
        Appeal.model_validate_json("[]")
    assert [place for place, _ in problems(caught.value)] == [()]
