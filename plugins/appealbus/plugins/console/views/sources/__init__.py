"""Sources: how each stands, what waits for it, what it does to due dates to be away, and switching it off."""

from appealbus.plugins.console.views.sources import actions, impact, pages
from appealbus.plugins.console.views.sources.queries import view

__all__ = ["actions", "impact", "pages", "view"]
