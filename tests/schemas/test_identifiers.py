"""Identifiers: vectors that others computed, and properties that hold for every number."""

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from appealbus.schemas.identifiers import (
    Bin,
    CadastralNumber,
    IdentifierError,
    Iin,
    Kato,
    Rka,
    control_digit,
    parse_bin,
    parse_cadastral_number,
    parse_iin,
    parse_kato,
    parse_rka,
)

WEIGHTS = range(1, 12)
PARSERS = [parse_iin, parse_bin, parse_cadastral_number, parse_kato, parse_rka]
digits = st.text("0123456789", min_size=1, max_size=20)
separators = st.sampled_from(["", " ", "-", "\u00a0", "–", "\u200b", "  "])


@st.composite
def iins(draw):
    born = draw(st.dates(date(1800, 1, 1), date(2099, 12, 31)))
    century = str((born.year - 1800) // 100 * 2 + draw(st.integers(1, 2)))
    first = f"{born:%y%m%d}{century}{draw(st.integers(0, 9999)):04}"
    assume(control_digit(first) is not None)
    return first + str(control_digit(first))


@st.composite
def bins(draw):
    month, kind, rest = draw(st.integers(1, 12)), draw(st.sampled_from("456")), draw(st.integers(0, 999999))
    first = f"{draw(st.integers(0, 99)):02}{month:02}{kind}{rest:06}"
    assume(control_digit(first) is not None)
    return first + str(control_digit(first))


def code_of(parse, value):
    with pytest.raises(IdentifierError) as caught:
        parse(value)
    assert caught.value.message == str(caught.value)
    assert len(value) < 3 or value not in caught.value.message
    return caught.value.code


def normal_or_code(parse, value):
    try:
        return parse(value)
    except IdentifierError as error:
        return error.code


@pytest.mark.parametrize(
    "value",
    [
        "750301100019",
        "750301100029",
        "821224202626",
        "750301101807",
        "750301101819",
        "821224200634",
    ],
)
def test_iin_vectors(value):
    """Numbers that need one pass of the control digit and numbers that need two are taken."""
    assert parse_iin(value) == value


@pytest.mark.parametrize("stem", ["75030110187", "75030110268", "60063020212"])
def test_number_that_is_never_issued(stem):
    """Where both passes give ten, no last digit makes the number valid."""
    assert control_digit(stem) is None
    assert {code_of(parse_iin, stem + last) for last in "0123456789"} == {"iin.control_digit"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("750301100018", "iin.control_digit"),
        ("751301100011", "iin.date"),
        ("123123123123", "iin.date"),
        ("750229100010", "iin.date"),
        ("750301700019", "iin.century"),
        ("75030110001", "iin.length"),
        ("7503011000199", "iin.length"),
        ("", "iin.length"),
        ("75030110001O", "iin.characters"),
        ("750301/100019", "iin.characters"),
        ("７５０３０１１０００１９", "iin.characters"),
        ("٧٥٠٣٠١١٠٠٠١٩", "iin.characters"),
    ],
)
def test_malformed_iin(value, code):
    """Each way to be malformed has a code of its own, and the text never repeats the number."""
    assert code_of(parse_iin, value) == code


def test_foreigners_iin_leaves_the_century_open():
    """Century digit 0 tells no century, so 29 February of any leap year will do."""
    first = "00022900001"
    value = first + str(control_digit(first))
    assert parse_iin(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("940340000421", "141040004756", "950240000112", "210140026476"),
        *("210740000018", "210741000013", "210742000019", "210750000012", "210760000017"),
    ],
)
def test_bin_vectors(value):
    """БИН of public organisations and synthetic ones of every type are taken; none of them is an ИИН."""
    assert parse_bin(value) == value
    with pytest.raises(IdentifierError):
        parse_iin(value)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("210740000019", "bin.control_digit"),
        ("211340000018", "bin.date"),
        ("210730000018", "bin.type"),
        ("750301100019", "bin.type"),
        ("2107400000", "bin.length"),
        ("21074000001х", "bin.characters"),
    ],
)
def test_malformed_bin(value, code):
    """Each way to be malformed has a code of its own."""
    assert code_of(parse_bin, value) == code


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("20-321-031-087", "20-321-031-087"),
        ("02:036:151:1053", "02-036-151-1053"),
        ("12-203-201-014", "12-203-201-014"),
        ("010170041505", "01-017-004-1505"),
        (" 08 118\u00a0005–1234 ", "08-118-005-1234"),
        ("08-118-005-12345", "08-118-005-12345"),
    ],
)
def test_cadastral_vectors(value, normal):
    """Every way to write a cadastral number comes out in one form."""
    assert parse_cadastral_number(value) == normal


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("08-118-005-12", "cadastral_number.length"),
        ("08-118-005-123456", "cadastral_number.length"),
        ("08-118-005-1234:1/2", "cadastral_number.characters"),
        ("уч. 5", "cadastral_number.characters"),
    ],
)
def test_malformed_cadastral_number(value, code):
    """The number of a flat, and numbers too short or too long, are refused."""
    assert code_of(parse_cadastral_number, value) == code


def test_kato():
    """A КАТО code is nine digits."""
    assert parse_kato("27 10 10 000") == "271010000"
    assert code_of(parse_kato, "35") == "kato.length"
    assert code_of(parse_kato, "27-Урал") == "kato.characters"


def test_rka_is_opaque():
    """A РКА is sixteen digits, whatever they are."""
    assert parse_rka("2201900167046043") == "2201900167046043"
    assert code_of(parse_rka, "220190016704604") == "rka.length"
    assert code_of(parse_rka, "22019001670460АБ") == "rka.characters"


@given(iins())
def test_every_well_made_iin_is_taken(value):
    """Whatever the date, the century and the running number, a right control digit makes a valid ИИН."""
    assert parse_iin(value) == value


@given(bins())
def test_no_bin_is_an_iin(value):
    """The fifth digit tells them apart, so a number is never both."""
    assert parse_bin(value) == value
    with pytest.raises(IdentifierError):
        parse_iin(value)


@given(iins(), st.integers(0, 9), st.sampled_from("0123456789"))
def test_one_wrong_digit_is_caught(value, place, digit):
    """A wrong digit among the first ten always shows where one pass is enough for both numbers.

    Not so the eleventh: its weight is 11, so 750301100019 and 750301100029 are both valid.
    """
    assume(value[place] != digit)
    changed = value[:place] + digit + value[place + 1 :]
    sums = [sum(int(d) * w for d, w in zip(each, WEIGHTS, strict=False)) % 11 for each in (value, changed)]
    assume(10 not in sums)
    with pytest.raises(IdentifierError):
        parse_iin(changed)


@given(iins(), st.integers(1, 9))
def test_a_wrong_control_digit_is_caught(value, step):
    """No number has two control digits."""
    wrong = value[:-1] + str((int(value[-1]) + step) % 10)
    assert code_of(parse_iin, wrong) == "iin.control_digit"


@given(st.sampled_from(PARSERS), digits, separators)
def test_normal_form_is_stable(parse, value, separator):
    """Separators change nothing, neither a normal form nor what is wrong, and a normal form parses to itself."""
    normal = normal_or_code(parse, value)
    assert normal_or_code(parse, separator.join(value)) == normal
    assert "." in normal or parse(normal) == normal


@given(st.sampled_from(PARSERS), st.text(max_size=30))
def test_any_text_ends_in_a_value_or_a_code(parse, value):
    """Nothing that a person can type raises anything but IdentifierError."""
    assert normal_or_code(parse, value)


def test_types_for_models_normalise():
    """A model with these types gets the normal form, and its error carries our code."""

    class Query(BaseModel):
        iin: Iin
        bin: Bin
        number: CadastralNumber
        kato: Kato
        rka: Rka

    given_values = {"iin": "750301 100019", "bin": "210740-000018", "number": "02:036:151:1053", "kato": "271010000"}
    query = Query(**given_values, rka="2201900167046043")
    assert (query.iin, query.bin, query.number) == ("750301100019", "210740000018", "02-036-151-1053")
    with pytest.raises(ValidationError) as caught:
        Query(**given_values, rka="1")
    assert caught.value.errors()[0]["ctx"]["error"].code == "rka.length"
