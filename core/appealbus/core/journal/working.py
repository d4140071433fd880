"""The part of the journal that gives appeals to workers and takes the results."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from appealbus.core import clocks
from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.domain.event import What
from appealbus.core.domain.replies import KeptReplies
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.interfaces.wire import SingleUse
from appealbus.core.journal import access, awaiting, keeping
from appealbus.core.journal.appeals import cases as case_reads
from appealbus.core.journal.appeals import concluding, leases, suspects
from appealbus.core.journal.appeals.concluding import Concluding, Conclusion
from appealbus.core.journal.key import Marked
from appealbus.core.journal.naming import named_by_appeal, named_by_record
from appealbus.core.journal.replies import Kept as KeptRow
from appealbus.core.journal.writing import Writing

_UNREADABLE = timedelta(hours=1)
"""How long an appeal is put off that cannot be read from the journal: only another version of the program, or a mended
database, will read it. With less, it takes a place in a claim, and a line in the log, more often."""
_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_LARGE = 256 * 1024
"""Bytes of replies that are worth waiting for until they are written."""
_CLAIMS = 10
"""Claims in a row that are tried while unreadable appeals are among those claimed, as they take the places of readable
ones. The bound keeps a journal full of them from holding up the worker; the next poll goes on."""
ANY = 1 << 62
"""Bytes that are more than any number of appeals have, and still fit into an integer of the database."""

log = structlog.get_logger(__name__)


class Working(Writing):
    lacks_after = ""
    """Behind which combination of what is lacking the next claim looks; empty: all were looked at."""

    async def access(self, rows: Sequence[AccessRow]) -> None:
        """Write rows of the access log; on disk when this returns."""
        if rows:
            await self._write.submit(access.write, access.Asking(rows, self.actor))

    async def keep(
        self, appeal_id: int, state: LookupState, *, owner: str | None = None, replies: KeptReplies | None = None
    ) -> None:
        """Queue how a question stands; return before it is on disk, but wait while the queue is full.

        It is on disk before any later `conclude` of the appeal; if it cannot be written, that `conclude` raises. With
        `owner` it is dropped if the appeal is leased to another worker by then. So are the `replies` to it; with large
        ones it is on disk when this returns, or the queue would hold many of them.
        """
        kept = self._kept(appeal_id, state, replies)
        item = keeping.Keep(appeal_id, state, owner, kept, self._marked(state))
        if replies is not None and len(replies.packed) > _LARGE:
            await self._write.submit(keeping.keep, item)
        else:
            await self._write.post(keeping.keep, item, about=appeal_id)

    async def keep_at_once(self, appeal_id: int, state: LookupState, *, owner: str | None = None) -> bool:
        """Write how a question stands; on disk when this returns. False: another worker has the appeal."""
        return await self._write.submit(keeping.keep_own, keeping.Keep(appeal_id, state, owner))

    async def await_answer(self, row: AwaitedRow) -> None:
        """Write a row of the access log and that its answer comes later. On disk when this returns."""
        await self._write.submit(awaiting.expect, awaiting.Expecting(row, self.actor))

    async def use_answer(self, once: SingleUse, message_id: str) -> bool:
        """Let a signed answer count for a message of ours; False if it counted for another. On disk then."""
        return await self._write.submit(awaiting.use, awaiting.Use(once, message_id))

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep an answer until its lookup has read it, and have its appeal worked next."""
        if not _ID.fullmatch(answer.question_id):  # no id of ours; and not every text can be stored
            return Kept.UNKNOWN
        return await self._write.submit(awaiting.answered, awaiting.Answered(source, answer, clocks.wall(), self.actor))

    async def keep_read(
        self,
        appeal_id: int,
        state: LookupState,
        question_id: str,
        *,
        owner: str | None = None,
        replies: KeptReplies | None = None,
    ) -> None:
        """Queue how a question stands after the answer to `question_id` was read; that answer goes in the same step.

        Otherwise as `keep`.
        """
        kept = self._kept(appeal_id, state, replies)
        item = awaiting.Read(appeal_id, state, question_id, owner, kept, self._marked(state))
        await self._write.post(awaiting.keep_read, item, about=appeal_id)

    def _kept(self, appeal_id: int, state: LookupState, replies: KeptReplies | None) -> KeptRow | None:
        if replies is None:
            return None
        return KeptRow(appeal_id, state, replies, self.now() + timedelta(seconds=replies.seconds))

    def _marked(self, state: LookupState) -> Sequence[Marked]:
        if state.record is None:
            return ()
        asked = {each.value for each in state.inputs}
        return self.key.marked(named_by_record(state.record, state.lookup, asked))

    async def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        lease_seconds: float,
        *,
        room: int = ANY,
        alone: bool = True,
        suspects: bool = True,
        lost: Collection[str] | None = None,
        kept: int = 0,
        thorough: bool = True,
        busy: Collection[int] = (),
    ) -> list[Case]:
        """Lease up to `limit` appeals and return them: new ones and those that return, of both the most urgent first.

        What a dead worker had in work is suspect from now on. Over all workers one suspect is leased at a time, and it
        comes first. An appeal that cannot be read is put off by an hour, so that it takes no place until then.

        Args:
            owner: the worker.
            now: the time by the worker's clock.
            limit: the most appeals.
            lease_seconds: how long the worker has them, unless it renews the leases.
            room: the most bytes of all appeals together, as the journal keeps them.
            alone: whether the first appeal is leased even if it is larger than `room`.
            suspects: whether a suspect may have its turn.
            lost: lookups that the worker cannot ask, and `~NAME` for one whose facts alone it cannot confirm: appeals
                that lack another one are leased as if they were ready. None: they are not.
            kept: places that new appeals have before those that return; what either leaves is the others'.
            thorough: whether those that return are looked for among all that are ready, however many new ones wait.
            busy: ids of appeals that the worker still works on: it neither claims them again nor suspects itself.

        """
        cases: list[Case] = []
        leased: list[int] = []
        try:
            for _ in range(_CLAIMS):
                still = limit - len(cases)
                alone = alone and not cases
                given = (owner, now, lease_seconds, still, room, alone, suspects, lost, kept, thorough)
                claimed = await self._write.submit(leases.claim, leases.Claim(*given, self.lacks_after, busy))
                self.lacks_after = claimed.lacks_after
                _tell(claimed.found)
                ids = claimed.ids
                leased += ids
                self._write.forget(ids)
                readable = [
                    replace(case, returning=True) if case.appeal_id in claimed.returning else case
                    for case in await self.ask(case_reads.cases, ids)
                ]
                cases += readable
                kept = max(0, kept - sum(case.is_first for case in readable))
                room -= sum(case.size for case in readable)
                unreadable = set(ids).difference(case.appeal_id for case in readable)
                if not unreadable:
                    break
                lost = None
                put_off = leases.Release(owner, tuple(unreadable), now + _UNREADABLE)
                await self._write.submit(leases.release, put_off)
        except JournalError:
            if leased:  # else no worker would have them until the leases are over
                with suppress(JournalError):
                    await self.release(owner, leased)
            raise
        return cases

    async def release(self, owner: str, ids: Sequence[int] | None = None) -> None:
        """Give appeals back unfinished, all of the owner's by default, for the next worker that claims."""
        await self._write.submit(leases.release, leases.Release(owner, ids))

    async def conclude(self, conclusion: Conclusion) -> bool:
        """End a run in one transaction: the dossier's new version, a delivery for each receiver, the appeal's state.

        Returns whether an answer or a change came that the run has not seen: then the appeal is ready at once, whatever
        `due_at` says. Raises VersionConflict if the version does not follow the newest one, LeaseLost if the owner has
        lost the appeal.
        """
        form = conclusion.form
        named = () if form is None else self.key.marked(named_by_appeal(form.appeal))
        sketch = None if form is None else await self._sketch(form.appeal)
        item = Concluding(conclusion, clocks.wall(), self.now(), self.epoch, named, sketch)
        return await self._write.submit(concluding.conclude, item, about=conclusion.appeal_id)

    async def renew(self, owner: str, ids: Sequence[int], now: datetime, lease_seconds: float) -> set[int]:
        """Extend the owner's leases; return the appeals that it still has."""
        if not ids:
            return set()
        return await self._write.submit(leases.renew, leases.Renewal(owner, ids, now, lease_seconds))

    async def retry(
        self, number: str, *, everything: bool = False, refresh: bool = False, reason: str = ""
    ) -> int | None:
        """Have an appeal worked again at once, and all its open questions asked, also those given up.

        Args:
            number: of the appeal.
            everything: also ask what was refused or not found, and take no answer from the cache.
            refresh: the same, and also ask what was found; each record stays until there is a newer one.
            reason: for the log.

        Returns:
            How many questions are asked; None if there is no such appeal.

        Raises JournalError and changes nothing: `in_work` while a worker has the appeal, `held` while it is held.
        """
        return await self._write.submit(
            leases.retry, leases.Retry(number, self.now(), everything, self.actor, refresh, reason)
        )

    async def reread(
        self,
        appeal_id: int,
        states: Sequence[keeping.Anew],
        *,
        reason: str,
        what: What = What.REREAD,
        operation: str = "",
    ) -> int | None:
        """Write how questions stand whose replies were read again, and have their appeal worked on at once.

        Args:
            appeal_id: the appeal.
            states: of the questions that changed.
            reason: for the log.
            what: the log's word for it: they may have been withdrawn, too.
            operation: the bus's operation that it is a part of; empty: none.

        Returns:
            How many are written, without those asked meanwhile; None if there is no such appeal.

        Raises JournalError and changes nothing: `in_work` while a worker has the appeal, `held` while it is held.
        """
        marked = [replace(state, marked=self._marked(state.state)) for state in states]
        item = keeping.Reread(appeal_id, self.actor, reason, self.now(), marked, what, operation)
        return await self._write.submit(keeping.reread, item)

    async def bury(self, owner: str | None, ids: Sequence[int] | None = None) -> None:
        """Take over at once what a dead worker had in work, or with None what all had: it is suspect from now on.

        With `ids` only of these.
        """
        _tell(await self._write.submit(suspects.bury, suspects.Burial(owner, self.now(), self.actor, ids)))

    async def hold_appeal(self, number: str, *, by: str, reason: str) -> bool:
        """Hold an appeal: it is not worked until it is released. False if there is no such appeal.

        A worker that has it loses it: what its run finds is refused. Versions that are there are still delivered.
        Raises JournalError `held` if it is held already.
        """
        return await self._write.submit(suspects.hold, suspects.Hold(number, by, reason, clocks.wall()))

    async def release_appeal(self, number: str, *, reason: str = "") -> bool:
        """Release a held appeal; False if there is no such appeal. Raises JournalError `not_held`."""
        return await self._write.submit(suspects.let_go, suspects.Releasing(number, clocks.wall(), self.actor, reason))


def _tell(found: suspects.SuspectsFound) -> None:
    if found.suspects:
        log.warning("case.suspect", count=found.suspects)
    for number in found.held:
        log.error("case.held", number=number, reason=suspects.REASON)
