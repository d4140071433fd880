"""What every writing half of the journal has: the writer behind it, and how it stands."""

from sqlalchemy import Engine

from appealbus.core.journal import store
from appealbus.core.journal.errors import JournalError
from appealbus.core.journal.reading import Reading
from appealbus.core.journal.writer import Writer


class Writing(Reading):
    """A journal that can be written to."""

    def __init__(self, readers: Engine, opened: store.Opened, writer: Writer | None, number_prefix: str) -> None:
        super().__init__(readers)
        self._opened = opened
        self._writer = writer
        self._prefix = number_prefix
        self._limiter: Writer | None = None

    @property
    def shared(self) -> bool:
        """Whether several processes may work this journal at the same time."""
        return self._opened.path is None

    @property
    def waiting_writes(self) -> int:
        """How many writes wait for the writer now."""
        return 0 if self._writer is None else self._writer.waiting

    @property
    def failed_writes(self) -> int:
        """How many writes have failed since the journal was opened."""
        return 0 if self._writer is None else self._writer.failed

    @property
    def silent_for(self) -> float:
        """For how many seconds the write now under way has been waiting for the database; 0.0 where none is."""
        return 0.0 if self._writer is None else self._writer.silent_for

    @property
    def _limits(self) -> Writer:
        """On PostgreSQL a connection of its own: the lock that it waits for must not hold up what others write."""
        if not self.shared or self._opened.writing is None:
            return self._write
        if self._limiter is None:
            self._limiter = Writer(self._opened.writing, self._opened.lock)
        return self._limiter

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise JournalError("this journal was opened for reading only", "read_only")
        return self._writer
