"""The part of the journal that reads: never blocks the writer, never blocks the event loop."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.calls import PastCalls
from appealbus.core.domain.case import Case, KeptAnswer, LookupState
from appealbus.core.domain.counts import Counts
from appealbus.core.domain.document import Version
from appealbus.core.domain.event import Cursor, LogEntry, LogFilter, LogPage
from appealbus.core.domain.known import KnownLookup
from appealbus.core.domain.listing import AppealRow, AppealState, Endangered, VersionRow
from appealbus.core.domain.outage import DueDay, Needs, WaitingByDay
from appealbus.core.domain.outline import Outline
from appealbus.core.domain.pace import Pace
from appealbus.core.domain.pauses import SourceNews
from appealbus.core.domain.replies import ReplyRow
from appealbus.core.domain.selection import Place as ListPlace
from appealbus.core.domain.source_state import SourceState
from appealbus.core.domain.waiting import DueSoon, ParkedFor
from appealbus.core.domain.weekly import WeekCounts, WeekPart
from appealbus.core.interfaces.past import Past
from appealbus.core.journal import documents, naming, old
from appealbus.core.journal.errors import ClockInDoubt
from appealbus.core.journal.kept import Kept
from appealbus.core.journal.key import JournalKey, KeyFile, insist_on
from appealbus.core.journal.old import Ages
from appealbus.core.journal.reads import (
    calls,
    cases,
    changes,
    counting,
    deliveries,
    lists,
    log,
    outages,
    outlines,
    pace,
    past,
    pauses,
    replies,
    standing,
    waiting,
    weekly,
)
from appealbus.core.journal.reads.past import AT_INTAKE, Reach
from appealbus.core.journal.reads.replies import Place, Span
from appealbus.core.journal.rows import (
    ChangeRow,
    DeliveryRow,
    Heartbeat,
    JournalState,
    NewChange,
    Undelivered,
    WorkerState,
)
from appealbus.core.journal.serving import Serving
from appealbus.core.journal.writes import changing
from appealbus.core.journal.writes.change_targets import Changing
from appealbus.core.journal.writes.clock import shared_now
from appealbus.core.journal.writes.knowing import known
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import Record

DELIVERED_BYTES = 8 * 1024 * 1024
"""Of dossiers that are read at once to be handed over: a hundred usual ones have one, and each is copied
some times, by its text and by the ways out."""


class JournalReader(Kept, Serving):
    """What can be asked of a journal. Lists are paged by key: pass the last id you got as `after`."""

    async def case(self, number: str) -> Case | None:
        """Return an appeal with all that is known of it."""
        return await self._read(lambda connection: cases.case(connection, number))

    async def changes(self, number: str) -> list[ChangeRow] | None:
        """Return an appeal's changes in the order in which they count; None where there is no such appeal."""
        return await self._read(lambda connection: changes.changes(connection, number))

    async def waiting_changes(self, after: int = 0, limit: int = 100) -> list[ChangeRow]:
        """Return a page of the changes that wait for their appeals, without the changes themselves."""
        return await self._read(lambda connection: changes.waiting_changes(connection, after, limit))

    async def would_accept(self, message: Appeal) -> str | None:
        """Return the number of the appeal that the same message has become before; None: it is new.

        Raises:
            MessageDiffers: another message has come with its message id before.

        """
        return await self._read(lambda connection: changes.would_accept(connection, message))

    async def most_awaited(self, limit: int = 10) -> list[tuple[str, str, int]]:
        """Return which appeals the most changes wait for: channel, number or message id, and how many they are."""
        return await self._read(lambda connection: changes.most_awaited(connection, limit))

    async def would_change(self, new: NewChange, *, most_waiting: int = 10_000) -> str | None:
        """Raise what `leave_quarantine` would, and write nothing; return the number it has if it came before."""
        item = Changing(new, most_waiting, replayed=True)
        return await self._read(lambda connection: changing.would_change(connection, item))

    async def sent_changes(self) -> dict[str, set[str]]:
        """Return which kinds of change each channel has sent; of none that is known, the empty one."""
        return await self._read(changes.sent)

    async def cases(self, ids: Sequence[int]) -> list[Case]:
        """Return appeals by id, in the order of the ids. One that cannot be read is left out and logged."""
        return await self._read(lambda connection: cases.cases(connection, ids)) if ids else []

    async def appeals(
        self, after: int = 0, limit: int = 100, *, state: AppealState | None = None, lacking: bool = False
    ) -> list[AppealRow]:
        """Return a page of appeals, oldest first; of one state if it is given, and those alone that lack a lookup."""
        return await self._read(lambda connection: lists.appeals(connection, after, limit, state, lacking=lacking))

    async def appeals_with(self, ids: Sequence[int]) -> dict[int, AppealRow]:
        """Return by its id how each of these appeals stands; what is deleted is not there."""
        return await self._read(lambda connection: lists.appeals_with(connection, ids))

    async def appeal(self, number: str) -> AppealRow | None:
        """Return how the appeal with this number stands, as in a list."""
        return await self._read(lambda connection: lists.appeal_row(connection, number), together=False)

    async def appeals_of(self, kind: naming.Kind, identifier: str, after: int = 0, limit: int = 100) -> list[AppealRow]:
        """Return a page of the appeals that name somebody or something, themselves or in a record found for them.

        Args:
            kind: what the identifier is: `iin`, `bin`, `cadastral_number`.
            identifier: in any spelling.
            after: the last id of the page before.
            limit: the most appeals.

        Raises:
            IdentifierError: it is no such identifier.
            ConfigError: the journal's key is not there, or not its own.

        """
        normal = naming.PARSES[kind](identifier)
        return await self._read(
            lambda connection: lists.appeals_of(connection, self._key_now(connection).mark(kind, normal), after, limit)
        )

    async def past(self, appeal_id: int, its: Appeal, reach: Reach = AT_INTAKE) -> Past:
        """Return what an appeal, in its newest form, has in common with others.

        Raises:
            ConfigError: the journal's key is not there, or not its own.

        """
        return await self._read(
            lambda connection: past.past(connection, self._key_of(connection), appeal_id, its, reach)
        )

    async def count_old(self, ages: Ages, now: datetime, without: str | None = None) -> dict[str, int]:
        """Return how much `prune` would delete now, by what it is; `without` what waits for a receiver.

        Raises:
            ClockInDoubt: nobody knows how old anything is.

        """
        if (await self.standing()).doubt is not None:
            raise ClockInDoubt
        return await self._read(lambda connection: old.count(connection, ages, now, without))

    async def outlines(self, after: int = 0, limit: int = 100) -> tuple[list[Outline], int]:
        """Return a page of the outlines of all appeals, oldest first, and the last id of it; 0: that was all.

        One that cannot be read is left out and logged, so a page may be short, or empty.
        """
        return await self._read(lambda connection: outlines.page(connection, after, limit))

    async def outlines_of(self, ids: Sequence[int]) -> list[Outline]:
        """Return the outlines of appeals, in the order of the ids. One that cannot be read is left out and logged."""
        return await self._read(lambda connection: outlines.outlines(connection, ids))

    async def records_of(self, ids: Sequence[int], lookups: Sequence[str]) -> list[tuple[int, str, Record]]:
        """Return the records that these lookups have found for appeals, each with the appeal's id and the lookup."""
        return await self._read(lambda connection: list(outlines.records(connection, ids, lookups)))

    async def keyed(self) -> JournalKey:
        """Return what makes keys of questions, and marks.

        Raises:
            ConfigError: the journal's key is not there, or not its own.

        """
        return await self._read(self._key_of)

    def _key_of(self, connection: Connection) -> JournalKey:
        """Return the journal's key, which is looked for once it is needed."""
        if isinstance(self._key, KeyFile):
            self._key = self._key.of_journal(connection)
        return self._key

    def _key_now(self, connection: Connection) -> JournalKey:
        """Return the journal's key, to find by it all that is there now."""
        key = self._key_of(connection)
        insist_on(key, connection)
        return key

    async def states(self, number: str) -> list[LookupState]:
        """Return how each question of an appeal stands."""
        return await self._read(lambda connection: cases.states(connection, number))

    async def answers(self, appeal_id: int) -> list[KeptAnswer]:
        """Return the answers to an appeal's questions that came by themselves and that no lookup has read yet."""
        return await self._read(lambda connection: cases.answers(connection, appeal_id))

    async def replies(self, appeal_id: int) -> list[ReplyRow]:
        """Return the replies that are kept for an appeal's questions, the newest first."""
        return await self._read(lambda connection: replies.replies(connection, appeal_id))

    async def appeals_with_replies(self, span: Span, after: Place | None, limit: int) -> list[tuple[int, Place]]:
        """Return a page of the appeals of which such replies are kept, each once, in the order of their first ones."""
        return await self._read(lambda connection: replies.appeals_with_replies(connection, span, after, limit))

    async def dossier(self, number: str, version: int | None = None) -> bytes | None:
        """Return a version of a dossier as JSON, the newest by default; None if there is none."""
        return await self._read(lambda connection: documents.whole(connection, number, version), together=False)

    async def version(self, appeal_id: int, version: int) -> Version | None:
        """Return a version of a dossier without its documents; None if there is none. ValueError: it is damaged."""
        kept = await self._read(lambda connection: documents.version(connection, appeal_id, version))
        # Not in the read, which would fail as the journal does: a case fails alone.
        return None if kept is None else replace(kept, skeleton=unpack(kept.skeleton))

    async def documents(self, appeal_id: int, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return those of an appeal's documents that are named, by their digest."""
        return await self._read(lambda connection: documents.bodies(connection, appeal_id, digests))

    async def versions(self, number: str) -> list[VersionRow]:
        """Return the versions of a dossier, oldest first."""
        return await self._read(lambda connection: lists.versions(connection, number))

    async def access_rows(self, number: str | None = None, after: int = 0, limit: int = 100) -> list[AccessRow]:
        """Return a page of the access log, oldest first; of one appeal if a number is given."""
        return await self._read(lambda connection: lists.access_rows(connection, number, after, limit))

    async def left_for_sources(self, number: str) -> list[AccessRow]:
        """Return the questions of an appeal that left for a source, oldest first; not what was answered without one."""
        return await self._read(lambda connection: lists.left_for_sources(connection, number))

    async def turns(self, mark: str) -> int:
        """Return how many turns of a message have begun and never ended."""
        return await self._read(lambda connection: standing.turns(connection, mark))

    async def undelivered(
        self, receiver: str, now: datetime, limit: int, size: int = DELIVERED_BYTES
    ) -> list[Undelivered]:
        """Return what is due for a receiver: of each appeal only the oldest version that is not confirmed yet.

        So a version never overtakes an earlier one, however deliveries fail. Ask again once these are settled.
        `size` bounds the bytes of dossiers that are read; the first one is there however large it is.
        """
        return await self._read(
            lambda connection: deliveries.undelivered(connection, receiver, now, limit, size), together=False
        )

    async def newest_delivery(self) -> int:
        """Return the largest id of a delivery: what comes later has a larger one."""
        return await self._read(deliveries.newest_delivery, together=False)

    async def deliveries(
        self, number: str | None = None, *, receiver: str | None = None, after: int = 0, limit: int = 100
    ) -> list[DeliveryRow]:
        """Return a page of deliveries, oldest first: of one appeal all that there are, else what waits alone."""
        return await self._read(lambda connection: deliveries.deliveries(connection, number, receiver, after, limit))

    async def last_had(self, appeal_id: int, receiver: str, before: int) -> tuple[int, bool] | None:
        """Return the newest version before one that a receiver has had or may have had, and whether that is certain."""
        return await self._read(lambda connection: deliveries.last_had(connection, appeal_id, receiver, before))

    async def log(
        self,
        after: Cursor | None = None,
        limit: int = 100,
        *,
        what: Collection[str] = (),
        number: str | None = None,
        about: str | None = None,
        actor: str | None = None,
    ) -> LogPage:
        """Return a page of the log, in the order of positions; of what is wanted, if that is said.

        Go on from its `next` until its `lag` is 0: a page may be short, or empty, before. Whoever keeps the cursor
        together with what has become of the page misses nothing and sees nothing twice.

        Args:
            after: a cursor; None: from the beginning of what is kept.
            limit: the most entries.
            what: only what is one of these, as `delivered`.
            number: only what happened to the appeal with this number.
            about: only what is about this lookup, receiver, channel or source.
            actor: only what this one did, as `person:aigul`.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.

        """
        wanted = LogFilter(what, number, about, actor)
        return await self._read(lambda connection: log.page(connection, after, limit, wanted))

    async def history(self, number: str, after: int = 0, limit: int = 100) -> list[LogEntry]:
        """Return a page of all that happened to one appeal, oldest first. Page by the position of the last one.

        At the end of the last page stands what has no position yet, which on PostgreSQL comes a moment later.
        """
        return await self._read(lambda connection: log.history(connection, number, after, limit))

    async def standing(self) -> JournalState:
        """Return which journal this is, its epoch, and what its clock is worth."""
        return await self._read(standing.how_it_stands)

    async def source_states(self) -> list[SourceState]:
        """Return how the sources stand over all workers alive; where none is, how they stood at last."""
        return await self._read(lambda connection: standing.source_states(connection, shared_now(connection)))

    async def source_news(self) -> SourceNews:
        """Return which sources a person has paused, what of their quotas is used, and when they came back."""
        return await self._read(pauses.news)

    async def endangered(
        self, source: str, kinds: Collection[str] | None, due_by: date, limit: int
    ) -> tuple[list[Endangered], int]:
        """Return the most urgent appeals that are due by then and wait for a source, or would; and how many there are.

        Args:
            source: that is asked no more.
            kinds: of appeals whose contracts ask it; None: all.
            due_by: the last day.
            limit: the most appeals.

        """
        return await self._read(lambda connection: pauses.endangered(connection, source, kinds, due_by, limit))

    async def waiting_by_day(self, needs: Needs) -> WaitingByDay:
        """Return how many open appeals wait for a source, or are still to ask it, by the day on which they are due."""
        return await self._read(lambda connection: outages.by_day(connection, needs))

    async def missing_by_outage(
        self, needs: Needs, days: Sequence[DueDay], after: ListPlace, limit: int
    ) -> list[AppealRow]:
        """Return a page of those of them that miss these days: go on after the day and the id of the last one."""
        return await self._read(lambda connection: outages.missing(connection, needs, days, after, limit))

    async def past_calls(self, lookups: Collection[str]) -> PastCalls:
        """Return the calls of these lookups that the newest part of the log tells of, some thousand appeals back."""
        return await self._read(lambda connection: calls.past_calls(connection, lookups))

    async def pace(self) -> Pace:
        """Return how fast things happen, by the newest part of the log: that of five minutes at most."""
        return await self._read(lambda connection: pace.pace(connection, shared_now(connection)))

    async def heartbeats(self) -> list[Heartbeat]:
        """Return the processes that work this journal, or did until they fell silent, each with its last heartbeat."""
        return await self._read(standing.heartbeats)

    async def workers(self) -> list[WorkerState]:
        """Return the processes that work this journal now."""
        return await self._read(lambda connection: standing.workers(connection, shared_now(connection)))

    async def known_lookups(self) -> list[KnownLookup]:
        """Return the lookups that could ever be asked here, and the plugins that were ever loaded."""
        return await self._read(known)

    async def counts(self) -> Counts:
        """Return how much the journal holds. Costs what is unfinished, not what has ever been."""
        return await self._read(counting.counts)

    async def week_counts(self, after: int = 0, most: int = 50_000) -> WeekCounts:
        """Count the appeals behind an id by week, category and place, at most so many; go on from its `upto`."""
        return await self._read(lambda connection: weekly.counts(connection, after, most))

    async def appeals_of_week(self, part: WeekPart, limit: int = 100) -> list[AppealRow]:
        """Return the newest appeals of a part of a week."""
        return await self._read(lambda connection: weekly.appeals(connection, part, limit))

    async def parked_for(self) -> list[ParkedFor]:
        """Return how many appeals are parked for each source, and when they are asked for again."""
        return await self._read(waiting.parked_for)

    async def due_soon(self, since: date, today: date, until: date) -> DueSoon:
        """Return what is open, due from `since` to `until`, and lacks something; `today` tells what is overdue."""
        return await self._read(lambda connection: waiting.due_soon(connection, since, today, until))

    async def next_due(self) -> datetime | None:
        """Return when the next parked appeal is due; None if none is parked."""
        return await self._read(counting.next_due)
