"""What a claim finds, and what it costs, where many return or many are new: on each database, by its indexes alone."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, insert, text, update

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import appeal
from appealbus.schemas.dossier import Completeness
from tests.core.journal.explaining import explain_all
from tests.services.forms import form
from tests.services.recomputed import check_the_past

DAY = timedelta(1)


async def put(journal, make, name, *, days, state=None, **given):
    """Accept an appeal, due in so many days; with a state it has a version, and is parked and due, or ready."""
    new = await journal.accept(make.new(name, due_on=make.now.date() + days * DAY))
    if state is not None:
        due_at = make.later(-60) if state == "due" else None
        told = {"dossier": b"{}", "version": 1, "completeness": Completeness.PARTIAL, "due_at": due_at}
        await journal.conclude(Conclusion(new.appeal_id, **told, **given))
    if state == "ready":
        await journal.do(leases.Retry(new.receipt.number))
    return new.appeal_id


async def claimed(journal, make, limit, **given):
    return [
        case.appeal.message_id
        for case in await claiming.claim(journal, claiming.Claim("me", make.later(1), limit, 60, **given))
    ]


async def four_of_each(journal, make):
    for n in range(4):
        await put(journal, make, f"new {n}", days=90 - n)
        await put(journal, make, f"due {n}", days=10 - n, state="due", waits_for=["s"] if n % 2 else ())


async def test_new_ones_have_the_places_that_are_kept(journal, make):
    """Though all that returns is more urgent; of both the most urgent come first."""
    await four_of_each(journal, make)
    assert await claimed(journal, make, 4, kept=1) == ["new 3", "due 3", "due 2", "due 1"]
    assert await claimed(journal, make, 4, kept=3) == ["new 2", "new 1", "new 0", "due 0"]


@pytest.mark.parametrize("kept", [0, 2, 9])
async def test_what_one_leaves_is_the_other_s(journal, make, kept):
    """However many places are kept: none stays empty."""
    for n in range(3):
        await put(journal, make, f"new {n}", days=n)
    assert await claimed(journal, make, 2, kept=kept) == ["new 0", "new 1"]
    await put(journal, make, "due", days=0, state="due")
    assert sorted(await claimed(journal, make, 2, kept=kept)) == ["due", "new 2"]
    for n in range(3):
        await put(journal, make, f"due {n}", days=n, state="due")
    assert await claimed(journal, make, 2, kept=kept) == ["due 0", "due 1"]


async def test_what_is_asked_again_returns_with_the_due(journal, make, url):
    """It is ready, as new ones are, and takes no place of theirs; the log goes on telling how it stands."""
    for n in range(3):
        await put(journal, make, f"again {n}", days=n, state="ready")
        await put(journal, make, f"new {n}", days=20 + n)
    assert await claimed(journal, make, 3, kept=1) == ["new 0", "again 0", "again 1"]
    await journal.do(leases.Release("me"))
    rows = {row.message_id: row for row in await journal.ask(lists.appeals)}
    assert (rows["again 2"].state, rows["again 2"].waits_for) == (AppealState.PARKED, ())
    assert await claimed(journal, make, 9, kept=1) == [
        *["new 0", "again 0", "again 1", "again 2", "new 1", "new 2"],
    ]
    await journal.do(leases.Release("me"))
    await journal.close()
    assert check_the_past(url) > 0


@pytest.mark.proof
async def test_new_ones_by_the_thousand_hide_what_is_asked_again_until_a_thorough_look(journal, make, url):
    """A look at the first thousand of those that are ready is cheap; the other is made once in a while."""
    await put(journal, make, "again", days=90, state="ready")
    write(url, journal, insert(appeal).values([row(n, state="ready", urgency=9) for n in range(100, 1200)]))
    look = claiming.Claim("me", make.later(1), 2, 60, 10**9, True, kept=1)
    (shallow,) = [await journal._write.submit(claiming.lease, replace(look, thorough=False))]
    assert shallow.ids == [100, 101]
    assert (await journal._write.submit(claiming.lease, look)).returning == {1}


async def test_of_more_than_a_thousand_that_are_due_the_most_urgent_come_first(journal, make, url):
    """The last one that fell due is the first to go, whatever it waits for."""
    due = make.later(-600)
    rows = [row(n, state="parked", urgency=500, due_at=due, version=1, waits_for=" s ") for n in range(100, 1400)]
    soon = {"state": "parked", "version": 1, "due_at": make.later(0)}
    rows += [row(2000, urgency=3, waits_for=" r s ", **soon), row(2001, urgency=1, waits_for=" s ", **soon)]
    rows += [row(2002, urgency=2, waits_for="", **soon), row(2003, urgency=0, waits_for=" s ", **soon)]
    rows[-1]["due_at"] = make.later(60)
    write(url, journal, insert(appeal).values(rows))
    look = claiming.Claim("me", make.later(1), 4, 60, 10**9, True)
    assert (await journal._write.submit(claiming.lease, look)).ids == [2001, 2002, 2000, 100]


async def test_a_suspect_that_is_due_waits_for_its_turn(journal, make, url):
    """It was put off with a question in doubt: it does not go with the others."""
    due = {"state": "parked", "urgency": 9, "due_at": make.later(-60), "version": 1, "waits_for": " s "}
    write(url, journal, insert(appeal).values([row(1, **due), row(2, **due), row(3, **due)]))
    write(url, journal, update(appeal).where(appeal.c.id < 3).values(deaths=1))
    look = claiming.Claim("me", make.later(1), 9, 60, 10**9, True)
    first, then = [await journal._write.submit(claiming.lease, look) for _ in range(2)]
    assert (first.ids, first.returning, then.ids) == ([1, 3], {3}, [])


def row(n, *, state, urgency, due_at=None, version=0, waits_for=None):
    return {
        "id": n,
        "channel": "c",
        "message_id": f"m{n}",
        "number": f"N{n}",
        "accepted_by": "x",
        "accepted_at": _PAST,
        "changed_at": _PAST,
        "state": state,
        "urgency": urgency,
        "due_at": due_at,
        "version": version,
        "waits_for": waits_for,
    }


_PAST = datetime(1970, 1, 1, tzinfo=UTC)


def write(url, journal, *statements):
    """Change the journal behind its back."""
    engine = create_engine(url) if url.startswith("sqlite") else journal._opened.writing
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)
    if url.startswith("sqlite"):
        engine.dispose()


MANY = form(20_000, 100_000)
_NUMBERS = {
    "sqlite": f"WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY + 1000})",
    "postgresql": f"WITH n(i) AS (SELECT generate_series(1000, {MANY + 1000}))",
}
_FILL = """INSERT INTO appeal (id, channel, message_id, number, accepted_at, accepted_by, urgency, changed_at,
state, due_at, version, waits_for) {numbers} SELECT i, 'c', 'm' || i, 'N' || i, 0, 'x', i % 10007 % 60, 0,
'{state}', {due}, {version}, {waits_for} FROM n"""
BACKLOGS = {
    "due": {"state": "parked", "due": "1", "version": 1, "waits_for": "' s '"},
    "due for several": {"state": "parked", "due": "1", "version": 1, "waits_for": "' s' || i % 60 || ' '"},
    "not due": {"state": "parked", "due": f"{2 * 10**15} + i", "version": 1, "waits_for": "' s '"},
    "new": {"state": "ready", "due": "NULL", "version": 0, "waits_for": "NULL"},
    "ready again": {"state": "ready", "due": "NULL", "version": 1, "waits_for": "NULL"},
}


@pytest.mark.proof
@pytest.mark.parametrize("backlog", BACKLOGS)
async def test_a_claim_walks_indexes_alone(make, url, backlog, monkeypatch):
    """Whatever there is much of: no claim reads or sorts all that waits, but the rare thorough look past new ones."""
    heard = explain_all(monkeypatch)
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    async with await Journal.open(url) as journal:
        fill = _FILL.format(numbers=_NUMBERS[kind], **BACKLOGS[backlog])
        others = [row(n, state="ready", urgency=70) for n in range(100, 200)]
        others += [row(n, state="parked", urgency=70, due_at=make.now, version=1) for n in range(200, 300)]
        write(url, journal, text(fill), insert(appeal).values(others), text("ANALYZE"))
        heard.clear()
        look = claiming.Claim("me", make.later(1), 20, 60, 10**9, True, kept=5, thorough=False)
        for _ in range(3):
            assert (await journal._write.submit(claiming.lease, look)).ids
    plans = [plan for statement, plan in heard if "appeal" in statement and "log_" not in statement]
    # What is looked up by its ids may be cheaper to find by a scan of so small a table.
    plans = [plan for plan in plans if "= ANY" not in plan]
    assert plans
    assert [plan for plan in plans if re.search(r"Seq Scan on appeal\b|SCAN appeal$", plan, re.MULTILINE)] == []
    sorted_whole = [plan for plan in plans if "TEMP B-TREE FOR ORDER BY" in plan and "PRIMARY KEY" not in plan]
    assert sorted_whole == []
