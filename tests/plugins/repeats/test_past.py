"""Which others an appeal is found to have something in common with, on every database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, inspect, text

from appealbus.core.bus.duties.filling import fill_next
from appealbus.core.domain.document import FormDocument, appeal_document
from appealbus.core.journal import renewing, retention, store
from appealbus.core.journal.appeals import leases
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.plugins.repeats import past as journal_past
from appealbus.plugins.repeats.part import Sketches
from appealbus.plugins.repeats.past import AT_INTAKE, FOR_READERS
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Completeness
from tests.core.journal.test_renewing import key_of
from tests.plugins.repeats import making
from tests.plugins.repeats.making import LAND, by

PARTS = [Sketches()]
PARCEL = "20-315-045-123"
LETTER = making.text(12, 1)


@pytest.fixture
async def journal(url):
    async with await Journal.open(url, parts=PARTS) as opened:
        yield opened


@pytest.fixture
async def comparing(journal):
    journal.keeper.parts = PARTS
    return journal


async def put(journal: Journal, make, message_id: str, **given):
    content = Appeal.model_validate({"message_id": message_id, "kind": "application", **given})
    accepted = await journal.accept(NewAppeal(content, make.now, "appealbus"), owner="me")
    return accepted.appeal_id, content


async def conclude(journal: Journal, appeal_id: int, **given):
    given = {"dossier": b"{}", "version": 1, "completeness": Completeness.COMPLETE, **given}
    await journal.conclude(Conclusion(appeal_id, **given))


def told(past):
    return {each.appeal_id: (each.person, each.category, each.parcel, each.like >= 0.8) for each in past.others}


async def test_by_person_text_and_parcel(comparing, make):
    """Each with what it has in common; not itself, not later ones but for readers, not who is only mentioned."""
    field = [{"cadastral_number": PARCEL}]
    same, _ = await put(comparing, make, "1", text=making.text(12, 2), category=LAND, parcels=field, **by(0))
    copy, _ = await put(comparing, make, "2", text=LETTER + " Ахметов", category={"code": "roads"}, **by(1))
    nobody, _ = await put(comparing, make, "3", text=LETTER, **by(None))
    field_, _ = await put(comparing, make, "4", text=making.text(12, 3), parcels=field, **by(2))
    _other, _ = await put(comparing, make, "5", text=making.text(12, 4), category={"code": "roads"}, **by(0))
    its = {"category": LAND, "parcels": field, "text": LETTER}
    own, appeal = await put(comparing, make, "6", **its, **by(0))
    later, _ = await put(comparing, make, "7", text=LETTER, **by(3))
    past = await comparing.ask(journal_past.past, own, appeal)
    assert told(past) == {
        same: (True, True, True, False),
        copy: (False, False, False, True),
        nobody: (None, False, False, True),
        field_: (False, False, True, False),
    }
    assert (past.copies, past.neighbours, past.more) == (2, 1, False)
    assert later in told(await comparing.ask(journal_past.past, own, appeal, FOR_READERS))


async def test_bounds_are_told(comparing, make):
    """Of many copies, letters of one person and neighbours so many are looked at; that there are more is said."""
    reach = replace(AT_INTAKE, named=6, sharing=4, likely=12, read=3)
    field = [{"cadastral_number": PARCEL}]
    for number in range(20):
        await put(comparing, make, f"c{number}", text=f"{LETTER} {number}", parcels=field, **by(1 + number % 2))
    for number in range(10):
        await put(comparing, make, f"p{number}", text="", category=LAND, **by(0))
    own, appeal = await put(comparing, make, "own", text=LETTER, category=LAND, parcels=field, **by(0))
    past = await comparing.ask(journal_past.past, own, appeal, reach)
    assert past.more
    assert 8 <= past.copies <= 12
    assert past.neighbours == 6
    read = [each.appeal_id for each in past.others]
    # Early copies: which share the most hashes follows from the journal's key. The newest of the person, of the parcel.
    assert set(read[:3]) <= set(range(1, 11))
    assert read[3:] == [18, 19, 20, 28, 29, 30]


async def test_a_corrected_text_is_found_by_what_it_says_now(comparing, make):
    """The old sketch goes with its whole index."""
    first, appeal = await put(comparing, make, "1", text=LETTER, **by(0))
    other = making.text(12, 9)
    form = appeal.model_copy(update={"text": other})
    await conclude(comparing, first, form=FormDocument(form, appeal_document(form)))
    old, was = await put(comparing, make, "2", text=LETTER, **by(1))
    new, now = await put(comparing, make, "3", text=other, **by(1))
    assert told(await comparing.ask(journal_past.past, old, was)) == {}
    assert first in told(await comparing.ask(journal_past.past, new, now))


async def test_who_wrote_is_who_it_is_by_the_newest_form(comparing, make):
    """A corrected ИИН makes it somebody else's, though the old one still finds it."""
    first, appeal = await put(comparing, make, "1", text=LETTER, category=LAND, **by(0))
    form = appeal.model_copy(update={"applicant": Appeal.model_validate({"message_id": "-", **by(1)}).applicant})
    await conclude(comparing, first, form=FormDocument(form, appeal_document(form)))
    own, its = await put(comparing, make, "2", text=LETTER, category=LAND, **by(0))
    assert [each.person for each in (await comparing.ask(journal_past.past, own, its)).others] == [False]


async def test_what_goes_takes_its_sketch_along(url, make, journal):
    """Pruned with its appeal; nothing of it is left in the index."""
    journal.keeper.parts = PARTS
    first, _ = await put(journal, make, "1", text=LETTER, **by(0))
    await put(journal, make, "2", text=making.text(12, 2), **by(0))
    await conclude(journal, first)
    assert await rows(url) == (2, 16)
    assert (await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1))))["appeals"] == 1
    assert await rows(url) == (1, 8)


async def rows(url: str) -> tuple[int, int]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            tables = ("sketch", "sketch_hash")
            return tuple(connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables)
    finally:
        engine.dispose()


async def test_those_from_before_get_sketches_in_batches(url, make, journal, monkeypatch):
    """Each once, however often one goes through; a damaged one has an empty sketch, and one that has one keeps it."""
    monkeypatch.setattr("appealbus.core.journal.parts._BATCH", 3)
    monkeypatch.setattr("appealbus.core.journal.parts._WINDOW", 4)
    for number in range(10):
        await put(journal, make, str(number), text=making.text(12, number), **by(0))
    journal.keeper.parts = PARTS
    await put(journal, make, "new", text=LETTER, **by(0))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE document SET body = :b WHERE appeal_id = 5"), {"b": b"{"})
    engine.dispose()
    drawn, after = [], 0
    while (done := await fill_next(journal, PARTS[0], after)) is not None:
        drawn.append(len(done.rows))
        after = done.upto
    assert (sum(drawn), max(drawn), after) == (10, 3, 11)
    assert await rows(url) == (11, 80)
    assert len((await fill_next(journal, PARTS[0], 0)).rows) == 0


@pytest.mark.proof
async def test_a_journal_without_sketches_is_upgraded(url, make):
    """One of before has the tables once it is opened, and sketches once somebody draws them."""
    async with await Journal.open(url, parts=PARTS) as journal:
        for number in range(3):
            await put(journal, make, str(number), text=LETTER, **by(number))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for table in ("sketch", "sketch_hash", "journal_part", "operation_left", "named_view"):
            connection.execute(text(f"DROP TABLE {table}"))
        looks, deeds = ("log_entry_look", "log_entry_look_by"), ("log_entry_deed", "log_entry_deed_by")
        for index in (*looks, *deeds, "quarantine_code", "outbox_lacked", "change_sent"):
            connection.execute(text(f"DROP INDEX ix_{index}"))
        for column in (
            "change DROP COLUMN sender",
            "change DROP COLUMN refused",
            "change DROP COLUMN says",
            "change DROP COLUMN reserved",
            "quarantine DROP COLUMN sender",
        ):
            connection.execute(text(f"ALTER TABLE {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0009'"))
    engine.dispose()
    async with await Journal.open(url, parts=PARTS) as journal:
        journal.keeper.parts = PARTS
        own, appeal = await put(journal, make, "3", text=LETTER, **by(3))
        assert told(await journal.ask(journal_past.past, own, appeal)) == {}
        assert len((await fill_next(journal, PARTS[0], 0)).rows) == 3
        assert len(told(await journal.ask(journal_past.past, own, appeal))) == 3


async def test_another_key_draws_anew(url, make, monkeypatch):
    """With a new key nothing of the old one is left; what is drawn again is found again."""
    monkeypatch.setattr(renewing, "_BATCH", 1)
    key = key_of(url)
    async with await Journal.open(url, parts=PARTS) as journal:
        journal.keeper.parts = PARTS
        await put(journal, make, "1", text=LETTER, **by(0))
        own, appeal = await put(journal, make, "2", text=LETTER, **by(1))
        await journal.do(leases.Release("me"))
    async with await Journal.open(url, key=KeyFile(key, anew=True)) as journal:
        await renewing.renew(journal, lambda case: {}, lambda done: None)
    assert key != store.UNNAMED_KEY or url.startswith("postgresql")
    assert await rows(url) == (0, 0)
    async with await Journal.open(url, parts=PARTS) as journal:
        assert told(await journal.ask(journal_past.past, own, appeal)) == {}
        assert len((await fill_next(journal, PARTS[0], 0)).rows) == 2
        assert list(told(await journal.ask(journal_past.past, own, appeal))) == [1]


@pytest.mark.proof
@pytest.mark.parametrize("loaded", [True, False])
async def test_a_journal_of_before_the_part_goes_on(url, make, loaded):
    """What was sketched is found without being drawn anew, and goes with its appeals though nobody loads the plugin."""
    async with await Journal.open(url, parts=PARTS) as journal:
        journal.keeper.parts = PARTS
        first, _ = await put(journal, make, "1", text=LETTER, **by(0))
        own, appeal = await put(journal, make, "2", text=LETTER, **by(1))
        await conclude(journal, first)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in (
            "DROP TABLE journal_part",
            "DROP INDEX ix_sketch_hash_appeal",
            "UPDATE alembic_version SET version_num = '0016'",
        ):
            connection.execute(text(statement))
    engine.dispose()
    async with await Journal.open(url, parts=PARTS if loaded else ()) as journal:
        assert list(told(await journal.ask(journal_past.past, own, appeal))) == [first]
        assert (await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=1))))["appeals"] == 1
    assert await rows(url) == (1, 8)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM journal_part")).all() == [("sketches", 1, "sketch sketch_hash")]
        assert "ix_sketch_hash_appeal" in [index["name"] for index in inspect(connection).get_indexes("sketch_hash")]
    engine.dispose()
