"""What the busiest queries cost on PostgreSQL when the journal is large: they walk the index that is theirs."""

from datetime import UTC, date, datetime

import psycopg
import pytest

from appealbus.core.domain.counts import WeekPart
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import figures, keeping
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering, receivers
from appealbus.core.journal.deliveries.deliveries import DeliveryState
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness
from tests.core.journal.explaining import explain_all
from tests.services.forms import form

_MANY = form(40_000, 100_000)
_FILL = f"""
INSERT INTO appeal (id, channel, message_id, number, accepted_at, accepted_by, urgency, state, due_at, lease_owner,
    lease_until, version, changed_at, content)
SELECT i, 'c', 'm' || i, 'N' || i, 0, 'x', i % 1000, s, CASE s WHEN 'parked' THEN i * 1000000::bigint END,
    CASE s WHEN 'in_work' THEN 'dead' END, CASE s WHEN 'in_work' THEN i * 1000000::bigint END, 1, 0,
    'x'
FROM (SELECT i, CASE WHEN i % 100 = 0 THEN 'ready' WHEN i % 100 = 1 THEN 'parked' WHEN i % 1000 = 2 THEN 'in_work'
    ELSE 'idle' END AS s FROM generate_series(10, {_MANY}) AS i) AS many;
UPDATE appeal SET lacks = ' a.b c.' || id % 7 || ' ' WHERE id % 50 = 7;
INSERT INTO document SELECT id, content,
    convert_to('{{"message_id": "m", "kind": "report", "applicant": {{"type": "person"}}}}', 'UTF8') FROM appeal;
INSERT INTO dossier (appeal_id, version, completeness, created_at, document)
SELECT id, 1, 'complete', 0, '' FROM appeal;
INSERT INTO outbox (appeal_id, receiver, version, attempts, next_attempt_at, sent_at)
SELECT id, 'out', 1, 0, 0, CASE WHEN id % 100 = 3 THEN NULL ELSE 0 END FROM appeal;
INSERT INTO counter VALUES ('appeal', {_MANY}), ('AB-2026', {_MANY});
"""


@pytest.fixture
async def large(database):
    async with await Journal.open(database) as journal:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(_FILL)
            connection.execute("ANALYZE")
        yield journal


@pytest.mark.proof
async def test_no_busy_query_reads_the_whole_table(large, make, monkeypatch):
    """Claim, conclude, deliver and count on a large table: none is a sequential scan of a large table."""
    heard = explain_all(monkeypatch)
    now = datetime.now(UTC)

    for state in (AppealState.READY, AppealState.IN_WORK, AppealState.PARKED):
        assert len(await large.ask(lists.appeals, after=5000, limit=3, state=state)) == 3
    assert sum(row.appeals for row in (await large.ask(figures.week_counts, 5000, 100)).rows) == 100
    assert len(await large.ask(figures.appeals_of_week, WeekPart(date(1969, 12, 29), 5000, 5100), 3)) == 3
    for selection in (
        Selection(state=AppealState.PARKED, kind="complaint"),
        Selection(state=AppealState.IDLE, completeness="partial"),
        Selection(due_before=date(2026, 1, 1), place="750000000"),
        Selection(receiver="out", kind="complaint"),
        Selection(source="egkn", code="guard.timeout"),
    ):
        await large.find(selection, limit=3)
    claimed = await claiming.claim(large, claiming.Claim("me", now, 50, 60))
    assert len(claimed) == 50
    assert len(await claiming.claim(large, claiming.Claim("me", now, 5, 60, lost={"c.1"}))) == 5
    await large.ask(figures.counts)
    assert await large.do(leases.Renewal("me", [case.appeal_id for case in claimed], now, 60)) != set()
    for case in claimed[:2]:
        await large.post(keeping.Keep(case.appeal_id, make.state(), owner="me"))
        await large.conclude(
            Conclusion(
                case.appeal_id,
                dossier=b"{}",
                version=2,
                completeness=Completeness.COMPLETE,
                receivers=["out"],
                due_at=None,
                owner="me",
            )
        )
    due = await large.ask(deliveries.undelivered, "out", now, 100)
    await large.do(delivering.Confirmed([one.delivery_id for one in due]))
    await large.do(delivering.Failed([(one.delivery_id, "x", now) for one in due[:1]]))
    for state in (DeliveryState.WAITING, DeliveryState.ALONE, DeliveryState.DELIVERED):
        await large.deliveries_to("out", state, limit=3)
    await large.ask(receivers.receivers)
    await large.ask(figures.next_due)
    await large.accept(make.new())

    slow = [
        (statement, plan)
        for statement, plan in heard
        if any(f"Seq Scan on {table}" in plan for table in ("appeal", "dossier", "outbox"))
    ]
    assert slow == []
    plans = "\n".join(plan for _, plan in heard)
    for index in ("waiting", "parked", "leased", "lacks"):
        assert f"ix_appeal_{index}" in plans
    assert "ix_outbox_unsent" in plans
