"""Who did what and who looked at what: pages of it, the newest first, each by an index of such entries alone."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import insert

from appealbus.core.domain.access import AuditFilter, LookPlace
from appealbus.core.journal import access, events
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.events import log_entry
from appealbus.core.journal.journal import Journal
from tests.core.journal.explaining import explain_all
from tests.services.journals import engine_of

_ACTORS = ("person:aigul", "person:marat", "api:registry", "worker:w")
_WHAT = ("read", "read", "held", "retried", "ended")


def entries(count, now):
    """Return entries of the log of some days, told by hand."""
    chance = random.Random(7)
    return [
        {
            "position": 100 + n,
            "at": now + timedelta(minutes=n),
            "what": chance.choice(_WHAT),
            "appeal_id": chance.choice([1, 2, None]),
            "actor": chance.choice(_ACTORS),
            "about": "",
            "detail": None,
        }
        for n in range(count)
    ]


def fits(entry, wanted):
    """Say whether an entry is wanted."""
    look = entry["what"] == "read"
    return all(
        (
            look if wanted.looks else not look and entry["actor"].startswith("person:"),
            wanted.actor in (None, entry["actor"]),
            wanted.what in (None, entry["what"]),
            wanted.appeal_id in (None, entry["appeal_id"]),
            wanted.since is None or entry["at"] >= wanted.since,
            wanted.until is None or entry["at"] < wanted.until,
        )
    )


@pytest.fixture
async def filled(journal, make, url):
    """A journal with two appeals and a log of three days."""
    for each in ("m1", "m2"):
        await journal.accept(make.new(each))
    while await journal.do(events.Placing()):
        pass
    rows = entries(4000, make.now)
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(insert(log_entry), rows)
    engine.dispose()
    return journal, rows


@pytest.mark.proof
async def test_pages_are_what_is_wanted_once_and_the_newest_first(filled, make, monkeypatch):
    """Of people or of looks, by actor, kind, appeal and day; also where a page looks through some rows alone."""
    journal, rows = filled
    monkeypatch.setattr("appealbus.core.journal.access._SCAN", 150)
    day = make.now + timedelta(days=1)
    for wanted in (
        AuditFilter(),
        AuditFilter(looks=True),
        AuditFilter(looks=True, actor="api:registry"),
        AuditFilter(actor="person:aigul", what="held"),
        AuditFilter(what="paused"),
        AuditFilter(appeal_id=2),
        AuditFilter(looks=True, since=day, until=day + timedelta(days=1)),
        AuditFilter(actor="person:marat", since=day, appeal_id=1),
        AuditFilter(until=make.now),
        AuditFilter(since=day + timedelta(days=90)),
    ):
        found, before = [], None
        for _ in range(200):
            page = await journal.ask(access.deeds, wanted, before, 40)
            found += [each.position for each in page.entries]
            before = page.next
            if before is None:
                break
        assert found == [each["position"] for each in reversed(rows) if fits(each, wanted)], wanted


async def test_looks_at_appeals_are_of_both_logs(journal, make):
    """People who read and sources that were asked stand in one order, on pages; of other appeals nothing does."""
    numbers = [(await journal.accept(make.new(each))).receipt.number for each in ("m1", "m2")]
    for n in range(3):
        await journal.do(access.Look(f"dossier {n}", number=numbers[0], purpose="complaint", by="person:aigul"))
        await journal.do(access.Asking([make.access(numbers[0], question_id=f"q{n}")]))
        await journal.do(access.Look("dossier", number=numbers[1], by="person:other"))
    while await journal.do(events.Placing()):
        pass
    row = await journal.ask(lists.appeal_row, numbers[0])
    found, place, turns = [], None, 0
    while turns < 9:
        page = await journal.ask(access.looks_at, [row], place, 2)
        found += page.rows
        place, turns = page.next, turns + 1
        if place is None:
            break
        assert LookPlace.parse(str(place)) == place
    assert turns == 3
    assert sorted(each.detail["as"] for each in found if hasattr(each, "detail")) == [
        "dossier 0",
        "dossier 1",
        "dossier 2",
    ]
    assert sorted(each.question_id for each in found if hasattr(each, "question_id")) == ["q0", "q1", "q2"]
    assert [each.id for each in await journal.ask(access.asked, limit=2)] == [3, 2]
    assert [each.id for each in await journal.ask(access.asked, 2)] == [1]
    assert len(await journal.ask(access.asked, since=make.now - timedelta(1), until=make.now + timedelta(1))) == 3
    assert await journal.ask(access.asked, until=make.now - timedelta(1)) == []


async def test_each_page_goes_by_its_index(url, make, monkeypatch):
    """No page reads the log from its end until there is enough."""
    async with await Journal.open(url) as journal:
        await journal.accept(make.new())
        monkeypatch.setattr("appealbus.core.journal.access._SCAN", 50)
    heard = explain_all(monkeypatch)
    async with await Journal.open(url) as journal:
        if journal._readers.dialect.name != "sqlite":
            pytest.skip("PostgreSQL chooses by how many rows there are")
        for wanted, index in (
            (AuditFilter(), "ix_log_entry_deed "),
            (AuditFilter(actor="person:a"), "ix_log_entry_deed_by"),
            (AuditFilter(what="held"), "ix_log_entry_deed "),
            (AuditFilter(looks=True), "ix_log_entry_look "),
            (AuditFilter(looks=True, actor="person:a"), "ix_log_entry_look_by"),
            (AuditFilter(looks=True, appeal_id=1), "ix_log_entry_appeal"),
        ):
            del heard[:]
            await journal.ask(access.deeds, wanted, 10, 5)
            plan = next(plan for query, plan in heard if "FROM log_entry" in query)
            assert f"USING INDEX {index}" in plan, (wanted, plan)
        del heard[:]
        await journal.ask(access.looks_at, await journal.ask(lists.appeals))
        assert "ix_log_entry_appeal" in next(plan for query, plan in heard if "FROM log_entry" in query)
        assert "ix_access_number" in next(plan for query, plan in heard if "FROM access" in query)
