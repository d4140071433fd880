"""Now: live picture of the flow from channels to receivers; findings that need a person come first."""

from appealbus.plugins.console.views.now import pages
from appealbus.plugins.console.views.now.pages import view

__all__ = ["pages", "view"]
