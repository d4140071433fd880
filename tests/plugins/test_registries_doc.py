"""docs/registries.md: nothing that a user meets is undocumented."""

from pathlib import Path

import pytest

from appealbus.plugins import address, egkn, gbdfl, gbdul
from appealbus.plugins.identity.messages import MESSAGES as IDENTITY
from appealbus.plugins.land_rights.messages import MESSAGES as LAND

PAGE = (Path(__file__).parents[2] / "docs" / "registries.md").read_text()


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
