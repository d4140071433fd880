"""The client's types are those of the API's schemas."""

from pathlib import Path

from appealbus.client import models
from appealbus.plugins.api.client_models import source


def test_the_types_are_up_to_date() -> None:
    """The client's types are what the API's document has; CONTRIBUTING says how they are made anew."""
    assert Path(models.__file__).read_text(encoding="utf-8") == source()
