"""Appeals: the list, whose URL is the view, lists with a name, and the search, which never stands in a URL."""

from appealbus.plugins.console.views.appeals import named, seeing
from appealbus.plugins.console.views.appeals.sight import view

__all__ = ["named", "seeing", "view"]
