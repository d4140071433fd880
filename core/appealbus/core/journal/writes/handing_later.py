"""A receiver that came later gets versions of before: each once, in order, and none that is older than what it has."""

from sqlalchemy import Connection, select

from appealbus.core.domain.event import What
from appealbus.core.domain.operation import Verdict
from appealbus.core.journal import bulk, events, notifications
from appealbus.core.journal.reads import feed
from appealbus.core.journal.tables import appeal, outbox
from appealbus.core.journal.writes import delivering
from appealbus.core.journal.writes.acting import Act, Verdicts


def hand_over(connection: Connection, act: Act) -> Verdicts:
    """Give versions, by their positions in the log, to the receiver of the order.

    Their appeals are locked: whoever makes a newer version at the same time is before all of this or after it. So what
    has no newer one here cannot be overtaken by one, and the relay takes both in their order.
    """
    receiver = act.order.receiver
    verdicts: Verdicts = {each: (f"position {each}", Verdict.GONE) for each in act.ids}
    ids = sorted({entry.appeal_id for entry in feed.at(connection, act.ids)})
    connection.execute(
        select(appeal.c.id).where(appeal.c.id.in_(ids)).order_by(appeal.c.id).with_for_update(key_share=True)
    ).all()
    found = feed.at(connection, act.ids)  # once more: what was pruned meanwhile is gone
    newest = feed.newest_of(connection, receiver, ids)
    rows = []
    for entry in found:
        has = newest.get(entry.appeal_id, 0)
        if entry.version > has:
            newest[entry.appeal_id] = entry.version
            rows.append(_row(entry.appeal_id, receiver, entry.version) | {"next_attempt_at": act.at})
        verdict = Verdict.DONE if entry.version > has else Verdict.NOTHING if entry.version == has else Verdict.NEWER
        verdicts[entry.position] = f"{entry.number} version {entry.version}", verdict
    if rows:
        bulk.insert(connection, outbox, rows)
        mine = outbox.c.appeal_id.in_({row["appeal_id"] for row in rows}), outbox.c.receiver == receiver
        made = {(row["appeal_id"], row["version"]) for row in rows}
        told = connection.execute(select(*delivering.TOLD).where(*mine).order_by(outbox.c.id))
        new = [row for row in told if (row.appeal_id, row.version) in made]
        more = {"operation": act.hash} | ({"reason": act.reason} if act.reason else {})
        events.note(connection, [delivering.event(What.HANDED_LATER, row, act.by, **more) for row in new])
        notifications.tell(connection)
    return verdicts


def _row(appeal_id: int, receiver: str, version: int) -> dict[str, object]:
    return {"appeal_id": appeal_id, "receiver": receiver, "version": version, "attempts": 0}
