"""The part of the journal for upkeep: who is alive, who does what for all, what is old."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from appealbus.core import clocks
from appealbus.core.domain.event import Event, What
from appealbus.core.domain.known import KnownLookup
from appealbus.core.domain.limits import Grant, Report
from appealbus.core.domain.pauses import Pause, QuotaAnswer, QuotaCall, QuotaWish
from appealbus.core.domain.reread_pass import RereadPass
from appealbus.core.domain.returning import TakeIn, TakenIn
from appealbus.core.domain.source_state import SourceState
from appealbus.core.domain.waiting import DueMoved
from appealbus.core.journal import (
    access,
    awaiting,
    events,
    limits,
    pauses,
    pruning,
    replies,
    retention,
    state,
    terms,
    waiting,
    workers,
)
from appealbus.core.journal.appeals import forms
from appealbus.core.journal.appeals.forms import missing_sketches
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.errors import ClockInDoubt
from appealbus.core.journal.quarantine import QuarantineBounds
from appealbus.core.journal.retention import Ages
from appealbus.core.journal.sketch import Sketch
from appealbus.core.journal.workers import WorkerState
from appealbus.core.journal.writing import Writing
from appealbus.core.packing import unpack
from appealbus.schemas.base import printable
from appealbus.schemas.stored import APPEAL

_STILL_NOTED = timedelta(days=1)
"""For so long a used answer is noted beyond the time that its date would let it count again: a worker whose clock goes
wrong must not take it anew before that is seen."""

PLACED = 2000
"""Entries of the log that get their positions in one transaction: that takes some 20 ms, and readers wait as long."""


class Upkeep(Writing):
    async def beat(self, worker: WorkerState, sources: Sequence[SourceState], seconds: float) -> None:
        """Note that a worker is alive for so many seconds, with the state of its sources; forget the dead."""
        await self._write.submit(workers.beat, workers.Beat(worker, sources, seconds))

    async def hold(self, name: str, owner: str, seconds: float) -> bool:
        """Be the one who does something for all, for so many seconds from now; False while another one is.

        Held again before the time is over it goes on. On SQLite there is one process: nothing is written.
        """
        if not self.shared:
            return True
        return await self._write.submit(workers.take_lease, workers.LeaseRequest(name, owner, seconds))

    async def let_go(self, owner: str) -> None:
        if self.shared:
            await self._write.submit(workers.let_go, owner)

    async def share_limits(self, worker: str, reports: Sequence[Report]) -> list[Grant]:
        """Take a worker's reports on its sources; return what it may use until its lease ends."""
        return await self._limits.submit(limits.share, limits.Reports(worker, reports))

    async def leave_limits(self, worker: str) -> None:
        """Free the shares of a worker that has nothing in flight."""
        await self._limits.submit(limits.leave, limits.Leave(worker))

    async def take_quota(self, wish: QuotaWish) -> QuotaAnswer:
        """Take one call of a source's quotas; on disk when this returns."""
        return await self._limits.submit(pauses.take, wish)

    async def return_quota(self, call: QuotaCall) -> None:
        """Give back a call that did not leave."""
        await self._limits.submit(pauses.give_back, call)

    async def pause_source(self, pause: Pause, *, seen: str | None = None) -> bool:
        """Pause a source; False if another pause than the one seen is in force.

        `seen` is the mark of the pause that this one replaces, empty for none; None: of any.
        """
        pause = replace(pause, reason=printable(pause.reason), by=printable(pause.by))
        return await self._limits.submit(pauses.pause, pauses.Pausing(pause, seen))

    async def resume_source(self, source: str, *, by: str, reason: str = "") -> bool:
        """Resume a paused source and what waits for it; False if it is not paused."""
        item = pauses.Resuming(source, printable(by), printable(reason), self.now())
        return await self._limits.submit(pauses.resume, item)

    async def end_pauses(self) -> list[str]:
        """End pauses whose time is over; return their sources."""
        return await self._limits.submit(pauses.end_pauses, self.now())

    async def came_back(self, sources: Sequence[str]) -> None:
        """Note that sources can be asked again, so that what waits for them is due."""
        await self._limits.submit(pauses.came_back, pauses.Back(sources, self.now()))

    async def take_in(self, wish: TakeIn) -> TakenIn:
        """Make some of what is parked for a source ready again, most urgent first."""
        return await self._write.submit(waiting.take_in, wish)

    async def move_terms(self, moves: Sequence[DueMoved]) -> int:
        """Move due dates of open appeals; return how many. One that moved meanwhile stays."""
        done = [self._write.submit(terms.move, terms.Moving(move, self.actor)) for move in moves]
        return sum(await asyncio.gather(*done))

    async def remember(self, lookups: Sequence[KnownLookup]) -> list[KnownLookup]:
        """Note which lookups can be asked here; return all that ever could, on any worker."""
        return await self._write.submit(workers.remember, lookups)

    async def note_pass(self, now: RereadPass, said: Sequence[Event] = ()) -> None:
        """Write how far reading a source's kept replies again is, with its log entries."""
        await self._write.submit(replies.note_pass, replies.Stands(now, said))

    async def passes_looked_at(self, source: str) -> None:
        """Note that a person has seen what such a pass has left."""
        await self._write.submit(replies.looked_at, source)

    async def probe(self) -> None:
        """Prove that the journal can be written; leaves nothing behind."""
        await self._write.submit(state.probe, f"probe.{uuid4().hex}")

    async def note_look(
        self,
        what: str,
        *,
        number: str | None = None,
        purpose: str = "",
        about: Mapping[str, int] | None = None,
        by: str | None = None,
    ) -> None:
        """Note that somebody looks at personal data, of an appeal or of several; on disk when it returns.

        Args:
            what: a dossier, a message in quarantine, a page of the access log …
            number: of the appeal.
            purpose: in the person's own words.
            about: further details.
            by: who looks, in the words of the log; None: whoever uses this journal.
        """
        by = self.actor if by is None else by
        await self._write.submit(access.look, access.Look(what, by, number, about or {}, purpose))

    async def note_alarm(self, what: What, alarm: int, **detail: str) -> None:
        """Note what somebody does about an alarm, which is kept elsewhere; on disk when it returns."""
        told = {name: printable(value) for name, value in detail.items() if value}
        await self._write.submit(events.noted, Event(what, None, self.actor, str(alarm), told))

    async def trim_quarantine(self, bounds: QuarantineBounds) -> int:
        """Drop what exceeds these bounds in quarantine, oldest first; return how many messages."""
        return await retention.all_of(self._write, pruning.trim_quarantine, bounds)

    async def expire_changes(self, before: datetime) -> int:
        """Move changes that have waited for their appeals since before then into quarantine; return how many.

        So go those whose appeal is here and had no room for them.
        """
        total = 0
        while found := await self.ask(waiting_changes.to_give_up, before, self.number_prefix):
            given_up = waiting_changes.GivenUp(found, clocks.wall())
            total += await self._write.submit(waiting_changes.give_up, given_up)
        return total

    async def forget_used_answers(self) -> int:
        """Delete notes of signed answers too old to count again; return how many."""
        return await retention.all_of(self._write, awaiting.forget_used, self.now() - _STILL_NOTED)

    async def prune(self, before: datetime | Ages, *, access_before: datetime | None = None) -> dict[str, int]:
        """Delete appeals idle and fully delivered since `before`, messages replayed before, and expired replies.

        The access log, the log and superseded versions stay, unless `Ages` say which. Works in small transactions:
        others go on meanwhile. A message that is sent again after its appeal was pruned is a new appeal. All times are
        by `now()`. Returns how many are gone by kind: `appeals`, `quarantine`, `replies`, `access`, `versions`, `log`.
        Raises ClockInDoubt.
        """
        await self._trust_ages()
        ages = before if isinstance(before, Ages) else Ages(before, access=access_before)
        return await retention.prune(self._write, self._read, ages, self.now(), self.actor)

    async def prune_log(self, before: datetime) -> int:
        """Delete the beginning of the log up to the first entry that is not older; return how many entries.

        A reader whose cursor is before what is left is told where to start again. Raises ClockInDoubt.
        """
        await self._trust_ages()
        return await retention.prune_log(self._write, before, self.actor)

    async def place_log(self) -> int:
        """Give positions to a batch of committed entries; return how many. Several may do it at once."""
        return await self._positions.submit(events.place, PLACED) if self.shared else 0

    async def _trust_ages(self) -> None:
        if (await self.look()).doubt is not None:
            raise ClockInDoubt


@dataclass(frozen=True, slots=True)
class Drawn:
    """The id up to which all appeals have sketches, and how many got theirs now."""

    upto: int
    drawn: int


class Sketching(Writing):
    async def sketch_missing(self, after: int) -> Drawn | None:
        """Give sketches to the next appeals behind an id that have none; None where none is behind it.

        One that cannot be read gets an empty one. On disk when it returns.
        """
        found = await self.ask(missing_sketches, after)
        if found is None:
            return None
        rows, upto = found
        drawn = await asyncio.to_thread(self._drawn, rows) if rows else []
        if drawn:
            await self._write.submit(forms.fill_sketches, drawn)
        return Drawn(upto, len(drawn))

    def _drawn(self, rows: Sequence[tuple[int, bytes, bytes]]) -> list[forms.Filling]:
        return [forms.Filling(appeal_id, content, self._of(body)) for appeal_id, content, body in rows]

    def _of(self, body: bytes) -> Sketch:
        try:
            return self.key.sketcher.of(APPEAL.read(unpack(body)).text)
        except Exception:  # damage takes any form, and is told by whoever reads the appeal itself
            return ()
