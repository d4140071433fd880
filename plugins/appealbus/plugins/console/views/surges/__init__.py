"""Surges: what more is written of than its past explains, and the alarms with what people do about them."""

from appealbus.plugins.console.views.surges import actions, alarm
from appealbus.plugins.console.views.surges.week import view

__all__ = ["actions", "alarm", "view"]
