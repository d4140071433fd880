"""Sources: how each stands, what waits for it, what it does to due dates to be away, and switching it off."""

from appealbus.plugins.console.views.sources import doing, impact, seeing
from appealbus.plugins.console.views.sources.sight import view

__all__ = ["doing", "impact", "seeing", "view"]
