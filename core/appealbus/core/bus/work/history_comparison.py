"""Compares an appeal with earlier ones, by assessor plugins, before a version of its dossier is made."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import Connection

from appealbus.core.errors import JournalError
from appealbus.core.interfaces.past import Past, PastAssessor, PastFinder
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.store import READERS
from appealbus.core.loading.host import Host
from appealbus.core.plugin_calls.boundary import is_defect
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.signal import Signal

log = structlog.get_logger(__name__)

_PATIENCE = 20.0
"""Seconds for a comparison; texts of the largest size take one. A hung comparison costs its signals and a thread."""

_SEARCH = 60.0
"""Seconds for a search: more than the database has for its statements."""


class Recalling:
    def __init__(self, host: Host, journal: Journal) -> None:
        self._host = host
        self._journal = journal
        self._assessors = {name: each for name, each in host.assessors.items() if isinstance(each, PastAssessor)}
        self._turns = {name: asyncio.Lock() for name in self._assessors}
        """One comparison at a time per assessor: they are CPU work, and a hung one takes no second thread."""
        self._searches = asyncio.Semaphore(READERS // 2)
        """Those that hang must leave connections to all others who read."""
        self._finding: asyncio.Future[Past] | None = None
        """A search that timed out."""
        self._hung: dict[str, asyncio.Future[list[Signal] | BaseException]] = {}
        """Comparisons that timed out and still run: threads cannot be killed, so their assessors get no second one."""

    async def signals(self, appeal_id: int, appeal: Appeal) -> Mapping[str, Sequence[Signal] | None]:
        """Return the signals of each assessor, or None if it failed."""
        if not self._assessors:
            return {}
        past = await self._past(appeal_id, appeal)
        if past is None:
            return dict.fromkeys(self._assessors)
        return {name: await self._ask(name, each, appeal, past) for name, each in self._assessors.items()}

    async def _past(self, appeal_id: int, appeal: Appeal) -> Past | None:
        """Return what the finder finds; None if it fails, so that no dossier says that nobody has repeated."""
        finder = self._host.past_finder
        if finder is None:
            return Past()
        try:
            return await self._found(finder, appeal_id, appeal)
        except BaseException as error:
            if (isinstance(error, JournalError) and error.code != "unreadable") or not is_defect(error):
                raise
            if isinstance(error, JournalError):
                log.error("journal.unreadable", appeal_id=appeal_id, error=type(error).__name__)
            else:
                self._host.defects[f"journal_part.{finder.name}"] += 1
                log.error("plugin.raised", plugin=finder.name, hook="register_journal_parts", exc_info=error)
            return None

    async def _found(self, finder: PastFinder, appeal_id: int, appeal: Appeal) -> Past:
        """Ask the finder; while a question hangs, which has a connection of the journal, it gets no other one."""
        async with self._searches:
            if self._finding is not None and not self._finding.done():
                raise TimeoutError("the search before this one goes on")
            question = asyncio.ensure_future(self._journal.ask(_find, finder, appeal_id, appeal))
            try:
                done, _ = await asyncio.wait({question}, timeout=_SEARCH)
            except asyncio.CancelledError:
                question.cancel()
                raise
            if done:
                return question.result()
            self._finding = question
            question.add_done_callback(lambda late: late.cancelled() or late.exception())  # told already
            raise TimeoutError("the search takes too long")

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


def _find(connection: Connection, finder: PastFinder, appeal_id: int, appeal: Appeal) -> Past:
    try:
        past = finder.find(connection, appeal_id, appeal)
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        raise RuntimeError("a finder wants the program to end") from error  # a task that ended so would end the loop
    if not isinstance(past, Past):
        raise TypeError("a finder must return a past")
    return past


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
