"""Operations on many appeals or deliveries: preview, confirmation by its hash, and results by row."""

from appealbus.plugins.console.views.operations import actions, pages, previewing
from appealbus.plugins.console.views.operations.queries import view

__all__ = ["actions", "pages", "previewing", "view"]
