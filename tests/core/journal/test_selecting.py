"""Appeals are found by all that is said of them, page after page, on every database."""

import random
from datetime import date

import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import NOWHERE, ListPosition, Selection
from appealbus.core.journal import reader
from appealbus.core.journal.appeals import candidates, selecting
from appealbus.core.journal.drivers.encoding import to_moment
from appealbus.core.journal.key import JournalKey
from tests.core.journal.explaining import explain_all
from tests.core.journal.many_appeals import fill
from tests.services.forms import form
from tests.services.journals import engine_of

PARTS = {
    "state": list(AppealState),
    "kind": ["complaint", "nothing"],
    "place": ["750000000"],
    "signal": ["critical"],
    "receiver": ["registry", "nobody"],
    "source": ["egkn", "gbdfl", "nobody"],
    "code": ["guard.timeout", "http.404"],
    "completeness": ["partial"],
    "lacking": [True],
    "unassessed": [True],
    "misdated": [True],
    "due_from": [date.fromordinal(740_005)],
    "due_before": [date.fromordinal(740_015)],
    "accepted_before": [to_moment(0), to_moment(7), to_moment(1000)],
    "named": [(("iin", "0"),), (("iin", "0"), ("cadastral_number", "1"))],
}


class Marks(JournalKey):
    """Makes marks that a test can write down: the digit, sixteen times."""

    def mark(self, kind, identifier):
        return bytes([int(identifier)]) * 16


@pytest.fixture
async def many(url, monkeypatch):
    """A hundred and twenty appeals, whatever may be said of one."""
    monkeypatch.setattr(candidates, "key_of", lambda connection: Marks(b"secret"))
    monkeypatch.setattr(candidates, "insist_on", lambda key, connection: None)
    engine = engine_of(url)
    with engine.begin() as connection:
        filled = fill(connection, 120, random.Random(7))
    engine.dispose()
    return filled


async def pages(journal, selection, limit, sees=None):
    """Return the ids of all pages, and the last place of each."""
    found, places, after = [], [], NOWHERE
    while after is not None:
        page = await journal.find(selection, after, limit, sees=sees)
        found += [row.appeal_id for row in page.rows]
        assert len(page.rows) == limit or page.next is None
        after = page.next
        places.append(after)
        assert len(places) < 1000
    return found, places


@pytest.mark.proof
async def test_what_is_found_is_what_is_selected(journal, many, monkeypatch):
    """Each part alone and any of them together; no page is short, nothing comes twice, and a frozen selection is it."""
    monkeypatch.setattr(selecting, "SCAN", 17)
    monkeypatch.setattr(candidates, "SCAN", 17)
    chance = random.Random(3)
    selections = [Selection(**{name: value}) for name, values in PARTS.items() for value in values]
    for _ in range(form(10, 30)):
        some = chance.sample(sorted(PARTS), chance.randrange(2, 5))
        selections.append(Selection(**{name: chance.choice(PARTS[name]) for name in some}))
    seen = {row["id"] for row in many.rows if row["place"] is None or row["kind"] == "complaint"}
    for selection in [Selection(), *selections]:
        marks = tuple(bytes([int(identifier)]) * 16 for _, identifier in selection.named)
        wanted = many.means(selection, marks)
        found, _ = await pages(journal, selection, 7)
        assert (len(found), set(found)) == (len(wanted), wanted), selection
        assert list(await journal.ask(selecting.selected, selection, 1000)) == sorted(wanted), selection
        scoped = await journal.ask(
            selecting.selected, selection, 1000, lambda place, kind: place is None or kind == "complaint"
        )
        assert list(scoped) == sorted(wanted & seen), selection


@pytest.mark.proof
async def test_what_is_not_seen_takes_no_place(journal, many, monkeypatch):
    """A page has as many as are seen, however many lie between, and there is a next one where there may be some."""
    monkeypatch.setattr(reader, "_SIFTED", 7)
    for selection in (Selection(), Selection(source="egkn"), Selection(named=(("iin", "0"),))):
        every, _ = await pages(journal, selection, 100)
        for limit in (1, 3):
            found, _ = await pages(journal, selection, limit, lambda row: row.appeal_id % 5 == 0)
            assert found == [each for each in every if each % 5 == 0], selection
            whole = await journal.find(selection, NOWHERE, len(found), sees=lambda row: row.appeal_id % 5 == 0)
            assert ([row.appeal_id for row in whole.rows], whole.next) == (found, None)
            nothing = await journal.find(selection, NOWHERE, limit, sees=lambda row: False)
            assert (nothing.rows, nothing.next) == ([], None)
        short = await journal.find(selection, NOWHERE, 1, steps=1, sees=lambda row: False)
        assert (short.rows, short.next) == ([], (await journal.find(selection, NOWHERE, 7)).next)


async def test_the_order_of_lists(journal, many):
    """By id; of a source and a date the most urgent first; of a receiver what waits longest. A place goes on."""
    urgency = {row["id"]: (row["urgency"], row["id"]) for row in many.rows}
    found, _ = await pages(journal, Selection(kind="complaint"), 10)
    assert found == sorted(found)
    for selection in (Selection(source="egkn"), Selection(due_before=date.fromordinal(740_015))):
        found, places = await pages(journal, selection, 10)
        assert found == sorted(found, key=urgency.__getitem__)
        assert all(ListPosition.parse(str(place)) == place and not str(place).isdecimal() for place in places[:-1])
    found, _ = await pages(journal, Selection(state=AppealState.PARKED, kind="complaint"), 10)
    due = {row["id"]: (row["due_at"], row["id"]) for row in many.rows}
    assert found == sorted(found, key=due.__getitem__)
    found, _ = await pages(journal, Selection(receiver="registry"), 10)
    assert found == sorted(found, key=lambda number: many.oldest[number, "registry"])


async def test_a_place_of_another_list_is_refused(journal, many):
    """A page that begins somewhere else than was meant would leave appeals out."""
    for selection, place in ((Selection(), ListPosition(3, 740_000)), (Selection(source="egkn"), ListPosition(3))):
        with pytest.raises(ValueError, match="another order"):
            await journal.find(selection, place)


async def test_too_many_are_told_from_the_most(journal, many):
    """One more than that is read, and no more."""
    assert len(await journal.ask(selecting.selected, Selection(), 10)) == 11
    assert len(await journal.ask(selecting.selected, Selection(), 10, lambda place, kind: True)) == 11


@pytest.mark.parametrize(
    ("selection", "index"),
    [
        (Selection(state=AppealState.PARKED), "ix_appeal_parked"),
        (Selection(state=AppealState.HELD, kind="complaint"), "ix_appeal_held"),
        (Selection(source="egkn", kind="complaint", code=None), "ix_appeal_waits_for"),
        (Selection(code="guard.timeout", source="egkn"), "ix_lookup_code"),
        (Selection(receiver="registry", kind="complaint"), "ix_outbox_lacked"),
        (Selection(signal="critical", place="750000000"), "ix_appeal_signal"),
        (Selection(place="750000000", due_before=date(2027, 1, 1)), "ix_appeal_place"),
        (Selection(due_before=date(2027, 1, 1), kind="complaint"), "ix_appeal_urgency"),
        (Selection(kind="complaint", completeness="partial"), "ix_appeal_kind"),
        (Selection(lacking=True, kind="complaint"), "ix_appeal_lacks"),
        (Selection(unassessed=True, kind="complaint"), "ix_appeal_lacks"),
        (Selection(misdated=True), "ix_appeal_lacks"),
        (Selection(accepted_before=to_moment(7)), "PRIMARY KEY"),
        (Selection(accepted_before=to_moment(7), kind="complaint"), "ix_appeal_kind"),
        (Selection(accepted_before=to_moment(7), state=AppealState.PARKED), "ix_appeal_parked"),
        (Selection(accepted_before=to_moment(7), source="egkn", kind="complaint"), "ix_appeal_parked"),
    ],
)
async def test_the_rarest_part_drives(tmp_path, monkeypatch, selection, index):
    """SQLite, which keeps no statistics, walks the index of that part, whatever else is said, and no whole table."""
    heard = explain_all(monkeypatch)
    from appealbus.core.journal.journal import Journal
    from tests.services.journals import sqlite_journal

    async with await Journal.open(sqlite_journal(tmp_path / "journal.db")) as journal:
        heard.clear()
        await journal.find(selection)
        await journal.ask(selecting.selected, selection, 10)
        plans = "\n".join(plan for statement, plan in heard if "FROM" in statement)
    assert index in plans
    assert "SEARCH outbox_1 USING INDEX ix_outbox_lacked" not in plans
    assert not [
        line
        for line in plans.splitlines()
        if line.startswith(("SCAN appeal", "SCAN lookup", "SCAN outbox")) and "USING" not in line
    ]
