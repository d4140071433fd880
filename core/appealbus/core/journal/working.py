"""The journal's half for appeals at work."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from appealbus.core import clocks
from appealbus.core.domain.access import AccessRow, AwaitedRow
from appealbus.core.domain.case import Case, LookupState
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.answer import Answer, Kept
from appealbus.core.journal.writes import awaiting, holding, keeping, suspects, working
from appealbus.core.journal.writing import Writing
from appealbus.schemas.dossier import Completeness

_UNREADABLE = timedelta(hours=1)
_ID = re.compile(r"[!-~]{1,100}", re.ASCII)
_CLAIMS = 10
ANY = 1 << 62
"""Bytes that are more than any number of appeals."""

log = structlog.get_logger(__name__)


class Working(Writing):
    """Gives appeals to workers, and keeps what comes of them."""

    async def access(self, rows: Sequence[AccessRow]) -> None:
        """Write down who looks at whose data. On disk when this returns."""
        if rows:
            await self._write.submit(keeping.access, rows)

    async def keep(self, appeal_id: int, state: LookupState, *, owner: str | None = None) -> None:
        """Queue how a question stands; returns before it is on disk, but waits while the queue is full.

        It is on disk before any later `conclude` of the appeal; if it cannot be, that `conclude` raises instead. With
        `owner` it is dropped where the appeal is another's by then.
        """
        await self._write.post(keeping.keep, keeping.Keep(appeal_id, state, owner), about=appeal_id)

    async def keep_at_once(self, appeal_id: int, state: LookupState, *, owner: str | None = None) -> bool:
        """Write down how a question stands; on disk when this returns. False: the appeal is another's."""
        return await self._write.submit(keeping.keep_own, keeping.Keep(appeal_id, state, owner))

    async def await_answer(self, row: AwaitedRow) -> None:
        """Write down who looks at whose data, and that the answer comes by itself. On disk when this returns."""
        await self._write.submit(awaiting.expect, row)

    async def answered(self, source: str, answer: Answer) -> Kept:
        """Keep an answer that came by itself until its lookup has read it, and have its appeal worked on next."""
        if not _ID.fullmatch(answer.question_id):  # nothing of ours, and no database takes every text
            return Kept.UNKNOWN
        return await self._write.submit(awaiting.answered, awaiting.Answered(source, answer, clocks.wall()))

    async def keep_read(
        self, appeal_id: int, state: LookupState, question_id: str, *, owner: str | None = None
    ) -> None:
        """Queue how a question stands after the answer to `question_id` was read; that answer goes in the same step.

        Otherwise as `keep`.
        """
        await self._write.post(awaiting.keep_read, awaiting.Read(appeal_id, state, question_id, owner), about=appeal_id)

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
    ) -> list[Case]:
        """Lease up to `limit` appeals that are ready or due again, most urgent first, and return them.

        What a dead worker had in work is suspect from now on. Of suspects one is leased at a time, over all workers,
        and comes first. One that cannot be read is put off by an hour, so that it neither comes at once again nor
        takes a place.

        Args:
            owner: who works them.
            now: by the owner's clock.
            limit: the most appeals.
            lease_seconds: until others may take them over.
            room: bytes that they may have together, as the journal keeps them.
            alone: whether the first is leased even where it is larger than that.
            suspects: whether one of them may have its turn.

        """
        cases: list[Case] = []
        leased: list[int] = []
        try:
            for _ in range(_CLAIMS):
                claim = working.Claim(
                    owner, now, lease_seconds, limit - len(cases), room, alone and not cases, suspects
                )
                claimed = await self._write.submit(working.claim, claim)
                _tell(claimed.found)
                ids = claimed.ids
                leased += ids
                self._write.forget(ids)
                readable = await self.cases(ids)
                cases += readable
                room -= sum(case.size for case in readable)
                unreadable = set(ids).difference(case.appeal_id for case in readable)
                if not unreadable:
                    break
                put_off = working.Release(owner, tuple(unreadable), now + _UNREADABLE)
                await self._write.submit(working.release, put_off)
        except JournalError:
            if leased:  # or nobody would work them until the leases are over
                with suppress(JournalError):
                    await self.release(owner, leased)
            raise
        return cases

    async def release(self, owner: str, ids: Sequence[int] | None = None) -> None:
        """Give appeals back unfinished, those named or all of the owner's: whoever claims next gets them."""
        await self._write.submit(working.release, working.Release(owner, ids))

    async def conclude(
        self,
        appeal_id: int,
        *,
        dossier: bytes | None,
        version: int,
        completeness: Completeness,
        receivers: Sequence[str],
        due_at: datetime | None,
        region: str = "",
        heard: Collection[str] | None = None,
        owner: str | None = None,
        doubted: bool = False,
    ) -> bool:
        """End a run in one transaction: the dossier's new version, a delivery for each receiver, the appeal's state.

        Args:
            appeal_id: the appeal; its lease ends.
            dossier: the new version as JSON, or None where nothing new is to be told; then there are no deliveries.
            version: of the dossier, exactly one more than the newest; the newest itself where `dossier` is None.
            completeness: of the dossier.
            receivers: names of the deliveries that get this version.
            due_at: when to work on it again (it is parked till then), or None (it is idle).
            region: that the dossier belongs to; receivers are told.
            owner: who works the appeal; None leaves unchecked whose it is.
            doubted: whether a suspect stays one while it is parked; else it is one no longer.
            heard: ids of the questions whose late answers the run knew; None where none of its sources answers later.

        Returns:
            Whether another answer has come meanwhile: then the appeal is ready at once, whatever `due_at` says.

        Raises:
            VersionConflict: the version does not follow.
            LeaseLost: the appeal is not the owner's any more.

        """
        conclusion = working.Conclusion(
            appeal_id,
            dossier,
            version,
            completeness,
            tuple(dict.fromkeys(receivers)),
            due_at,
            clocks.wall(),
            region,
            None if heard is None else frozenset(heard),
            owner,
            doubted,
            self.now(),
            self.epoch,
        )
        return await self._write.submit(working.conclude, conclusion, about=appeal_id)

    async def renew(self, owner: str, ids: Sequence[int], now: datetime, lease_seconds: float) -> set[int]:
        """Make the owner's leases of these appeals last so long from now; return of which. The others are lost."""
        if not ids:
            return set()
        return await self._write.submit(working.renew, working.Renewal(owner, ids, now, lease_seconds))

    async def retry(self, number: str, *, everything: bool = False, refresh: bool = False) -> int | None:
        """Have an appeal worked again at once, and all its open questions asked, those given up too.

        Args:
            number: the appeal's.
            everything: ask also what was refused or not found, and take no answer from memory.
            refresh: the same, and also what was found; that stays until there is a newer record.

        Returns:
            How many questions that are; None if there is no such appeal.

        Raises:
            JournalError: with the code `in_work` while somebody works on the appeal, with `held` where it is held;
                nothing is changed then.

        """
        return await self._write.submit(working.retry, working.Retry(number, self.now(), everything, refresh))

    async def bury(self, owner: str | None) -> None:
        """Take over at once what a dead worker had in work, or whoever had: it is suspect from now on."""
        _tell(await self._write.submit(suspects.bury, suspects.Burial(owner, self.now())))

    async def hold_appeal(self, number: str, *, by: str, reason: str) -> bool:
        """Have nothing of an appeal worked any more until it is released; False if there is no such appeal.

        Whoever works it has it no longer: what the run finds is refused. Versions that are made go out all the same.

        Raises:
            JournalError: with the code `held` where it is held already.

        """
        return await self._write.submit(holding.hold, holding.Hold(number, by, reason, clocks.wall()))

    async def release_appeal(self, number: str) -> bool:
        """Have a held appeal worked again; False if there is no such appeal.

        Raises:
            JournalError: with the code `not_held` where it is not held.

        """
        return await self._write.submit(holding.let_go, holding.Releasing(number, clocks.wall()))


def _tell(found: suspects.SuspectsFound) -> None:
    if found.suspects:
        log.warning("case.suspect", count=found.suspects)
    for number in found.held:
        log.error("case.held", number=number, reason=suspects.REASON)
