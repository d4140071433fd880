"""What can go wrong with the journal."""

from appealbus.core.config.base import ConfigError


class NoJournalYet(ConfigError):
    """There is nothing to read until `appealbus run` or `appealbus intake` has made or upgraded the journal."""


class JournalError(Exception):
    """The journal could not do what was asked; nothing of that one request is on disk.

    Attributes:
        code: a stable word: `disk_full`, `io`, `corrupt`, `busy`, `constraint`, `closed`, `unknown_appeal` …

    """

    def __init__(self, text: str, code: str = "journal") -> None:
        super().__init__(text)
        self.code = code


class NumberTaken(JournalError):
    """The appeal came with a registration number that another message has already."""

    def __init__(self) -> None:
        super().__init__("the registration number belongs to another message", "number_taken")


class VersionConflict(JournalError):
    """The dossier's version does not follow the newest one: somebody else worked on the appeal meanwhile."""

    def __init__(self, newest: int, given: int) -> None:
        super().__init__(f"version {given} does not follow version {newest}", "version_conflict")


class AlreadyRunning(JournalError):
    """Another process works this journal already."""

    def __init__(self, pid: str) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{holder} runs the bus on this journal already; stop it first", "already_running")
