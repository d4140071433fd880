"""The feed of versions, and who reads it."""

from appealbus.core.domain.event import FeedEntry, FeedPage
from appealbus.core.journal.errors import CursorAhead
from appealbus.core.journal.feed import at, page, readers

__all__ = ["CursorAhead", "FeedEntry", "FeedPage", "at", "page", "readers"]
