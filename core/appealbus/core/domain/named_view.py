"""A list that somebody keeps under a name, for all."""

from dataclasses import dataclass
from datetime import datetime

MOST_VIEWS = 200
LONGEST_NAME = 60
LONGEST_QUERY = 500


@dataclass(frozen=True, slots=True)
class NamedView:
    """A view: the filters of a list, as they stand in its URL."""

    name: str
    query: str
    by: str
    at: datetime
