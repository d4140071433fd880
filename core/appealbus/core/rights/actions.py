"""Actions allowed to a client, by its role: one table for all interfaces."""

from enum import StrEnum

from appealbus.core.domain.client import Role


class Action(StrEnum):
    """Something that a client asks for."""

    SUBMIT = "submit"
    """Put an appeal in."""
    CHANGE = "change"
    """Put a change of an appeal in."""
    FIND = "find"
    """Find an appeal by its number or the id of its message."""
    SEARCH = "search"
    """Find appeals by an identifier of a person, an organisation or a parcel."""
    STATE = "state"
    """See how an appeal stands."""
    DOSSIER = "dossier"
    """Read a version of a dossier."""
    VERSIONS = "versions"
    """See which versions there are."""
    DIFFERENCE = "difference"
    """See in what two versions differ."""
    WHY = "why"
    """See what a dossier lacks, and why."""
    EXPLAIN = "explain"
    """See where a field comes from."""
    TERM = "term"
    """See until when an appeal has to be answered, and why."""
    SURGES = "surges"
    """See of what more is written than its past explains."""
    ALARM = "alarm"
    """Take an alarm on, and close it, in the console."""
    REPEATS = "repeats"
    """See which other appeals are about the same, and what is new beside them."""
    HISTORY = "history"
    """See what happened to an appeal."""
    FEED = "feed"
    """Follow new versions."""
    READERS = "readers"
    """See who has read the feed up to where."""
    REPORT = "report"
    """Read the figures of a period."""
    LOG = "log"
    """Read the log."""
    EXPORT = "export"
    """Take dossiers out in bulk."""
    OPERATE = "operate"
    """Have an appeal asked for again, held, released, read again or delivered again, in the console."""


_READ = frozenset({Action.FIND, Action.STATE, Action.DOSSIER, Action.VERSIONS, Action.WHY, Action.HISTORY})
_READ_ALL = _READ | {Action.DIFFERENCE, Action.EXPLAIN, Action.TERM, Action.REPEATS}

MAY: dict[Role, frozenset[Action]] = {
    Role.CHANNEL: frozenset({Action.SUBMIT, Action.CHANGE, Action.FIND, Action.STATE}),
    Role.REGISTRY: _READ_ALL
    | {Action.CHANGE, Action.SEARCH, Action.SURGES, Action.ALARM, Action.REPORT}
    | {Action.FEED, Action.READERS, Action.EXPORT},
    Role.REVIEWER: _READ_ALL | {Action.SEARCH, Action.SURGES, Action.ALARM, Action.REPORT},
    Role.INTEGRATOR: _READ_ALL,
    Role.OPS: frozenset({Action.FIND, Action.STATE, Action.VERSIONS, Action.WHY, Action.HISTORY})
    | {Action.FEED, Action.READERS, Action.OPERATE},
    Role.AUDITOR: frozenset({Action.FIND, Action.STATE, Action.HISTORY, Action.READERS, Action.LOG, Action.EXPORT})
    | {Action.REPORT},
}
"""Allowed actions by role; masks decide which content is visible."""
