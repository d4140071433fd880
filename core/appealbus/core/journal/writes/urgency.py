"""How urgent an appeal is."""

from datetime import date

from appealbus.schemas.appeal import Appeal

_NO_DEADLINE = date.max.toordinal()


def urgency_of(content: Appeal) -> int:
    """Return the statutory deadline as a number of days: the smaller, the more urgent."""
    return content.due_on.toordinal() if content.due_on else _NO_DEADLINE
