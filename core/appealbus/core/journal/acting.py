"""What an operation does to some hundreds of rows in one transaction, and the verdict on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, or_, select, update

from appealbus.core.domain.event import Event, EventType
from appealbus.core.domain.operation import ItemResult, Operation, Order
from appealbus.core.journal import clock, events, feed
from appealbus.core.journal.appeals import suspects
from appealbus.core.journal.appeals.leases import ANSWERED_NO, ANSWERED_YES, OPEN
from appealbus.core.journal.deliveries import delivering
from appealbus.core.journal.drivers import bulk, direct
from appealbus.core.journal.drivers.encoding import to_number
from appealbus.core.journal.tables import WAITED_FOR, appeal, lookup, outbox

Verdicts = dict[int, tuple[str, ItemResult]]
"""By id the number of each row's appeal, or the id where that is gone, and the verdict."""


@dataclass(frozen=True, slots=True)
class Act:
    ids: list[int]
    order: Order
    by: str
    reason: str
    hash: str
    at: datetime
    """By the journal's clock, which what is due is counted by."""
    wall: datetime

    @property
    def told(self) -> dict[str, str]:
        return {"operation": self.hash} | ({"reason": self.reason} if self.reason else {})


def ask_again(connection: Connection, act: Act) -> Verdicts:
    """Ask open questions again at once, where an appeal is free and one of them would not be asked anyway."""
    rows = _locked(connection, act)
    now = clock.leased_at(connection, act.at)
    dead = [row for row in rows if row.state == "in_work" and row.lease_until <= now]
    killed = set(suspects.take_over(connection, dead, act.at, act.by).held) if dead else set()
    questions = _questions(connection, act, [row.id for row in rows])
    verdicts = _all_gone(act)
    for row in rows:
        if row.state == "in_work" and row.lease_until > now:
            verdict = ItemResult.IN_WORK
        elif row.state == "held" or row.number in killed:
            verdict = ItemResult.HELD
        else:
            count, later = questions.get(row.id, (0, 0))
            is_due = row.due_at is not None and row.due_at <= act.at
            soon = (is_due or row.state not in ("parked", "idle")) and not later
            verdict = ItemResult.NOTHING if row.closed or not count or soon else ItemResult.DONE
        verdicts[row.id] = row.number, verdict
    done = _done(verdicts)
    if done:
        ready = {"state": suspects.WAITING, "due_at": None, "lease_owner": None, "lease_until": None}
        connection.execute(update(appeal).where(appeal.c.id.in_(done)).values(**ready))
        due = update(lookup).where(lookup.c.appeal_id.in_(done), _asked(act.order))
        connection.execute(due.values(next_attempt_at=act.at))
        what = EventType.REFRESHED if act.order.operation is Operation.REFRESH else EventType.RETRIED
        detail = {"everything": act.order.everything, "due": to_number(act.at), **act.told}
        happened = [
            Event(what, appeal_id, act.by, detail={"questions": questions[appeal_id][0], **detail})
            for appeal_id in done
        ]
        events.note(connection, happened)
    return verdicts


def _questions(connection: Connection, act: Act, ids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """Return by appeal how many questions are asked again, and how many of these were not due."""
    later = or_(lookup.c.next_attempt_at.is_(None), lookup.c.next_attempt_at > act.at)
    columns = (lookup.c.appeal_id, func.count(), func.sum(case((later, 1), else_=0)))
    query = select(*columns).where(lookup.c.appeal_id.in_(ids), _asked(act.order)).group_by(lookup.c.appeal_id)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _asked(order: Order) -> ColumnElement[bool]:
    again: list[str] = []
    if order.operation is Operation.REFRESH:
        again = ANSWERED_NO + ANSWERED_YES
    elif order.everything:
        again = ANSWERED_NO
    return or_(OPEN, lookup.c.kind.in_(again))


_ASSESSED = {"in_work": ItemResult.IN_WORK, "held": ItemResult.HELD, "parked": ItemResult.DONE, "idle": ItemResult.DONE}


def assess(connection: Connection, act: Act) -> Verdicts:
    """Have resting appeals worked again without a due question, so that their dossiers are assessed anew."""
    verdicts = _judged(_locked(connection, act), act, lambda row: _ASSESSED.get(row.state, ItemResult.NOTHING))
    done = _done(verdicts)
    if done:
        rests = update(appeal).where(appeal.c.id.in_(done))
        connection.execute(rests.values(state=suspects.WAITING, due_at=None))
        events.note(connection, [Event(EventType.ASSESSED, appeal_id, act.by, detail=act.told) for appeal_id in done])
    return verdicts


def hold(connection: Connection, act: Act) -> Verdicts:
    """Hold appeals, also those in work: their worker loses the lease."""
    verdicts = _judged(
        _locked(connection, act), act, lambda row: ItemResult.HELD if row.state == "held" else ItemResult.DONE
    )
    done = _done(verdicts)
    if done:
        by = act.by.removeprefix("person:")
        held = {"state": "held", "held_by": by, "held_reason": act.reason, "changed_at": act.wall}
        free = {"due_at": None, "lease_owner": None, "lease_until": None, "waits_for": WAITED_FOR}
        connection.execute(update(appeal).where(appeal.c.id.in_(done)).values(**held, **free))
        detail = {"reason": act.reason, "operation": act.hash}
        events.note(connection, [Event(EventType.HELD, appeal_id, act.by, detail=detail) for appeal_id in done])
    return verdicts


def let_go(connection: Connection, act: Act) -> Verdicts:
    """Release held appeals; a suspect still runs alone."""
    rows = _locked(connection, act)
    verdicts = _judged(rows, act, lambda row: ItemResult.DONE if row.state == "held" else ItemResult.NOT_HELD)
    done = _done(verdicts)
    if done:
        state = {"state": suspects.WAITING, "deaths": case((appeal.c.deaths.is_(None), None), else_=0)}
        free = {"held_by": None, "held_reason": None, "changed_at": act.wall, "due_at": None}
        connection.execute(update(appeal).where(appeal.c.id.in_(done)).values(**state, **free))
        events.note(connection, [Event(EventType.RELEASED, appeal_id, act.by, detail=act.told) for appeal_id in done])
    return verdicts


def resend(connection: Connection, act: Act) -> Verdicts:
    """Deliver again under the same ids, except what is on its way."""
    query = select(*delivering.TOLD, outbox.c.sent_at, outbox.c.alone_since, appeal.c.number)
    query = query.join(appeal, appeal.c.id == outbox.c.appeal_id).where(outbox.c.id.in_(act.ids))
    rows = connection.execute(query.order_by(outbox.c.id).with_for_update(of=outbox)).all()
    verdicts = _judged(
        rows,
        act,
        lambda row: ItemResult.NOTHING if row.sent_at is None and row.alone_since is None else ItemResult.DONE,
    )
    done = [row for row in rows if verdicts[row.id][1] is ItemResult.DONE]
    if done:
        delivering.again(connection, [row.id for row in done], act.at)
        events.note(connection, [delivering.event(EventType.RESENT, row, act.by, **act.told) for row in done])
        direct.notify(connection)
    return verdicts


def _locked(connection: Connection, act: Act) -> Sequence[Any]:
    """Lock the appeals in the order of their ids, as all writes do."""
    names = ("id", "number", "deaths", "state", "lease_until", "closed", "due_at")
    query = select(*(appeal.c[name] for name in names)).where(appeal.c.id.in_(act.ids)).order_by(appeal.c.id)
    return connection.execute(query.with_for_update(key_share=True)).all()


def _all_gone(act: Act) -> Verdicts:
    return {id_: (f"id {id_}", ItemResult.GONE) for id_ in act.ids}


def _judged(rows: Sequence[Any], act: Act, judge: Any) -> Verdicts:
    return _all_gone(act) | {row.id: (row.number, judge(row)) for row in rows}


def _done(verdicts: Verdicts) -> list[int]:
    return [id_ for id_, (_, verdict) in verdicts.items() if verdict is ItemResult.DONE]


def hand_over(connection: Connection, act: Act) -> Verdicts:
    """Give versions, by their positions in the log, to the receiver of the order.

    Their appeals are locked: whoever makes a newer version at the same time is before all of this or after it. So what
    has no newer one here cannot be overtaken by one, and the relay takes both in their order.
    """
    receiver = act.order.receiver
    verdicts: Verdicts = {position: (f"position {position}", ItemResult.GONE) for position in act.ids}
    ids = sorted({entry.appeal_id for entry in feed.at(connection, act.ids)})
    connection.execute(
        select(appeal.c.id).where(appeal.c.id.in_(ids)).order_by(appeal.c.id).with_for_update(key_share=True)
    ).all()
    versions = feed.at(connection, act.ids)  # once more: what was pruned meanwhile is gone
    newest = feed.newest_of(connection, receiver, ids)
    rows = []
    for entry in versions:
        has = newest.get(entry.appeal_id, 0)
        if entry.version > has:
            newest[entry.appeal_id] = entry.version
            rows.append(_row(entry.appeal_id, receiver, entry.version) | {"next_attempt_at": act.at})
        verdict = (
            ItemResult.DONE if entry.version > has else ItemResult.NOTHING if entry.version == has else ItemResult.NEWER
        )
        verdicts[entry.position] = f"{entry.number} version {entry.version}", verdict
    if rows:
        bulk.insert(connection, outbox, rows)
        mine = outbox.c.appeal_id.in_({row["appeal_id"] for row in rows}), outbox.c.receiver == receiver
        made = {(row["appeal_id"], row["version"]) for row in rows}
        deliveries = connection.execute(select(*delivering.TOLD).where(*mine).order_by(outbox.c.id))
        new = [row for row in deliveries if (row.appeal_id, row.version) in made]
        more = {"operation": act.hash} | ({"reason": act.reason} if act.reason else {})
        events.note(connection, [delivering.event(EventType.HANDED_LATER, row, act.by, **more) for row in new])
        direct.notify(connection)
    return verdicts


def _row(appeal_id: int, receiver: str, version: int) -> dict[str, object]:
    return {"appeal_id": appeal_id, "receiver": receiver, "version": version, "attempts": 0}
