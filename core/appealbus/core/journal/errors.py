"""What can go wrong with the journal, for those who write to it."""

from appealbus.core.domain.event import Cursor
from appealbus.core.errors import ConfigError, JournalError


class NoJournalYet(ConfigError):
    """There is nothing to read until `appealbus run` or `appealbus intake` has made or upgraded the journal."""


class OlderJournal(NoJournalYet):
    """An earlier release made it, and perhaps works it: this one reads it once it is migrated."""


class OutcomeUnknown(JournalError):
    """The database went away while it was told to commit: what was asked is on disk whole, or not at all.

    All that the bus writes may be written again: it then finds what is there already.
    """

    def __init__(self) -> None:
        super().__init__("the database went away in the middle of a commit; try again", "unknown")


class VersionConflict(JournalError):
    """The dossier's version does not follow the newest one: somebody else worked on the appeal meanwhile."""

    def __init__(self, newest: int, given: int) -> None:
        super().__init__(f"version {given} does not follow version {newest}", "version_conflict")


class LeaseLost(JournalError):
    """The appeal is not this worker's any more: another one has taken it over, or it has been concluded."""

    def __init__(self) -> None:
        super().__init__("the appeal is another worker's by now", "lease_lost")


class Superseded(JournalError):
    """A newer release migrates this journal, or has done so: whoever works it with this one ends."""

    def __init__(self, *, done: bool) -> None:
        self.reason = "migrated" if done else "migrating"
        if done:
            text = "a newer release of appealbus has migrated this journal; upgrade appealbus to open it"
        else:
            text = "the journal is being migrated: nobody works it until that is done"
        super().__init__(text, "superseded")
        self.done = done


class Behind(JournalError):
    """The journal is not the one that is known here, or an older copy of it: nothing is written there."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "behind")


class Outlived(Superseded):
    """The journal has another key or epoch than this process has opened: it starts again, and goes on with these."""

    def __init__(self, text: str = "the journal's key was renewed, or it was restored, beside this process") -> None:
        JournalError.__init__(self, f"{text}; start again, to go on with what it has now", "superseded")
        self.done, self.reason = True, "renewed"


class ClockInDoubt(JournalError):
    """Nobody knows how old anything is."""

    def __init__(self) -> None:
        super().__init__(
            "the clock is in doubt, and nobody knows what is old; see `appealbus status`, `appealbus clock accept`",
            "clock_in_doubt",
        )


class AlreadyRunning(JournalError):
    """Another process works this journal already."""

    def __init__(self, pid: str) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{holder} runs the bus on this journal already; stop it first", "already_running")


class CursorRefused(JournalError):
    """Nobody can go on from a cursor without missing anything.

    Attributes:
        restart: from where to start again. What was read behind it may come once more, and may have become otherwise.

    """

    def __init__(self, text: str, code: str, restart: Cursor) -> None:
        super().__init__(f"{text}; start again from {restart}", code)
        self.restart = restart


class UnknownEpoch(CursorRefused):
    """The cursor is of an epoch that this journal has not had: of a copy that was given up, or of another journal."""

    def __init__(self, restart: Cursor) -> None:
        super().__init__("the cursor is of an epoch that this journal has not had", "cursor.unknown_epoch", restart)


class CursorUndone(CursorRefused):
    """The journal was restored from a copy that did not reach as far as the cursor: what followed never happened."""

    def __init__(self, restart: Cursor) -> None:
        super().__init__("the journal was restored from before the cursor", "cursor.undone", restart)


class CursorPruned(CursorRefused):
    """Entries that follow the cursor are deleted."""

    def __init__(self, restart: Cursor) -> None:
        super().__init__("what follows the cursor is deleted", "cursor.pruned", restart)


class CursorAhead(CursorRefused):
    """The cursor is beyond the end of the log: nobody was ever given it."""

    def __init__(self, restart: Cursor) -> None:
        super().__init__("the log does not reach as far as the cursor", "cursor.ahead", restart)


class ReadOnly(JournalError):
    """A write to a journal that was opened for reading only."""

    def __init__(self) -> None:
        super().__init__("this journal was opened for reading only", "read_only")
