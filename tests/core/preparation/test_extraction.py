"""What the bus adds to an appeal at intake."""

import pytest

from appealbus.core.preparation.extraction import MOST_MENTIONS, check, prepare
from appealbus.schemas.appeal import Appeal, Mention, Mentions, Span, Warning

IIN, BIN, PARCEL = "750301100019", "210740000018", "08-118-005-1234"


def appeal(**fields):
    return Appeal.model_validate(
        {"message_id": "m1", "kind": "application", "applicant": {"type": "person"}, "text": "", **fields}
    )


def test_mentions_are_normal_and_marked_with_their_place():
    """Each identifier comes once, in its normal form, where it stood first."""
    text = f"ЖСН {IIN}, жер 08:118:005:1234, БСН {BIN}. Қайталаймын: {PARCEL}."
    mentions = prepare(appeal(text=text)).mentions
    assert [mention.value for mention in mentions.iins] == [IIN]
    assert [mention.value for mention in mentions.bins] == [BIN]
    assert [mention.value for mention in mentions.cadastral_numbers] == [PARCEL]
    span = mentions.cadastral_numbers[0].span
    assert text[span.start : span.end] == "08:118:005:1234"


@pytest.mark.parametrize(
    "fields",
    [
        {"applicant": {"type": "person", "iin": "7503 0110 0019"}},
        {"applicant": {"type": "organisation", "leader_iin": IIN}},
        {"representative": {"iin": IIN}},
    ],
)
def test_what_a_field_gives_is_no_mention(fields):
    """A value that the form gives already is not offered again, however it is written there."""
    assert prepare(appeal(text=f"Мой ИИН {IIN}", **fields)).mentions == Mentions()


def test_parcels_and_organisations_of_fields_are_no_mentions():
    """The same holds for parcels, for the applicant's БИН and for the addressee's."""
    given = appeal(
        text=f"{PARCEL}, {BIN}, 210741000013",
        applicant={"type": "organisation", "bin": BIN},
        addressee={"name": "Әкімдік", "bin": "210741000013"},
        parcels=[{"cadastral_number": "081180051234"}],
    )
    assert prepare(given).mentions == Mentions()


def test_malformed_field_does_not_hide_the_text():
    """A wrong ИИН in the form leaves the right one in the text as a mention."""
    given = appeal(text=f"ИИН {IIN}", applicant={"type": "person", "iin": "750301100018"})
    assert [mention.value for mention in prepare(given).mentions.iins] == [IIN]


def test_mentions_are_bounded_and_the_bound_is_told():
    """A text with too many numbers gives the first ones and a warning."""
    numbers = [f"08-118-005-{number}" for number in range(100, 101 + MOST_MENTIONS)]
    prepared = prepare(appeal(text=" ".join(numbers)))
    assert [mention.value for mention in prepared.mentions.cadastral_numbers] == numbers[:MOST_MENTIONS]
    assert [warning.code for warning in prepared.warnings] == ["mentions.too_many"]
    assert prepare(appeal(text=" ".join(numbers[:-1]))).warnings == []


def test_every_identifier_field_is_checked():
    """Each malformed identifier is a warning that names its field and code, and no value."""
    warnings = check(
        appeal(
            applicant={"type": "person", "iin": "750301100018"},
            representative={"iin": "751301100011"},
            addressee={"name": "Әкімдік", "bin": "210730000018", "kato": "27"},
            place={"kato": "27101000А", "rka": "1"},
            parcels=[{"cadastral_number": PARCEL}, {"cadastral_number": "уч. 5"}],
        )
    )
    assert {warning.field: warning.code for warning in warnings} == {
        "applicant.iin": "iin.control_digit",
        "representative.iin": "iin.date",
        "addressee.bin": "bin.type",
        "addressee.kato": "kato.length",
        "place.kato": "kato.characters",
        "place.rka": "rka.length",
        "parcels[1].cadastral_number": "cadastral_number.characters",
    }
    assert "750301100018" not in repr(warnings)


def test_organisations_are_checked_too():
    """An organisation's БИН and its leader's ИИН are checked; empty fields are only absent."""
    given = appeal(applicant={"type": "organisation", "bin": IIN, "leader_iin": BIN}, representative={"iin": " "})
    assert {warning.field: warning.code for warning in check(given)} == {
        "applicant.bin": "bin.type",
        "applicant.leader_iin": "iin.date",
    }


def test_prepare_replaces_what_the_sender_put_there_and_nothing_else():
    """Mentions and warnings are the bus's own; the fields stay as the citizen wrote them."""
    sent = appeal(
        text=f"ИИН {IIN}",
        parcels=[{"cadastral_number": "08:118:005:1234"}],
        mentions={"bins": [{"value": BIN, "span": {"start": 0, "end": 5}}]},
        warnings=[{"field": "text", "code": "x", "message": "y"}],
    )
    prepared = prepare(sent)
    assert prepared.mentions == Mentions(iins=[Mention(value=IIN, span=Span(start=4, end=16))])
    assert prepared.warnings == []
    assert prepared.parcels == sent.parcels
    assert prepare(prepared) == prepared
    assert all(isinstance(warning, Warning) for warning in sent.warnings)


def test_a_text_with_too_many_numbers_to_look_at_says_so():
    """What was not looked at may have identifiers: the warning keeps anybody from taking it for all there are."""
    prepared = prepare(appeal(text=f"ИИН {IIN} {'12 345 678 901 слово ' * 3000} БИН {BIN}"))
    assert [mention.value for mention in prepared.mentions.iins] == [IIN]
    assert prepared.mentions.bins == []
    told = {(warning.field, warning.code) for warning in prepared.warnings}
    assert told == {(f"mentions.{kind}", "mentions.too_many") for kind in ("iins", "bins", "cadastral_numbers")}
