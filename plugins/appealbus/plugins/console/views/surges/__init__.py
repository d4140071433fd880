"""Surges: what more is written of than its past explains, and the alarms with what people do about them."""

from appealbus.plugins.console.views.surges import alarm, doing
from appealbus.plugins.console.views.surges.week import view

__all__ = ["alarm", "doing", "view"]
