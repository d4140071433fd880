"""Appeals: the list with its filters in the URL, named lists, and the search, which is never in a URL in clear."""

from appealbus.plugins.console.views.appeals import named, pages
from appealbus.plugins.console.views.appeals.queries import view

__all__ = ["named", "pages", "view"]
