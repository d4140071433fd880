"""The oblasts of the cadastre and of КАТО."""

from appealbus.schemas.territory import KATO_OBLASTS, cadastral_oblast, kato_oblasts, parcel_in_oblast_of


def test_cadastral_codes_are_not_kato():
    """The cadastre's 08 is КАТО's 27, and the other way round nothing fits."""
    assert cadastral_oblast("08-118-005-1234") == "08"
    assert kato_oblasts("08-118-005-1234") == ("27",)
    assert parcel_in_oblast_of("08-118-005-1234", "271010000") is True
    assert parcel_in_oblast_of("08-118-005-1234", "351010000") is False


def test_divided_oblasts_stand_for_all_their_parts():
    """A number given before an oblast was divided may lie in any part of it."""
    assert parcel_in_oblast_of("05-085-001-001", "101010000") is True
    assert parcel_in_oblast_of("05-085-001-001", "631010000") is True
    assert parcel_in_oblast_of("03-001-001-001", "331010000") is True


def test_unknown_code_says_nothing():
    """A code that we do not know is no reason to call a parcel foreign."""
    assert parcel_in_oblast_of("99-001-001-001", "271010000") is None


def test_every_kato_oblast_has_a_cadastral_one():
    """No oblast is beyond the reach of the table."""
    reached = {kato for code in range(100) for kato in kato_oblasts(f"{code:02}-001-001-001")}
    assert reached == set(KATO_OBLASTS)
