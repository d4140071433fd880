"""Compares an appeal with earlier ones, by assessor plugins, before a version of its dossier is made."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from appealbus.core.errors import JournalError
from appealbus.core.interfaces.past import Past, PastAssessor
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.signal import Signal

log = structlog.get_logger(__name__)

_PATIENCE = 20.0
"""Seconds for a comparison; texts of the largest size take one. A hung comparison costs its signals and a thread."""


class Recalling:
    def __init__(self, host: Host, journal: Journal) -> None:
        self._host = host
        self._journal = journal
        self._assessors = {name: each for name, each in host.assessors.items() if isinstance(each, PastAssessor)}
        self._turns = {name: asyncio.Lock() for name in self._assessors}
        """One comparison at a time per assessor: they are CPU work, and a hung one takes no second thread."""
        self._hung: dict[str, asyncio.Future[list[Signal] | BaseException]] = {}
        """Comparisons that timed out and still run: threads cannot be killed, so their assessors get no second one."""

    async def signals(self, appeal_id: int, appeal: Appeal) -> Mapping[str, Sequence[Signal] | None]:
        """Return the signals of each assessor, or None if it failed."""
        if not self._assessors:
            return {}
        finder = self._host.past_finder
        try:
            past = Past() if finder is None else await self._journal.ask(finder.find, appeal_id, appeal)
        except Exception as error:
            if isinstance(error, JournalError) and error.code != "unreadable":
                raise
            log.error("journal.unreadable", appeal_id=appeal_id, error=type(error).__name__)
            return dict.fromkeys(self._assessors)
        return {name: await self._ask(name, each, appeal, past) for name, each in self._assessors.items()}

    async def _ask(self, name: str, assessor: PastAssessor, appeal: Appeal, past: Past) -> Sequence[Signal] | None:
        if past.others:
            # Two texts of 200,000 characters take a second.
            told = await self._within(name, assessor, appeal, past)
        else:
            told = _concluded(assessor, appeal, past)
        if isinstance(told, list):
            return told
        self._host.defects[f"assessor.{name}"] += 1
        log.error("assessor.raised", assessor=name, number=appeal.number, exc_info=told)
        return None

    async def _within(
        self, name: str, assessor: PastAssessor, appeal: Appeal, past: Past
    ) -> list[Signal] | BaseException:
        async with self._turns[name]:
            before = self._hung.get(name)
            if before is not None and not before.done():
                return TimeoutError("the comparison before this one goes on")
            call = asyncio.ensure_future(asyncio.to_thread(_concluded, assessor, appeal, past))
            done, _ = await asyncio.wait({call}, timeout=_PATIENCE)
            if done:
                return call.result()
            self._hung[name] = call
            return TimeoutError("the comparison takes too long")


def _concluded(assessor: PastAssessor, appeal: Appeal, past: Past) -> list[Signal] | BaseException:
    """Return the signals or the exception: a task that ended in SystemExit would end the loop."""
    try:
        concluded = list(assessor.recall(appeal, past))
        if not all(isinstance(each, Signal) for each in concluded):
            raise TypeError("an assessor must return signals")
        return concluded
    except BaseException as error:
        if not is_defect(error):
            raise
        return error
