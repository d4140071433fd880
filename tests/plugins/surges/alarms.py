"""An alarm to raise in tests."""

from datetime import date
from typing import Any

from appealbus.plugins.surges.alarm import Alarm
from appealbus.schemas.surge import SharedBy, SurgePart
from tests.plugins.surges.calm import MONDAY

PARCEL = SharedBy(kind="parcel", value="27036042077", appeals=9)


def part(category: str, place: str, observed: int = 60, expected: float = 30.5, probability: float = 1e-5) -> SurgePart:
    return SurgePart(category=category, place=place, observed=observed, expected=expected, probability=probability)


def alarm(category: str = "waste", place: str = "2736", monday: date = MONDAY, **given: Any) -> Alarm:
    """Make an alarm of 24 appeals where 5.4 were expected; what is given replaces the rest."""
    fields: dict[str, Any] = {
        "name": "Қоқыс",
        "observed": 24,
        "expected": 5.4,
        "bound": 9.5,
        "probability": 1e-7,
        "method": "ears_c2",
        "weeks": 59,
        "compared": ((MONDAY, 5),),
        "tested": 2000,
        "limit": 2e-5,
        "rate": 0.05,
    }
    return Alarm(monday=monday, category=category, place=place, **(fields | given))
