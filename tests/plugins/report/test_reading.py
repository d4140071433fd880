"""What reports read of appeals, a fraction of them, says the same as the whole of them does."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from appealbus.core import Case, From, found, not_found
from appealbus.core.bus.bus import Bus
from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.counts import Outline
from appealbus.core.journal.appeals import cases, lists
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.plugins.report.counted import COUNTED
from appealbus.plugins.report.fact import District, districts_of, fact_of
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.row import ReportSpan
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By, Column
from appealbus.schemas.address import Address
from appealbus.schemas.change import Change
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.stored import APPEAL
from tests.core.kit import lookup, message, running_bus
from tests.plugins.report.making import BODIES, KINDS, PARCELS, PERSONS, PLACES, RESULTS
from tests.services.journals import sqlite_journal

BEGIN = wall()
"""Dossiers are complete a moment later."""
WEEK = timedelta(weeks=1)
DAMAGE = {
    1: "UPDATE document SET body = '{' WHERE digest = (SELECT content FROM appeal WHERE id = 1)",
    2: "UPDATE document SET body = '{' WHERE digest = (SELECT first FROM appeal WHERE id = 2)",
    3: "DELETE FROM document WHERE digest = (SELECT content FROM appeal WHERE id = 3)",
    4: "UPDATE change SET document = '{' WHERE kind = 'answered'",
    6: """UPDATE document SET body = '{"record"\\:' WHERE digest = (SELECT fact FROM lookup WHERE appeal_id = 6)""",
}
"""By appeal."""
ORGANISATION = "940340000421"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty journal of each kind."""
    if request.param == "sqlite":
        return sqlite_journal(tmp_path / "journal.db")
    return str(request.getfixturevalue("journal_database"))


async def address(query: Any, source: Any) -> Any:
    """Tell an address, of some districts alone."""
    if query.kato == PLACES[2]:
        return not_found()
    part = {"level": {"code": "3"}, "kato": f"{query.kato[:4]}00000", "name_ru": f"район {query.kato}"}
    return found(Address.model_validate({"rka": "1", "kind": {"code": "1"}, "actual": True, "parts": [part]}))


def letter(chance: random.Random) -> dict[str, Any]:
    """Return what an appeal says, of which all may be absent."""
    person = {"type": "person", "iin": chance.choice([*PERSONS, "1", None]), "surname": "СЕРІКОВ"}
    organisation = {"type": "organisation", "bin": chance.choice([ORGANISATION, None]), "leader_iin": PERSONS[0]}
    at = BEGIN - timedelta(days=chance.randrange(60))
    said = {
        "kind": chance.choice(["complaint", "application", None]),
        "received_at": chance.choice([at.isoformat(), None]),
        "due_on": chance.choice([(at + timedelta(days=15)).date().isoformat(), None]),
        "repeats": chance.choice([["ЖТ-1"], []]),
        "applicant": chance.choice([person, organisation, None]),
        "addressee": chance.choice([{"name": chance.choice(BODIES), "bin": chance.choice([ORGANISATION, None])}, None]),
        "category": chance.choice([{"code": "10", "name": "Жер"}, {"name": "Су"}, None]),
        "place": {"kato": chance.choice(PLACES)},
        "parcels": [{"cadastral_number": each} for each in chance.sample(PARCELS, chance.randrange(3))],
        "text": "Өтініш",
    }
    return {name: value for name, value in said.items() if value is not None}


async def tell(bus: Bus, chance: random.Random, of: int) -> None:
    """Tell what happens to an appeal: corrections of it, and all else."""
    for at in range(chance.randrange(5)):
        kind = chance.choice(["corrected", "corrected", "directed", *KINDS])
        dated = BEGIN + timedelta(days=chance.randrange(-5, 40))
        said: dict[str, Any] = {"message_id": f"{of}-{at}", "channel": "test", "appeal_message_id": str(of)}
        said |= {"kind": kind, "dated_at": dated.isoformat(), "part": chance.random() < 0.2}
        if kind == "corrected":
            corrected = letter(chance)
            said["corrected"] = {name: corrected[name] for name in {"addressee", "category"} & corrected.keys()}
        if kind == "redirected":
            said["to"] = {"name": chance.choice(BODIES)}
        if kind == "answered":
            said |= {"result": chance.choice(RESULTS), "answered_on": chance.choice([str(dated.date()), None])}
        if kind in ("due", "extended"):
            said["due_on"] = str((dated + timedelta(days=30)).date())
        await bus.journal.do(targets.Changing(NewChange(Change.model_validate(said), max(BEGIN, dated), "appealbus")))


async def whole(bus: Bus, case: Case) -> tuple[Outline, list[District]]:
    """Return the outline that follows from all that the journal has of an appeal."""
    versions = await bus.journal.ask(lists.versions, case.receipt.number)
    complete = [each.created_at for each in versions if each.completeness == "complete"]
    first = None if case.first is None else APPEAL.write(case.first)
    ends = tuple(each.lookup for each in case.states if each.kind is OutcomeKind.FOUND)
    told = Outline(
        case.appeal_id,
        case.receipt.accepted_at,
        case.due_on,
        APPEAL.write(case.appeal),
        first,
        case.kept_changes,
        ends,
        min(complete, default=None),
    )
    return told, [each for state in case.states if state.record for each in districts_of(state.record)]


@pytest.mark.proof
async def test_a_part_says_what_the_whole_says(url: str, tmp_path: Path) -> None:
    """Of appeals that are corrected, redirected, answered and looked up at random, on both databases."""
    chance = random.Random(7)
    store, kept = Store(None), []
    lookups = (
        lookup("a.address", address, Address, kato=From("place.kato")),
        lookup("b.thing", kato=From("place.kato")),
    )
    async with running_bus(tmp_path, *lookups, bus={"grace": 1, "journal": url}) as bus:
        for number in range(60):
            await bus.accept(message(str(number), **letter(chance)))
            await tell(bus, chance, number)
        await bus.settle()
        mark = (await bus.journal.keyed()).mark
        for case in await bus.journal.ask(cases.cases, range(1, 61)):
            outline, districts = await whole(bus, case)
            kept.append(fact_of(outline, mark, districts))
        await follow(bus.journal, "J", store)
    other = Store(None)
    other.put(kept)
    for table in ("fact", "matter", "district"):
        rows = [list(map(tuple, each.select(f"SELECT * FROM {table} ORDER BY 1, 2"))) for each in (store, other)]
        assert rows[0] == rows[1]
        assert len(rows[0]) > 1
    states = {each.state for each in kept}
    assert states == {"considered", "redirected", "open"}
    assert {each.complete_before for each in kept} == {True, False}


async def test_what_is_damaged_is_not_counted(url: str, tmp_path: Path) -> None:
    """Neither with a damaged form nor with a damaged first one; of a damaged change, and of records, the rest is."""
    store = Store(None)
    corrected = {"kind": "corrected", "corrected": {"category": {"code": "20"}}}
    async with running_bus(
        tmp_path, lookup("a.address", address, Address, kato=From("place.kato")), bus={"grace": 1, "journal": url}
    ) as bus:
        for number in range(6):
            await bus.accept(message(str(number), category={"code": "10"}, place={"kato": PLACES[0]}))
        await bus.settle()
        for number in range(6):
            given = {"message_id": f"c{number}", "channel": "test", "appeal_message_id": str(number)}
            for at, said in enumerate((corrected, {"kind": "answered", "result": "refused"})):
                change = Change.model_validate({**given, "message_id": f"c{number}-{at}", **said})
                await bus.journal.do(targets.Changing(NewChange(change, BEGIN, "appealbus")))
        await bus.settle()
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            for number, damage in DAMAGE.items():
                connection.execute(text(f"{damage} AND appeal_id = {number}"))
        engine.dispose()
        with capture_logs() as logs:
            await follow(bus.journal, "J", store)
    assert {(line["event"], line["appeal_id"]) for line in logs} == {("journal.unreadable", n) for n in DAMAGE}
    day = day_of(BEGIN)
    total = make_table(store, ReportSettings(), ReportSpan(day - WEEK, day + WEEK), By.BODY, day).total
    assert (total.count(Column.REGISTERED), total.count(Column.REFUSED)) == (3, 2)
    assert [row[0] for row in store.select("SELECT code FROM district")] == [PLACES[0][:4]]  # the fifth one says it


@pytest.mark.parametrize("more", [{}, {"later": 1}, {"kind": "praise", "due_on": "soon"}, {"parcels": [{"note": 7}]}])
def test_what_another_release_wrote_is_read_as_the_whole(more: dict[str, Any]) -> None:
    """Fields that it alone knows, words of its own, and values that nobody can read."""
    applicant = {"type": "person", "iin": PERSONS[0], "later": 1}
    form = {"message_id": "1", "applicant": applicant, "addressee": {"name": "Аким", "later": {}}, "repeats": ["1"]}
    raw = orjson.dumps(form | more)
    part, of_whole = COUNTED.read(raw), APPEAL.read(raw)
    assert part.applicant is not None
    assert part.applicant.iin == PERSONS[0]
    assert (part.kind, part.due_on, part.addressee, part.repeats) == (
        of_whole.kind,
        of_whole.due_on,
        of_whole.addressee,
        of_whole.repeats,
    )
    assert len(part.parcels) == len(of_whole.parcels)
