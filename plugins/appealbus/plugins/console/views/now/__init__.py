"""Now: one picture of the flow from channels to receivers, what needs a person first; it goes on by itself."""

from appealbus.plugins.console.views.now import pages
from appealbus.plugins.console.views.now.pages import view

__all__ = ["pages", "view"]
