"""What every writing part of the journal has: the writer behind it, and how it stands."""

import asyncio
import copy
from datetime import datetime
from typing import Self

from sqlalchemy import Engine

from appealbus.core.domain.event import BUS
from appealbus.core.errors import JournalError
from appealbus.core.journal import state, store
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.clock import Clock
from appealbus.core.journal.key import JournalKey
from appealbus.core.journal.mark import JournalState, Mark, Memory
from appealbus.core.journal.reader import JournalReader
from appealbus.core.journal.sketch import Sketch
from appealbus.core.journal.writer import Writer
from appealbus.schemas.appeal import Appeal

_LONG = 10_000
"""Characters of a text that is sketched in a thread: it would hold up the event loop for milliseconds."""


class _ReadOnly(JournalError):
    """A write to a journal that was opened for reading only."""

    def __init__(self) -> None:
        super().__init__("this journal was opened for reading only", "read_only")


class Writing(JournalReader):
    def __init__(
        self, readers: Engine, opened: store.OpenedDatabase, writer: Writer | None, number_prefix: str
    ) -> None:
        super().__init__(readers, opened.key)
        self._opened = opened
        self._writer = writer
        self.number_prefix = number_prefix
        """What the numbers begin with that the journal gives."""
        self.actor = BUS
        """Who writes, in the words of the log, where nobody else is known to."""
        self.compares_texts = False
        """Whether it keeps a sketch of what each appeal says, since there is somebody who compares texts."""
        self.checkpoint: Checkpoint | None = None
        """What knows outside the journal how far it was; None: nothing does on this machine."""
        self._limiter: Writer | None = None
        self._placer: Writer | None = None
        self._clock = Clock()

    def acting(self, actor: str) -> Self:
        """Return the same journal with another actor, for one request of theirs."""
        other = copy.copy(self)
        other.actor = actor
        return other

    def now(self) -> datetime:
        """Return the moment by the journal's clock, which what is due and what is old are counted by.

        It never follows a jump of the machine's clock before that is accepted. On PostgreSQL it is the database's.
        """
        return self._clock.now()

    @property
    def skew(self) -> float:
        return self._clock.skew

    @property
    def epoch(self) -> int:
        """The epoch in which things are numbered now."""
        return 1 if self._clock.last is None else self._clock.last.standing.epoch

    @property
    def doubt(self) -> JournalState | None:
        """The state of the journal while its clock is in doubt: then nothing expires or is given up."""
        last = self._clock.last
        return None if last is None or last.standing.doubt is None else last.standing

    @property
    def identity(self) -> str:
        """Tells this journal from others; a copy has its original's. Empty before the first look."""
        last = self._clock.last
        return "" if last is None else last.standing.journal

    @property
    def memory(self) -> Memory:
        """What this process knows of the journal, and whether it has turned out to be another one."""
        return self._opened.memory

    async def _sketch(self, new: Appeal) -> Sketch | None:
        if not self.compares_texts:
            return None
        if len(new.text) > _LONG:
            return await asyncio.to_thread(self.key.sketcher.of, new.text)
        return self.key.sketcher.of(new.text)

    async def look(self) -> JournalState:
        """Look at the clock and write a sign of life; return the state."""
        before = self.memory.mark
        looked = await self._write.submit(state.look, self._clock.last)
        found = looked or self._clock.last
        if found is None:
            raise AssertionError("the first look waits for others")
        if looked is not None:
            self.memory.learn(before, Mark.of(looked.standing))
        self._clock.update(found)
        return found.standing

    async def trust_clock(self) -> JournalState:
        """Set the journal's clock to the machine's, whatever was doubted; return the state before."""
        was = await self._write.submit(state.trust, self.actor)
        await self.look()
        return was

    @property
    def key(self) -> JournalKey:
        """Makes marks of people and things, and keys of questions."""
        if isinstance(self._key, JournalKey):
            return self._key
        raise _ReadOnly

    @property
    def shared(self) -> bool:
        """Whether several processes may work this journal at the same time."""
        return self._opened.path is None

    @property
    def waiting_writes(self) -> int:
        return 0 if self._writer is None else self._writer.waiting

    @property
    def failed_writes(self) -> int:
        return 0 if self._writer is None else self._writer.failed

    @property
    def silent_for(self) -> float:
        """Seconds that the write under way has waited for the database; 0.0 if there is none."""
        return 0.0 if self._writer is None else self._writer.silent_for

    @property
    def _limits(self) -> Writer:
        """On PostgreSQL a writer of its own: waiting for its lock must not delay other writes."""
        if not self.shared or self._opened.writing is None:
            return self._write
        if self._limiter is None:
            self._limiter = Writer(self._opened)
        return self._limiter

    @property
    def _positions(self) -> Writer:
        """A writer of its own, so that nothing else waits for others with this duty."""
        if self._opened.writing is None:
            return self._write
        if self._placer is None:
            self._placer = Writer(self._opened)
        return self._placer

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise _ReadOnly
        return self._writer
