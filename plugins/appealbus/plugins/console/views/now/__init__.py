"""Now: one picture of the flow from channels to receivers, what needs a person first; it goes on by itself."""

from appealbus.plugins.console.views.now import seeing
from appealbus.plugins.console.views.now.seeing import view

__all__ = ["seeing", "view"]
