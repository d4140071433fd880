"""Quotas of sources: each call is counted before it leaves, once for all workers; one that does not is given back.

So there are never more calls than the quota; one that a crash kept from leaving is lost. A period that has begun stays
the one that is counted until a later one begins: a clock that goes back gives no second quota.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from operator import itemgetter

from sqlalchemy import Connection, select, update

from appealbus.core.domain.pauses import QuotaAnswer, QuotaCall, QuotaUse, QuotaWish
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import source_quota
from appealbus.core.journal.writes.limiting import lock

Uses = dict[tuple[str, str], QuotaUse]


def take(connection: Connection, items: Sequence[QuotaWish]) -> list[QuotaAnswer]:
    """Take a call for each wish, in their order, as long as there are any."""
    lock(connection)
    sources = sorted({item.source for item in items})
    rows = connection.execute(select(source_quota).where(source_quota.c.source.in_(sources)))
    before: Uses = {(row.source, row.period): QuotaUse(**row._mapping) for row in rows}
    now = dict(before)
    answers = [_take(now, item) for item in items]
    changed = [use for key, use in now.items() if before.get(key) != use]
    bulk.upsert(connection, source_quota, [asdict(use) for use in changed])
    return answers


def give_back(connection: Connection, items: Sequence[QuotaCall]) -> list[None]:
    """Count calls no more that did not leave, each in the periods that it was counted in; what is over stays over."""
    lock(connection)
    table = source_quota
    for item in items:
        for period, begins in item.counted.items():
            mine = (table.c.source == item.source, table.c.period == period, table.c.begins == begins)
            connection.execute(update(table).where(*mine, table.c.used > 0).values(used=table.c.used - 1))
    return [None] * len(items)


def _take(uses: Uses, item: QuotaWish) -> QuotaAnswer:
    its = item.source
    mine = {period: period.use(its, uses.get((its, period.value)), item.now) for period in item.quota.most}
    refusals = [item.quota.refusal(period, use, item) for period, use in mine.items()]
    full = [(refusal.again_at, refusal) for refusal in refusals if refusal is not None and refusal.again_at is not None]
    if not full:
        for period, use in mine.items():
            taken = QuotaUse(use.source, use.period, use.begins, use.used + 1)
            mine[period] = uses[item.source, period.value] = taken
    left = {period.value: max(0, most - mine[period].used) for period, most in item.quota.most.items()}
    if full:
        return replace(max(full, key=itemgetter(0))[1], left=left)
    return QuotaAnswer(left=left, counted={period.value: use.begins for period, use in mine.items()})
