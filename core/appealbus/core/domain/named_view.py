"""Named list filters, shared by all users."""

from dataclasses import dataclass
from datetime import datetime

MOST_VIEWS = 200
LONGEST_NAME = 60
LONGEST_QUERY = 500


@dataclass(frozen=True, slots=True)
class NamedView:
    """A named list; the filters are stored as in its URL."""

    name: str
    query: str
    by: str
    at: datetime
