"""How urgent an appeal is."""

from datetime import date

_NO_DEADLINE = date.max.toordinal()


def urgency_of(due_on: date | None) -> int:
    """Return the day on which an answer is due as a number of days: the smaller, the more urgent."""
    return _NO_DEADLINE if due_on is None else due_on.toordinal()
