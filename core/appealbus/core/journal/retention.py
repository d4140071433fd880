"""What is past its time: counted, found, and deleted in small transactions, so that others go on meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Column, ColumnElement, Connection, Table, func, or_, select, true

from appealbus.core.journal import pruning, replies
from appealbus.core.journal.access import access
from appealbus.core.journal.changes import waiting_changes
from appealbus.core.journal.errors import ClockInDoubt
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.pruning import RESTS, waited_for
from appealbus.core.journal.quarantine import quarantine
from appealbus.core.journal.replies import old_replies, reply
from appealbus.core.journal.state import how_it_stands
from appealbus.core.journal.tables import IDLE, SUPERSEDES, WAITS, appeal, dossier, outbox
from appealbus.core.journal.writes import Write

_PAGE = 200
"""Versions that are looked at at once."""


@dataclass(frozen=True, slots=True)
class Ages:
    """What is older than these moments goes; None: it stays."""

    done: datetime
    """Appeals that have been idle and fully delivered since, and messages that were replayed."""
    access: datetime | None = None
    log: datetime | None = None
    versions: datetime | None = None
    """Versions that were superseded before."""
    replies: Mapping[str, datetime] = field(default_factory=dict)
    """By source, where its setting says less than what was said when they came."""


def superseding(
    connection: Connection, before: datetime, after: tuple[datetime, int] | None
) -> list[tuple[int, int, datetime]]:
    """Return a page of versions that superseded others before a moment: appeal, version, when."""
    query = select(dossier.c.appeal_id, dossier.c.version, dossier.c.created_at)
    query = query.where(SUPERSEDES, dossier.c.created_at < before)
    if after is not None:
        at, appeal_id = after
        behind = or_(dossier.c.created_at > at, dossier.c.appeal_id > appeal_id)
        query = query.where(dossier.c.created_at >= at, behind)
    rows = connection.execute(query.order_by(dossier.c.created_at, dossier.c.appeal_id).limit(_PAGE))
    return [(row.appeal_id, row.version, row.created_at) for row in rows]


def with_older(connection: Connection, versions: list[tuple[int, int, datetime]]) -> list[tuple[int, int]]:
    """Return those of these versions that have an older one which nobody waits for."""
    ids = [appeal_id for appeal_id, _, _ in versions]
    theirs = select(dossier.c.appeal_id, func.min(dossier.c.version)).where(dossier.c.appeal_id.in_(ids), ~waited_for())
    first = {row[0]: row[1] for row in connection.execute(theirs.group_by(dossier.c.appeal_id))}
    newest: dict[int, int] = {}
    for appeal_id, version, _ in versions:
        if first.get(appeal_id, version) < version:
            newest[appeal_id] = max(version, newest.get(appeal_id, 0))
    return list(newest.items())


def count(connection: Connection, ages: Ages, now: datetime, without: str | None = None) -> dict[str, int]:
    """Return how much would be deleted now, by kind; what goes with its appeal is not counted beside it.

    `without` is a receiver for which nothing is to wait any more. Raises ClockInDoubt if nobody knows how old
    anything is.
    """
    if how_it_stands(connection).doubt is not None:
        raise ClockInDoubt

    def of(table: Table, *conditions: ColumnElement[bool]) -> int:
        return connection.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    others = true() if without is None else outbox.c.receiver != without
    unsent = select(outbox.c.id).where(outbox.c.appeal_id == appeal.c.id, WAITS, others).exists()
    done = (appeal.c.state == IDLE, appeal.c.changed_at < ages.done, ~unsent)
    goes = select(appeal.c.id).where(*done)
    counts = {
        "appeals": of(appeal, *done),
        "quarantine": of(quarantine, (quarantine.c.replayed_at < ages.done) | (quarantine.c.closed_at < ages.done)),
        "replies": of(
            reply, or_(*old_replies(now, ages.replies)), ~goes.where(appeal.c.id == reply.c.appeal_id).exists()
        ),
    }
    if ages.access is not None:
        counts["access"] = of(access, *_before(access.c.id, access.c.at >= ages.access))
    if ages.log is not None:
        counts["log"] = of(log_entry, *_before(log_entry.c.position, log_entry.c.at >= ages.log))
    if ages.versions is not None:
        newer = dossier.alias()
        same = (newer.c.appeal_id == dossier.c.appeal_id, newer.c.version > dossier.c.version)
        followed = select(newer.c.version).where(*same, newer.c.created_at < ages.versions).exists()
        its = select(appeal.c.id).where(appeal.c.id == dossier.c.appeal_id)
        rests, stays = its.where(RESTS).exists(), ~its.where(*done).exists()
        counts["versions"] = of(dossier, followed, ~waited_for(others), rests, stays)
    return counts


def _before(key: Column[int], young: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    """Return the condition for the rows before the first young one: only whole beginnings go."""
    first = select(key).where(young).order_by(key).limit(1).scalar_subquery()
    return [key < func.coalesce(first, 1 << 62)]


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def prune(journal: Journal, ages: Ages) -> dict[str, int]:
    """Delete appeals idle and fully delivered for so long, messages replayed before, and expired replies.

    The access log, the log and superseded versions stay, unless `Ages` say which. Works in small transactions:
    others go on meanwhile. A message that is sent again after its appeal was pruned is a new appeal. All times are
    by `now()`. Returns how many are gone by kind: `appeals`, `quarantine`, `replies`, `access`, `versions`, `log`.
    Raises ClockInDoubt.
    """
    await _trust_ages(journal)
    gone = {
        "appeals": await _appeals(journal, ages.done),
        "quarantine": await all_of(journal, pruning.OldMessages(ages.done)),
        "replies": await all_of(journal, replies.Old(ages.replies, journal.now())),
    }
    if ages.access is not None:
        gone["access"] = await all_of(journal, pruning.OldAccess(ages.access))
    if ages.versions is not None:
        gone["versions"] = await _versions(journal, ages.versions)
    if ages.log is not None:
        gone["log"] = await _log(journal, ages.log)
    return gone


async def _versions(journal: Journal, before: datetime) -> int:
    """Delete superseded versions. They are looked for beside the writer: most of those found are gone already."""
    total, after = 0, None
    while page := await journal.ask(superseding, before, after):
        after = page[-1][2], page[-1][0]
        older = await journal.ask(with_older, page)
        if older:
            total += await journal.do(pruning.Superseded(older, before))
    return total


async def _appeals(journal: Journal, before: datetime) -> int:
    """Delete appeals idle and fully delivered since; each batch goes on where the last one ended."""
    total, last = 0, _BEGINNING
    while True:
        pruned = await journal.do(pruning.Idle(before, last))
        if not pruned.count:
            return total
        total, last = total + pruned.count, pruned.last


async def prune_log(journal: Journal, before: datetime) -> int:
    """Delete the beginning of the log up to the first entry that is not older; return how many entries.

    A reader whose cursor is before what is left is told where to start again. Raises ClockInDoubt.
    """
    await _trust_ages(journal)
    return await _log(journal, before)


async def _log(journal: Journal, before: datetime) -> int:
    """Delete in batches, without the entries that note this."""
    total, gone = 0, pruning.ENTRIES
    while gone == pruning.ENTRIES:
        gone = await journal.do(pruning.OldEntries(before))
        total += gone
    return total


async def expire_changes(journal: Journal, before: datetime) -> int:
    """Move changes that have waited for their appeals since before then into quarantine; return how many.

    So go those whose appeal is here and had no room for them.
    """
    total = 0
    while waiting := await journal.ask(waiting_changes.to_give_up, before, journal.number_prefix):
        total += await journal.do(waiting_changes.GivenUp(waiting))
    return total


async def all_of(journal: Journal, item: Write[int]) -> int:
    """Delete in batches until nothing is left; return how much."""
    total = 0
    while gone := await journal.do(item):
        total += gone
    return total


async def _trust_ages(journal: Journal) -> None:
    if (await journal.look()).doubt is not None:
        raise ClockInDoubt
