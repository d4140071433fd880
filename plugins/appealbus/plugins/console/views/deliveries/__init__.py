"""Deliveries: which receivers lag or refuse, what stands at the head of each, and giving up or sending again."""

from appealbus.plugins.console.views.deliveries import doing, seeing
from appealbus.plugins.console.views.deliveries.sight import view

__all__ = ["doing", "seeing", "view"]
