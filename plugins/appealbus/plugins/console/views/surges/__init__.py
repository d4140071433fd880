"""Surges: questions with more appeals than their history explains, and the alarms about them."""

from appealbus.plugins.console.views.surges import actions, alarm
from appealbus.plugins.console.views.surges.week import view

__all__ = ["actions", "alarm", "view"]
