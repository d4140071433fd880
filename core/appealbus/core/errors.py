"""The root of all errors of the bus, and errors shared by several parts.

Errors of one part are defined there and derive from the root, too. Those of `appealbus.schemas` are ValueErrors, as
that package does not depend on the bus.
"""

from appealbus.core.escaping import one_line

UNREACHABLE = "unreachable"
CONFLICT = "conflict"
UNEXPECTED = "database"
"""Code of any other error: mostly a defect of ours."""
_PASSING = frozenset(
    {UNREACHABLE, CONFLICT, "unknown", "slow", "busy", "locked", "disk_full", "io", "closed", "forbidden", "read_only"}
) | {"superseded", "behind", "untold"}


class AppealBusError(Exception):
    """What went wrong in the bus or in one of its parts. The text is for people and holds no personal data."""


class ConfigError(AppealBusError):
    """The configuration, or a contract that it names, is wrong. The text says where and what to do, in a line each."""

    def __init__(self, *told: str) -> None:
        # A tab is for whoever copies the line into a table.
        super().__init__("\n".join("\t".join(map(one_line, line.split("\t"))) for line in told))


class JournalError(AppealBusError):
    """The journal could not do what was asked; nothing of that one request is on disk, OutcomeUnknown excepted.

    Attributes:
        code: a stable word: `disk_full`, `io`, `corrupt`, `busy`, `constraint`, `closed`, `unknown_appeal`,
            `unreachable` (the database is away), `conflict` (others write the same), `superseded` (it is migrated),
            `behind` (it is another one, or an older copy), `untold` (nobody would know of it outside) …
    """

    def __init__(self, text: str, code: str = "journal") -> None:
        super().__init__(text)
        self.code = code

    @property
    def passes(self) -> bool:
        """Whether it is about the journal as a whole, for now, and not about what was asked of it."""
        return self.code in _PASSING


CORRECT = "what corrects it is sent as a change of the kind `corrected`, under an id of its own"
"""Advice for a sender of different content under a known id."""


class MessageDiffers(JournalError):
    """The message has the id of an earlier one, of the appeal `number`, but different content."""

    def __init__(self, number: str) -> None:
        of, way = f"appeal {number}" if number else "a change that waits", "send it under a new id"
        if number:
            way = f"{CORRECT}, and `number` {number}; another letter under a new id"
        super().__init__(f"its message id belongs to {of}, which says something else; {way}", "message.differs")
        self.number = number
