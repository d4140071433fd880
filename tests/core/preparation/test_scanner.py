"""Identifiers in texts as citizens write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appealbus.core.preparation.scanner import Scanner

IIN, OTHER_IIN, BIN = "750301100019", "821224202626", "210740000018"
PARCEL = "08-118-005-1234"


def values(text):
    return [found.value for found in Scanner(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Мой ИИН: {IIN}, прошу принять меры.", [IIN]),
        (f"ЖСН{IIN}-мен тіркелген", [IIN]),
        (f"мне {IIN}.", [IIN]),
        ("ИИН 750301-100019", [IIN]),
        ("ИИН 7503 0110 0019", [IIN]),
        ("менің нөмірім 750301\u00a0100019 болады", [IIN]),
        ("ЖСН 750 301 100 019", [IIN]),
        (f"ИИН/БИН {IIN}/{BIN}", [IIN, BIN]),
        (f"БСН №{BIN} серіктестігі", [BIN]),
        (f"({IIN};{OTHER_IIN})", [IIN, OTHER_IIN]),
    ],
)
def test_people_and_organisations(text, expected):
    """ИИН and БИН are found in any common way of writing, in Russian and in Kazakh."""
    assert values(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"участок {PARCEL}, ул. Абая",
        "на участке 08:118:005:1234.",
        "08–118–005–1234-ке қатысты",
        "(08-118-005-\n1234)",
        "№08-118-005-1234",
        "кадастровый номер 081180051234",
        "кадастрлық нөмірі 08 118 005 1234 жер учаскесі",
        "081180051234 кадастрлық нөмірлі жер",
        "жер телімі 081180051234",
        "кадастровый № 08-118-0051234",
        "кадастр\u00a0нөмірі:\u00a008\u00a0118\u00a0005\u00a01234",
    ],
)
def test_parcels(text):
    """A cadastral number is found with separators anywhere, without them next to a word that says what it is."""
    assert values(text) == [PARCEL]


def test_lists_of_parcels():
    """One word serves a whole list, however long."""
    numbers = [f"0811800512{number:02}" for number in range(30)]
    assert len(values("кадастровые номера " + ", ".join(numbers))) == 30
    assert len(values("учаскелер " + " және ".join(numbers))) == 30


@pytest.mark.parametrize(
    "text",
    [
        "+7 701 123 45 67, 87011234567, 8-701-123-45-67, +77011234567",
        "участок продан, звоните 87011234567",
        "карта 4400 4301 1234 5678",
        "участок за 12 345 678 900 тенге",
        "кадастровая стоимость 12345678900",
        "кадастровая оценка 12 345 678 900 ₸",
        "16.02.2026, 2026-02-16 10:15:30, 16-02-2026",
        "номер 081180051234",
        "08-118-005-1234:1/2, 08-118-005-1234/5 пәтер",
        f"KZ75{IIN}, KZ75125K{IIN}",
        f"1{IIN} {IIN}1 +{IIN}",
        "ИИН 750301100018",
        "750301 100019 821224 202626",
        "2201900167046043",
        "исх. № 1-08-118-005-1234",
        "участок ٠٨-١١٨-٠٠٥-١٢٣٤",
    ],
)
def test_what_only_looks_like_one(text):
    """Telephones, cards, money, dates, accounts, flats and numbers that fail their check are left alone."""
    assert values(text) == []


def test_a_valid_iin_near_land_is_a_person():
    """The word "участок" alone does not make a parcel of a person; "кадастровый номер" does."""
    assert [found.kind for found in Scanner(f"участок мой, {IIN}")] == ["iins"]
    doubtful = "080112100000"
    assert [found.kind for found in Scanner(f"мой участок {doubtful}")] == ["iins"]
    assert [found.kind for found in Scanner(f"кадастровый номер участка {doubtful}")] == ["cadastral_numbers"]


def test_position_is_that_of_the_number_as_written():
    """The span cuts the number out of the text as the citizen wrote it."""
    text = "Құрметті әкім! 😀 ИИН 7503 0110 0019 және 08:118:005:1234."
    assert [text[found.start : found.end] for found in Scanner(text)] == ["7503 0110 0019", "08:118:005:1234"]


@given(st.text(st.sampled_from("0123456789 -:/.,+и№абИНқ\n\u00a0"), max_size=200))
def test_any_text_is_read(text):
    """Whatever the text, finds are valid, in order, inside it, and do not overlap."""
    last = 0
    for found in Scanner(text):
        assert last <= found.start < found.end <= len(text)
        assert "".join(filter(str.isdigit, text[found.start : found.end])) == found.value.replace("-", "")
        last = found.end


@given(st.text(st.characters(categories=["L", "P", "Zs"]), max_size=50), st.sampled_from(["", " ", ". ", "\n"]))
def test_a_parcel_is_found_in_any_surroundings(text, gap):
    """Letters and blanks around a number with dashes never hide it."""
    around = text.replace("+", "").rstrip("-:/‐‑‒–—―−")
    assert PARCEL in values(f"{around}{gap}{PARCEL}{gap}слово")


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "1",
        "08-118-005-",
        "08 118 005 ",
        "ИИН 1 ",
        "кадастр",
        "кадастр 1-",
        "участок 1 1 1 ",
        "участокиин1",
        " ",
        "-",
    ],
)
def test_hostile_texts_cost_no_more_than_others(piece):
    """The time grows with the length of the text and not faster, whatever is in it."""
    text = (piece * 200_000)[:200_000]

    def seconds(length):
        started = time.thread_time()  # on a processor: whoever else works here does not count
        for _ in Scanner(text[:length]):
            pass
        return time.thread_time() - started

    assert min(seconds(200_000) for _ in range(2)) < 0.05 + 12 * min(seconds(50_000) for _ in range(3))


@pytest.mark.parametrize("text", ["кадастровый 4-1234567-8901", "кадастровый 1-2-3-45678901", "участок 9-1234567890"])
def test_the_first_group_may_have_one_digit(text: str) -> None:
    """A number that is grouped like none, next to the word, is read by its digits; nothing breaks over it."""
    assert [each.kind for each in Scanner(text)] in ([], ["cadastral_numbers"])
