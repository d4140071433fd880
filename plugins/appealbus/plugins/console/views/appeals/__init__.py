"""Appeals: the list, whose URL is the view, lists with a name, and the search, which never stands in a URL."""

from appealbus.plugins.console.views.appeals import named, pages
from appealbus.plugins.console.views.appeals.queries import view

__all__ = ["named", "pages", "view"]
