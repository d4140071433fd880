"""The part of the journal that reads: never blocks the writer, never blocks the event loop."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from appealbus.core.domain import public_id as ids
from appealbus.core.domain.case import Case
from appealbus.core.domain.document import Version
from appealbus.core.domain.event import Cursor, LogFilter, LogPage
from appealbus.core.domain.feed import FeedPage
from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.pace import Pace
from appealbus.core.domain.source_state import SourceState
from appealbus.core.interfaces.past import Past
from appealbus.core.journal import (
    access,
    awaiting,
    documents,
    figures,
    naming,
    past,
    pauses,
    quarantine,
    retention,
    state,
    suspect_messages,
    terms,
    waiting,
    workers,
)
from appealbus.core.journal import clients as client_reads
from appealbus.core.journal import feed as feed_reads
from appealbus.core.journal import log as log_reads
from appealbus.core.journal import replies as reply_reads
from appealbus.core.journal.appeals import accepting, lists
from appealbus.core.journal.appeals import cases as case_reads
from appealbus.core.journal.asking import Asking, asks
from appealbus.core.journal.changes import changes as change_reads
from appealbus.core.journal.changes import changing
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.changes.targets import Changing
from appealbus.core.journal.clock import shared_now
from appealbus.core.journal.deliveries import deliveries as delivery_reads
from appealbus.core.journal.errors import ClockInDoubt
from appealbus.core.journal.key import JournalKey, KeyFile, insist_on
from appealbus.core.journal.mark import Mark
from appealbus.core.journal.past import AT_INTAKE, Reach
from appealbus.core.journal.quarantine import QuarantineRow
from appealbus.core.journal.replies import passes
from appealbus.core.journal.retention import Ages
from appealbus.core.journal.workers import WorkerState, known
from appealbus.core.packing import unpack
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.record import Record


class JournalReader(Asking):
    """What can be asked of a journal. Lists are paged by key: pass the last id you got as `after`."""

    case = asks(case_reads.case)
    changes = asks(change_reads.changes)
    waiting_changes = asks(change_reads.waiting_changes)
    would_accept = asks(accepting.would_accept)
    most_awaited = asks(change_reads.most_awaited)

    async def would_change(self, new: NewChange, *, most_waiting: int = 10_000) -> str | None:
        """Raise what `leave_quarantine` would, without writing; return the number if it came before."""
        item = Changing(new, most_waiting, replayed=True)
        return await self._read(lambda connection: changing.would_change(connection, item))

    sent_changes = asks(change_reads.sent)

    async def cases(self, ids: Sequence[int]) -> list[Case]:
        """Return appeals in the order of the ids. Unreadable ones are left out and logged."""
        return await self._read(lambda connection: case_reads.cases(connection, ids)) if ids else []

    appeals = asks(lists.appeals)
    appeals_with = asks(lists.appeals_with)
    appeal = asks(lists.appeal_row, together=False)

    async def appeals_of(self, kind: naming.Kind, identifier: str, after: int = 0, limit: int = 100) -> list[AppealRow]:
        """Return a page of the appeals that name somebody or something, themselves or in a record found for them.

        Args:
            kind: what the identifier is: `iin`, `bin`, `cadastral_number`.
            identifier: in any spelling.
            after: the last id of the page before.
            limit: the most appeals.

        Raises IdentifierError for a malformed identifier, ConfigError if the journal's key is missing or wrong.
        """
        normal = naming.PARSES[kind](identifier)
        return await self._read(
            lambda connection: lists.appeals_of(connection, self._key_now(connection).mark(kind, normal), after, limit)
        )

    async def past(self, appeal_id: int, its: Appeal, reach: Reach = AT_INTAKE) -> Past:
        """Return what an appeal, in its newest form, has in common with others.

        Raises ConfigError if the journal's key is missing or wrong.
        """
        return await self._read(
            lambda connection: past.past(connection, self._key_of(connection), appeal_id, its, reach)
        )

    async def count_old(self, ages: Ages, now: datetime, without: str | None = None) -> dict[str, int]:
        """Return how much `prune` would delete now, by kind; `without` what waits for a receiver.

        Raises ClockInDoubt if nobody knows how old anything is.
        """
        if (await self.standing()).doubt is not None:
            raise ClockInDoubt
        return await self._read(lambda connection: retention.count(connection, ages, now, without))

    outlines = asks(case_reads.outline_page)
    outlines_of = asks(case_reads.outlines)

    async def records_of(self, ids: Sequence[int], lookups: Sequence[str]) -> list[tuple[int, str, Record]]:
        return await self._read(lambda connection: list(case_reads.records(connection, ids, lookups)))

    async def keyed(self) -> JournalKey:
        """Return the journal's key. Raises ConfigError if it is missing or wrong."""
        return await self._read(self._key_of)

    def _key_of(self, connection: Connection) -> JournalKey:
        """Return the journal's key, which is read when it is first needed."""
        if isinstance(self._key, KeyFile):
            self._key = self._key.of_journal(connection)
        return self._key

    def _key_now(self, connection: Connection) -> JournalKey:
        """Return the key if it still is the journal's."""
        key = self._key_of(connection)
        insist_on(key, connection)
        return key

    states = asks(case_reads.states)
    answers = asks(awaiting.answers)
    replies = asks(reply_reads.replies)
    appeals_with_replies = asks(reply_reads.appeals_with_replies)
    newest_with_replies = asks(reply_reads.newest_with_replies)
    dossier = asks(documents.whole, together=False)

    async def version(self, appeal_id: int, version: int) -> Version | None:
        """Return a version without its documents; None if there is none. ValueError: it is damaged."""
        kept = await self._read(lambda connection: documents.version(connection, appeal_id, version))
        # Not in the read, which would fail as the journal does: a case fails alone.
        return None if kept is None else replace(kept, skeleton=unpack(kept.skeleton))

    documents = asks(documents.bodies)
    versions = asks(lists.versions)
    access_rows = asks(access.access_rows)
    left_for_sources = asks(access.left_for_sources)
    turns = asks(suspect_messages.turns)
    undelivered = asks(delivery_reads.undelivered, together=False)
    newest_delivery = asks(delivery_reads.newest_delivery, together=False)
    deliveries = asks(delivery_reads.deliveries)
    last_had = asks(delivery_reads.last_had)

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
        return await self._read(lambda connection: log_reads.page(connection, after, limit, wanted))

    history = asks(log_reads.history)
    standing = asks(state.how_it_stands)

    async def how_far(self) -> Mark:
        return await self._read(state.how_far, together=False)

    async def what_may_be_lost(self) -> list[str]:
        """Return what the database may lose of what it has confirmed, with the settings that avoid it."""
        return await self._read(state.what_may_be_lost)

    async def source_states(self) -> list[SourceState]:
        """Return the state of sources over all live workers; without any, the last state."""
        return await self._read(lambda connection: workers.source_states(connection, shared_now(connection)))

    async def source_states_at_last(self) -> list[SourceState]:
        """Return the same, with the last state of sources that no live worker asks."""
        at_last = workers.source_states_at_last
        return await self._read(lambda connection: at_last(connection, shared_now(connection)))

    source_news = asks(pauses.news)
    endangered = asks(waiting.endangered)
    waiting_by_day = asks(waiting.by_day)
    missing_by_outage = asks(waiting.missing)
    past_calls = asks(figures.past_calls)

    async def pace(self) -> Pace:
        """Return how fast things happen, by the log of the last five minutes at most."""
        return await self._read(lambda connection: figures.pace(connection, shared_now(connection)))

    heartbeats = asks(workers.heartbeats)

    async def workers(self) -> list[WorkerState]:
        return await self._read(lambda connection: workers.workers(connection, shared_now(connection)))

    known_lookups = asks(known)
    reread_passes = asks(passes)
    counts = asks(figures.counts)
    warned = asks(figures.warned)
    newest_with_warnings = asks(figures.newest_with_warnings)
    unread = asks(figures.unread)
    week_counts = asks(figures.week_counts)
    appeals_of_week = asks(figures.appeals_of_week)
    parked_for = asks(waiting.parked_for)
    due_soon = asks(terms.due_soon)
    next_due = asks(figures.next_due)

    async def last_heartbeat(self) -> datetime | None:
        """Return until when the newest heartbeat counts; None if nobody works the journal."""
        return await self._read(workers.last_heartbeat, together=False)

    async def quarantined(
        self,
        after: int = 0,
        limit: int = 100,
        *,
        include_replayed: bool = False,
        include_closed: bool = False,
        code: str | None = None,
        channel: str | None = None,
    ) -> list[QuarantineRow]:
        """Return a page of the quarantine, oldest first; `raw` is empty."""
        said = [(name, value) for name, value in (("code", code), ("channel", channel)) if value is not None]
        return await self._read(
            lambda connection: quarantine.quarantined(
                connection, after, limit, include_replayed=include_replayed, include_closed=include_closed, said=said
            )
        )

    quarantine_left = asks(quarantine.quarantine_left)
    quarantine_groups = asks(quarantine.quarantine_groups)
    quarantine_log = asks(quarantine.of_quarantine)
    quarantine_beginnings = asks(quarantine.beginnings)
    copies = asks(quarantine.copies)
    quarantine_row = asks(quarantine.quarantine_row)

    async def appeal_of(self, public_id: str) -> AppealRow | None:
        """Return the appeal with this public id; None if unknown or malformed."""
        try:
            appeal_id, tag = ids.parse(public_id)
        except ValueError:
            return None
        return await self._read(lambda connection: lists.appeal_tagged(connection, appeal_id, tag), together=False)

    async def dossier_of(self, public_id: str) -> tuple[AppealRow, bytes | None] | None:
        """Return also the newest dossier as JSON; None if there is none, or it came just now."""
        try:
            appeal_id, tag = ids.parse(public_id)
        except ValueError:
            return None
        return await self._read(lambda connection: lists.dossier_tagged(connection, appeal_id, tag), together=False)

    appeal_by = asks(lists.appeal_by)
    clients = asks(client_reads.all_clients)
    credential = asks(client_reads.credential, together=False)
    credentials_that_count = asks(client_reads.counting)

    async def feed(
        self,
        after: Cursor | None,
        limit: int,
        *,
        places: Collection[str] = (),
        kinds: Collection[str] = (),
        completeness: str | None = None,
    ) -> FeedPage:
        """Return a page of versions in the order of the log; of what is wanted, if that is said.

        Go on from its `next` until its `lag` is 0: a page may be short, or empty, before. A version that is not kept
        any more is passed over: a newer one follows.

        Args:
            after: a cursor; None: from the beginning of what is kept.
            limit: the most entries, at most a thousand.
            places: only of appeals in these territories by КАТО, each with all below it.
            kinds: only of appeals of these kinds.
            completeness: only versions that are so complete.

        Raises:
            CursorRefused: nobody can go on from the cursor without missing anything; it says where to start again.

        """
        wanted = feed_reads.Wanted(frozenset(places), frozenset(kinds), completeness)
        return await self._read(lambda connection: feed_reads.page(connection, after, limit, wanted))

    feed_readers = asks(feed_reads.readers)

    deeds = asks(access.deeds)
    looks_at = asks(access.looks_at)
    asked = asks(access.asked)
    credentials_of = asks(client_reads.credentials_of)
    last_uses = asks(client_reads.last_uses)
