"""The journal's log."""

from appealbus.core.domain.event import by_person, moment_of
from appealbus.core.journal.events import Noted
from appealbus.core.journal.log import page

__all__ = ["Noted", "by_person", "moment_of", "page"]
