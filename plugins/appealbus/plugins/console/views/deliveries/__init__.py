"""Deliveries: which receivers lag or refuse, what stands at the head of each, and giving up or sending again."""

from appealbus.plugins.console.views.deliveries import actions, pages
from appealbus.plugins.console.views.deliveries.queries import view

__all__ = ["actions", "pages", "view"]
