"""Public ids of appeals, and territories by КАТО."""

import uuid

import pytest

from appealbus.core.domain.public_id import TAG, new_tag, parse, public_id
from appealbus.schemas.territory import covers, within

BIGGEST = bytes((3,)) + b"\xff" * (TAG - 1)


@pytest.mark.parametrize("appeal_id", [0, 1, 4711, 2**48 - 1])
@pytest.mark.parametrize("tag", [bytes(TAG), BIGGEST, new_tag()], ids=["zeros", "ones", "chance"])
def test_what_was_made_is_read_again(appeal_id, tag):
    """An id tells its appeal and its tag, and is a UUID of version 8 as RFC 9562 has it."""
    made = public_id(appeal_id, tag)
    assert parse(made) == (appeal_id, tag)
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (8, uuid.RFC_4122)


def test_no_two_tags_are_alike():
    """A tag has 74 bits of chance, and nothing above them."""
    tags = {new_tag() for _ in range(1000)}
    assert len(tags) == 1000
    assert {tag[0] >> 2 for tag in tags} == {0}
    assert {len(tag) for tag in tags} == {TAG}
    assert {tag[0] for tag in tags} == {0, 1, 2, 3}


@pytest.mark.parametrize("given", [(2**48, bytes(TAG)), (-1, bytes(TAG)), (1, b""), (1, b"\x04" + bytes(TAG - 1))])
def test_what_no_appeal_has_makes_no_id(given):
    """An id too large, a tag too short or too long in bits is an error."""
    with pytest.raises(ValueError, match="no appeal has"):
        public_id(*given)


GOOD = public_id(1, BIGGEST)


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "N-1", GOOD.upper(), f"{{{GOOD}}}", f"urn:uuid:{GOOD}", GOOD.replace("-", ""), f"{GOOD} ", None, 7),
        *(GOOD[:14] + "4" + GOOD[15:], GOOD[:19] + "7" + GOOD[20:], "\0" * 36, "т" * 36, GOOD * 1000),
    ],
)
def test_there_is_one_way_to_write_an_id(text):
    """Whatever is not written as the bus writes it is no id, and nothing else happens."""
    with pytest.raises(ValueError, match="no id of an appeal"):
        parse(text)


@pytest.mark.parametrize(
    ("territory", "place", "inside"),
    [
        ("710000000", "711210000", True),
        ("710000000", "720000000", False),
        ("100000000", "101010000", True),
        ("100000000", "110000000", False),  # an oblast whose own code ends in a zero
        ("751100000", "751110000", True),
        ("751110000", "751110100", True),
        ("751110000", "751120000", False),
        ("751110100", "751110100", True),
        ("751110100", "751110000", False),
    ],
)
def test_a_territory_has_all_below_it(territory, place, inside):
    """Zeros at the end of a level mean all that is below it, and zeros within one mean themselves."""
    assert covers(territory, place) is inside
    assert within([territory, "999999999"], place) is inside


def test_without_territories_every_place_is_within():
    """And an appeal of no known place is within none that is named."""
    assert within((), None)
    assert not within(("710000000",), None)
