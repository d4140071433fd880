"""Deliveries: state of receivers, the first delivery of each, skip and resend."""

from appealbus.plugins.console.views.deliveries import actions, pages
from appealbus.plugins.console.views.deliveries.queries import view

__all__ = ["actions", "pages", "view"]
