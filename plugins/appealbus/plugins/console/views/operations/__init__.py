"""Operations on many appeals or deliveries: looked at first, confirmed by their hash, then told row by row."""

from appealbus.plugins.console.views.operations import actions, pages, previewing
from appealbus.plugins.console.views.operations.queries import view

__all__ = ["actions", "pages", "previewing", "view"]
