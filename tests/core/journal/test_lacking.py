"""Appeals that lack a lookup wait for whoever can ask it, and for nobody else."""

import time
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import create_engine

from appealbus.core.domain.known import InputPaths, KnownLookup
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import Selection
from appealbus.core.journal import figures, workers
from appealbus.core.journal.appeals import claiming, leases, lists
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.schemas.dossier import Completeness
from tests.services.forms import form
from tests.services.recomputed import check_the_past


async def lacking(journal, make, message_id, *lacks, due_at=None, carried=(), **given):
    """Accept an appeal, and conclude it without these lookups."""
    taken = await journal.accept(make.new(message_id, **given))
    await journal.conclude(
        Conclusion(
            taken.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.PARTIAL,
            due_at=due_at,
            lacks=lacks,
            carried=carried,
        )
    )
    return taken.appeal_id


@contextmanager
def beside(journal, url):
    """Write as somebody beside the journal's own writer."""
    engine = create_engine(url) if url.startswith("sqlite") else journal._opened.writing
    with engine.begin() as connection:
        yield connection
    if url.startswith("sqlite"):
        engine.dispose()


async def claimed(journal, make, lost, limit=10, *, after=1, kept=0):
    return [
        case.appeal_id
        for case in await claiming.claim(
            journal, claiming.Claim("me", make.later(after), limit, 60, lost=lost, kept=kept)
        )
    ]


async def test_only_who_can_ask_what_is_lacking_gets_it_the_most_urgent_first(journal, make):
    """Idle or parked, it returns as what is due does; what one worker has, no other gets."""
    day = date(2026, 12, 1)
    late = await lacking(journal, make, "m1", "a.b", due_on=day + timedelta(9))
    soon = await lacking(journal, make, "m2", "a.b", "c.d", due_on=day, due_at=make.later(3600))
    other = await lacking(journal, make, "m3", "e.f", due_on=day)
    ready = (await journal.accept(make.new("m4", due_on=day + timedelta(1)))).appeal_id
    assert [row.lacks for row in await journal.ask(lists.appeals, lacking=True)] == [("a.b",), ("a.b", "c.d"), ("e.f",)]
    assert (await journal.ask(figures.counts)).lacking == {"a.b": 2, "c.d": 1, "e.f": 1}
    assert await claimed(journal, make, None) == [ready]
    await journal.do(leases.Release("me"))
    assert await claimed(journal, make, {"a.b", "c.d", "e.f"}) == [ready]
    await journal.do(leases.Release("me"))
    assert await claimed(journal, make, {"c.d", "e.f"}, limit=2, kept=1) == [ready, soon]
    assert await claimed(journal, make, {"e.f"}) == [late]
    assert await claimed(journal, make, {"e.f"}) == []
    assert await claimed(journal, make, ()) == [other]
    row = await journal.ask(lists.appeal_row, (await journal.ask(lists.appeals, after=soon - 1, limit=1))[0].number)
    assert (row.state, row.due_at) == (AppealState.IN_WORK, None)


async def test_what_is_carried_returns_with_its_lookup_behind_new_ones(journal, make, url, monkeypatch):
    """It counts nowhere as lacking, and comes to who has the lookup as what is due does, with what lacks others."""
    day = date(2026, 12, 1)
    carried = await lacking(journal, make, "m1", carried=["a.b"], due_on=day)
    both = await lacking(journal, make, "m2", "c.d", carried=["a.b", "e.f"], due_on=day + timedelta(1))
    new = (await journal.accept(make.new("m3", due_on=day + timedelta(9)))).appeal_id
    assert [row.lacks for row in await journal.ask(lists.appeals)] == [(), ("c.d",), ()]
    assert [row.lacks for row in await journal.ask(lists.appeals, lacking=True)] == [("c.d",)]
    assert [row.lacks for row in (await journal.find(Selection(lacking=True))).rows] == [("c.d",)]
    assert (await journal.ask(figures.counts)).lacking == {"c.d": 1}
    assert await claimed(journal, make, {"a.b", "c.d", "e.f"}, limit=1, kept=1) == [new]
    assert await claimed(journal, make, {"a.b", "c.d", "e.f"}) == []
    assert await claimed(journal, make, {"a.b", "c.d"}) == [both]
    assert await claimed(journal, make, {"c.d", "e.f"}) == []  # it was worked a moment ago
    monkeypatch.setattr(claiming, "_AGAIN", -timedelta(days=3650))
    assert await claimed(journal, make, {"c.d", "e.f"}) == [carried]
    check_the_past(url)


async def test_who_has_it_back_lacks_it_until_it_is_concluded(journal, make):
    """Given back it is ready for all; the end of a run says anew what is lacking."""
    appeal_id = await lacking(journal, make, "m1", "a.b")
    assert await claimed(journal, make, ()) == [appeal_id]
    await journal.do(leases.Release("me"))
    assert await claimed(journal, make, None) == [appeal_id]
    end = Conclusion(appeal_id, dossier=None, version=1, completeness=Completeness.COMPLETE, owner="me")
    await journal.conclude(end)
    assert await journal.ask(lists.appeals, lacking=True) == []
    assert await claimed(journal, make, ()) == []


async def test_one_that_cannot_be_read_does_not_come_again_and_again(journal, make, url):
    """It is put off, and takes no place until then; what it lacks is known all the while."""
    appeal_id = await lacking(journal, make, "m1", "a.b", carried=["c.d"])
    await journal.do(leases.Release("nobody"))
    with beside(journal, url) as connection:
        broken = "x'7b'" if connection.dialect.name == "sqlite" else "'{'"
        connection.exec_driver_sql(f"UPDATE document SET body = {broken}")
    assert await claimed(journal, make, ()) == []
    assert [(row.state, row.lacks) for row in await journal.ask(lists.appeals)] == [(AppealState.PARKED, ("a.b",))]
    assert (await journal.ask(figures.counts)).lacking == {"a.b": 1}
    assert await claimed(journal, make, (), after=2) == []
    check_the_past(url)
    assert await claimed(journal, make, (), after=7200) == []
    assert appeal_id


async def test_no_kind_of_lack_is_starved_by_others(journal, make, monkeypatch):
    """However many others stand before it: the next claim goes on behind those that this one has looked at."""
    monkeypatch.setattr(claiming, "_KINDS_OF_LACK", 2)
    monkeypatch.setattr(claiming, "_AGAIN", -timedelta(days=3650))
    for name in "abcde":
        await lacking(journal, make, name, f"{name}.{name}")
    carried = await lacking(journal, make, "m1", carried=["z.z"])
    lost = {f"{name}.{name}" for name in "abcde"}
    assert [await claimed(journal, make, lost) for _ in range(4)] == [[], [], [carried], []]
    assert not bool(journal.lacks_after)
    first = (await journal.ask(lists.appeals, limit=1))[0].appeal_id
    assert await claimed(journal, make, lost - {"a.a"}) == [first]


@pytest.mark.proof
async def test_many_that_lack_a_lookup_come_in_batches(journal, make, url):
    """However many they are, and however many combinations of lookups are lacking, a claim costs no more."""
    many = form(300, 10_000)
    first = await lacking(journal, make, "m0", "a.a", due_on=date(2026, 12, 1))
    with beside(journal, url) as connection:
        row = connection.exec_driver_sql("SELECT * FROM appeal").mappings().one()
        rows = [
            {
                **row,
                "id": row["id"] + i,
                "message_id": f"m{i}",
                "number": f"N{i}",
                "urgency": row["urgency"] + (i * 7919) % many,
                "lacks": (f" a.a c.{i % 120:03} " if i % 2 else f" b.{i % 120:03} "),
            }
            for i in range(1, many)
        ]
        names = list(row)
        marks = ", ".join("?" if connection.dialect.name == "sqlite" else "%s" for _ in names)
        insert = f"INSERT INTO appeal ({', '.join(names)}) VALUES ({marks})"
        connection.exec_driver_sql(insert, [tuple(each[name] for name in names) for each in rows])
        documents = "SELECT a.id, d.digest, d.body FROM appeal a, document d WHERE a.id <> d.appeal_id"
        connection.exec_driver_sql(f"INSERT INTO document (appeal_id, digest, body) {documents}")
    expected = sorted((each["urgency"], each["id"]) for each in rows if " a.a " in each["lacks"])
    lost = {f"b.{i:03}" for i in range(120)} | {f"c.{i:03}" for i in range(120)}
    assert await claimed(journal, make, lost, limit=1) == [first]
    begun = time.perf_counter()
    batch = await claimed(journal, make, lost, limit=100)
    took = time.perf_counter() - begun
    assert batch == [appeal_id for _, appeal_id in expected[:100]]
    assert took < 30


async def test_what_could_be_asked_is_remembered(journal):
    """By whichever plugin it was brought last, and with it the plugins that brought nothing; nothing is forgotten."""
    first = KnownLookup("p", "p.a", "1", (InputPaths(True, ("x[*]", "p.b/y")), InputPaths(False, ("z",))), ("o.a",))
    plugin = KnownLookup("p", "", "")
    assert await journal.do(workers.Remember([first, plugin])) == [plugin, first]
    newer = KnownLookup("p", "p.a", "2")
    assert await journal.do(workers.Remember([newer])) == [plugin, newer]
    assert await journal.do(workers.Remember([])) == [plugin, newer]
    assert await journal.ask(workers.known) == [plugin, newer]
