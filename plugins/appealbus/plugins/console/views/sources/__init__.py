"""Sources: state, waiting queries, effect of an outage on due dates, pause and resume."""

from appealbus.plugins.console.views.sources import actions, impact, pages
from appealbus.plugins.console.views.sources.queries import view

__all__ = ["actions", "impact", "pages", "view"]
