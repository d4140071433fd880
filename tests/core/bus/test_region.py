"""The region of an appeal: the addressee's oblast, else the place's, else that in which all parcels can lie."""

from typing import Any

import pytest

from appealbus.core.bus.delivery.receiver import region_of
from appealbus.core.preparation.extraction import prepare
from tests.core.kit import appeal

BODY = {"name": "Аким"}


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ({}, "00"),
        ({"addressee": BODY}, "00"),
        ({"addressee": {**BODY, "kato": "271010000"}, "place": {"kato": "751110000"}}, "27"),
        ({"addressee": {**BODY, "kato": "27 10 10 000"}}, "27"),
        ({"addressee": {**BODY, "kato": "27"}, "place": {"kato": "751110000"}}, "75"),
        ({"addressee": {**BODY, "kato": "991010000"}}, "00"),
        ({"place": {"rka": "1"}, "parcels": [{"cadastral_number": "08-130-012-345"}]}, "27"),
        ({"parcels": [{"cadastral_number": "what"}, {"cadastral_number": "08:130:012:345"}]}, "27"),
        ({"parcels": [{"cadastral_number": "08-130-012-345"}, {"cadastral_number": "20-313-012-345"}]}, "00"),
        ({"parcels": [{"cadastral_number": "03-045-012-345"}]}, "00"),
        ({"parcels": [{"cadastral_number": "19-309-012-345"}, {"cadastral_number": "22-327-012-345"}]}, "79"),
        ({"parcels": [{"cadastral_number": "99-045-012-345"}]}, "00"),
        ({"text": "участок 08-130-012-345 занят"}, "27"),
    ],
)
def test_the_region(given: dict[str, Any], region: str) -> None:
    """What does not tell, or tells two, is no region: a dossier must not go to a stranger."""
    assert region_of(prepare(appeal(**given))) == region
