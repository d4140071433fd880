"""Named list filters, shared by all users."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class NamedView:
    """A named list; the filters are stored as in its URL."""

    MOST: ClassVar = 200
    LONGEST_NAME: ClassVar = 60
    LONGEST_QUERY: ClassVar = 500

    name: str
    query: str
    by: str
    at: datetime
