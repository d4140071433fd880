"""What the appeals behind a surge have in common."""

from typing import Any

from appealbus.plugins.surges.behind import shared
from appealbus.schemas import Appeal
from appealbus.schemas.surge import SharedBy


def appeal(serial: int, **given: Any) -> Appeal:
    return Appeal.model_validate({"message_id": f"m{serial}", **given})


def test_parcels_organisations_and_streets_are_told_the_most_frequent_first() -> None:
    """What three appeals name is told, however it is written; what two name is not."""
    appeals = [
        appeal(
            at,
            parcels=[{"cadastral_number": "27:036:042:077" if at % 2 else "27036042077"}],
            place={"address": f"г. Орал, ул.  Дина Нұрпейісова, дом {at}, кв. 5"},
            mentions={"bins": [{"value": "210740000018", "span": {"start": 0, "end": 12}}]} if at < 3 else {},
        )
        for at in range(4)
    ] + [appeal(9, place={"address": "г. Орал, микрорайон Жаңа Орда"})]
    assert shared(appeals) == (
        SharedBy(kind="address", value="г. орал", appeals=5),
        SharedBy(kind="address", value="ул. дина нұрпейісова", appeals=4),
        SharedBy(kind="parcel", value="27036042077", appeals=4),
        SharedBy(kind="organisation", value="210740000018", appeals=3),
    )


def test_where_applicants_live_is_not_told() -> None:
    """Addresses and numbers of applicants are no part of an alarm, even where many are the same."""
    written = {"type": "person", "address": "ул. Абая, 7", "iin": "750301100019"}
    assert shared([appeal(at, applicant=written) for at in range(9)]) == ()
    body = {"type": "organisation", "bin": "210740000018"}
    assert shared([appeal(at, applicant=body) for at in range(9)]) == ()


def test_an_appeal_that_names_one_parcel_twice_counts_once() -> None:
    """Two appeals that name a parcel twice are two appeals."""
    twice = [{"cadastral_number": "27036042077"}] * 2
    assert shared([appeal(at, parcels=twice) for at in range(2)]) == ()
