"""Operations on many appeals or deliveries: looked at first, confirmed by their hash, then told row by row."""

from appealbus.plugins.console.views.operations import doing, previewing, seeing
from appealbus.plugins.console.views.operations.sight import view

__all__ = ["doing", "previewing", "seeing", "view"]
