"""What changes make of an appeal: the same, in whatever order and however often they come."""

from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appealbus.core.domain.change import KeptChange, closed_by
from appealbus.core.preparation.changing import changed
from appealbus.core.preparation.extraction import prepare
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.jsonreading import message_from_json
from tests.services.forms import form

START = datetime(2026, 2, 16, tzinfo=UTC)
PERSON = "120101500006"
OTHER = "120101500016"


def appeal(**fields):
    given = {
        "message_id": "m",
        "number": "AB-1",
        "kind": "complaint",
        "applicant": {"type": "person", "iin": PERSON, "surname": "Серіков"},
        "text": f"Сосед, ИИН {OTHER}",
        **fields,
    }
    return prepare(Appeal.model_validate(given))


def kept(kind, at=0, message_id="", **fields):
    change = Change.model_validate(
        {"message_id": message_id or f"c{at}", "channel": "r", "number": "AB-1", "kind": kind, **fields}
    )
    return KeptChange(change, START + timedelta(days=at))


def test_only_what_is_corrected_is_another():
    """Of the applicant one field, beside the others; mentions and warnings are made anew."""
    first = appeal()
    assert [mention.value for mention in first.mentions.iins] == [OTHER]
    done = changed(first, [kept("corrected", corrected={"applicant": {"type": "person", "iin": OTHER}})])
    assert done.appeal.applicant.iin == OTHER
    assert done.appeal.applicant.surname == "Серіков"
    assert done.appeal.mentions.iins == []
    assert done.notes[0].fields == ["applicant.iin"]
    broken = changed(first, [kept("corrected", corrected={"applicant": {"type": "person", "iin": "1"}})])
    assert [warning.field for warning in broken.appeal.warnings] == ["applicant.iin"]
    mended = changed(
        first,
        [
            kept("corrected", corrected={"applicant": {"type": "person", "iin": "1"}}),
            kept("corrected", 1, corrected={"applicant": {"type": "person", "iin": PERSON}}),
        ],
    )
    assert mended.appeal == first


def test_what_was_taken_away_is_absent():
    """A field, a whole model, a list; what must have a value has that of an appeal that says none."""
    first = appeal(representative={"name": "А"}, repeats=["x"], collective=True)
    paths = ["applicant.iin", "representative", "repeats", "collective", "nothing.at_all", "applicant.type", "number"]
    done = changed(first, [kept("corrected", removed=paths)])
    assert done.appeal.applicant.iin is None
    assert done.appeal.applicant.type == "person"
    assert (done.appeal.representative, done.appeal.repeats, done.appeal.collective) == (None, [], False)
    assert done.appeal.number == "AB-1"
    assert done.notes[0].fields == ["collective", "repeats", "applicant.iin", "representative"]


def test_an_applicant_of_no_type_stays_what_it_was():
    """An address alone does not make a person of an organisation; an ИИН does."""
    first = appeal(applicant={"type": "organisation", "bin": "940140000385"})

    def corrected(**applicant):
        document = Change(message_id="c", number="AB-1", kind="corrected").model_dump(exclude={"corrected"})
        raw = {**document, "corrected": {"applicant": applicant}}
        change = message_from_json(orjson.dumps(raw))
        return changed(first, [KeptChange(change, START)]).appeal.applicant

    assert corrected(address="Астана").model_dump(exclude_none=True) == {
        "type": "organisation",
        "bin": "940140000385",
        "address": "Астана",
    }
    assert corrected(iin=PERSON).type == "person"
    assert corrected(type="person", address="Астана").type == "person"


def test_terms_and_bodies():
    """The last term and the last body count; a part that goes elsewhere is told, and the addressee stays."""
    changes = [
        kept("due", 1, due_on="2026-03-02"),
        kept("extended", 3, due_on="2026-05-02", reason="запрос"),
        kept("redirected", 2, to={"bin": "940140000385", "name": "Акимат"}),
        kept("redirected", 4, to={"name": "Другой"}, part=True),
    ]
    done = changed(appeal(), changes)
    assert done.appeal.due_on == date(2026, 5, 2)
    assert done.appeal.addressee.name == "Акимат"
    assert [(note.kind.value, note.fields) for note in done.notes] == [
        ("due", ["due_on"]),
        ("redirected", ["addressee"]),
        ("extended", ["due_on"]),
        ("redirected", []),
    ]
    assert done.notes[2].reason == "запрос"


def test_what_changes_nothing_is_not_told():
    """A correction of what was right, the same term again, a change of no kind."""
    changes = [
        kept("corrected", corrected={"applicant": {"type": "person", "surname": "Серіков"}}),
        kept("due", 1, due_on="2026-03-02"),
        kept(None, 2),
    ]
    done = changed(appeal(due_on="2026-03-02"), changes)
    assert done.notes == ()
    assert done.appeal == appeal(due_on="2026-03-02")


def test_what_was_wrong_is_out_of_date_once_it_is_right():
    """A letter's unreadable date of birth has a warning, until somebody says the date."""
    read = message_from_json(
        b'{"message_id": "m", "kind": "complaint", "applicant": {"type": "person", "birth_date": "x"}, "due_on": "y"}'
    )
    own = prepare(read)
    first = own.model_copy(update={"warnings": [*read.warnings, *own.warnings]})
    done = changed(first, [kept("corrected", corrected={"applicant": {"type": "person", "birth_date": "1970-02-03"}})])
    assert [warning.field for warning in done.appeal.warnings] == ["due_on"]
    assert [each.field for each in done.appeal.as_written] == ["due_on"]


@pytest.mark.parametrize(
    ("kinds", "closed"),
    [
        ([], None),
        (["withdrawn"], "withdrawn"),
        (["answered", "corrected"], "answered"),
        (["answered", "extended"], None),
        (["closed", "redirected", "answered"], "answered"),
        (["due", "closed"], "closed"),
    ],
)
def test_how_an_appeal_ends_and_goes_on(kinds, closed):
    """A new term or a new body after the end takes it up again; a correction does not."""
    orders = [((START + timedelta(days=at), "c", "r"), kind) for at, kind in enumerate(kinds)]
    assert closed_by(reversed(orders)) == closed


CHANGES = st.lists(
    st.builds(
        kept,
        st.sampled_from([*ChangeKind, None]),
        st.integers(0, 3),
        st.sampled_from(["a", "b", "c", "d", "e"]),
        due_on=st.sampled_from([None, "2026-03-02", "2026-04-02"]),
        to=st.sampled_from([None, {"name": "А"}, {"bin": "1"}]),
        part=st.booleans(),
        removed=st.lists(st.sampled_from(["applicant.iin", "applicant", "parcels"]), max_size=2),
        corrected=st.sampled_from(
            [
                None,
                {"applicant": {"type": "person", "iin": OTHER}},
                {"applicant": {"type": "organisation", "bin": "1"}},
                {"parcels": [{"cadastral_number": "1"}], "text": PERSON},
                {"applicant": {"type": "person", "name": "Б"}, "kind": "proposal"},
            ]
        ),
    ),
    max_size=6,
    unique_by=lambda each: each.change.message_id,
)


@pytest.mark.proof
@settings(max_examples=form(60, 2000), deadline=None)
@given(CHANGES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(changes, random):
    """Any order gives the same form and the same notes, and each form is as if it had come so."""
    done = changed(appeal(), changes)
    mixed = random.sample(changes, len(changes))
    assert changed(appeal(), mixed) == done
    assert Appeal.model_validate_json(done.appeal.model_dump_json()) == done.appeal
    own = prepare(done.appeal)
    assert (own.mentions, own.warnings) == (done.appeal.mentions, done.appeal.warnings)
