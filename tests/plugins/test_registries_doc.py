"""docs/registries.md: nothing that a user meets is undocumented."""

from pathlib import Path

import pytest

from appealbus.demo.setting import MODELS
from appealbus.plugins import address, egkn, gbdfl, gbdul
from appealbus.plugins.identity.messages import MESSAGES as IDENTITY
from appealbus.plugins.land_rights.messages import MESSAGES as LAND

ROOT = Path(__file__).parents[2]
PAGE, README = (ROOT / "docs" / "registries.md").read_text(), (ROOT / "README.md").read_text()


@pytest.mark.parametrize("code", [*IDENTITY, *LAND])
def test_signals(code: str) -> None:
    """Every signal is on the page."""
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("plugin", [gbdfl, gbdul, egkn, address])
def test_settings_and_lookups(plugin: object) -> None:
    """Every setting and every lookup of a register is on the page."""
    model = plugin.register_settings()  # type: ignore[attr-defined]
    names = [*model.model_fields, *(lookup.name for lookup in plugin.register_lookups(model()))]  # type: ignore[attr-defined]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_what_is_published_and_what_is_a_model_is_said_in_the_same_words() -> None:
    """On the first page, too, with each source that the demonstration marks as a model."""
    said, first = (page.partition("<!-- what-is -->")[2].partition("<!-- /what-is -->")[0] for page in (PAGE, README))
    assert said == first
    assert said.count("**a model of ours**") == len(MODELS)
    assert said.startswith("\n**Alpha.**")
