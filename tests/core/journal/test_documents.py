"""What versions are made of lies in the journal once, and is put together when a version is read."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Literal

import orjson
import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from appealbus.core import packing
from appealbus.core.domain.document import PartRef, fact_parts, written
from appealbus.core.domain.event import EventType
from appealbus.core.errors import JournalError
from appealbus.core.journal import documents, events, keeping, log
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.schemas.base import Model
from appealbus.schemas.dossier import Completeness, Dossier, Fact
from appealbus.schemas.record import Record


class Inner(Model):
    name: str | None


class Nullable(Record):
    type: Literal["acme.Nullable"] = "acme.Nullable"
    size: int | None
    parts: list[Inner]


async def told(journal, case, state, *, keeps=True):
    """Keep a fact and conclude the appeal with a version that has it; return the version as JSON has it."""
    dossier = Dossier(
        number=case.receipt.number,
        version=case.version + 1,
        completeness=Completeness.COMPLETE,
        created_at=case.receipt.accepted_at,
        receipt=case.receipt,
        appeal=case.appeal,
        facts=[Fact(lookup=state.lookup, key=state.key, record=state.record, provenance=state.provenance)],
    )
    if keeps:
        await journal.post(keeping.Keep(case.appeal_id, state))
    version = written(dossier, PartRef(case.content, case.size), [state.fact])
    await journal.conclude(
        Conclusion(
            case.appeal_id,
            dossier=version.skeleton,
            parts=version.parts,
            size=version.size,
            documents=() if keeps else (state.fact,),
            version=dossier.version,
            completeness=Completeness.COMPLETE,
            receivers=("out",),
        )
    )
    return orjson.loads(dossier.model_dump_json(exclude_none=True))


async def count(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(text("SELECT count(*) FROM document"))
    engine.dispose()
    return found


async def test_versions_share_what_they_are_made_of(journal, make, url):
    """Three versions of one appeal with one fact are two documents; each is read and handed over whole."""
    number = (await journal.accept(make.new())).receipt.number
    wanted = []
    for at in range(3):
        wanted.append(await told(journal, await journal.ask(journal_cases.case, number), make.found(), keeps=at != 2))
        (due,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        assert orjson.loads(due.dossier) == wanted[-1]
        await journal.do(delivering.Confirmed([due.delivery_id]))
    assert [orjson.loads(await journal.ask(documents.whole, number, version)) for version in (1, 2, 3)] == wanted
    assert await count(url) == 2
    (state,) = (await journal.ask(journal_cases.case, number)).states
    assert (state, state.fact.digest) == (make.found(), make.found().fact.digest)


async def test_a_page_of_versions_is_bounded_by_the_bytes_of_the_whole(journal, make):
    """Skeletons are small; what is handed over is not."""
    for each in ("a", "b", "c"):
        accepted = await journal.accept(make.new(each, text="x" * 5000))
        await told(journal, await journal.ask(journal_cases.case, accepted.receipt.number), make.found())
    assert len(await journal.ask(deliveries.undelivered, "out", journal.now(), 10, size=12_000)) == 1
    assert len(await journal.ask(deliveries.undelivered, "out", journal.now(), 10, size=100_000)) == 3


async def test_a_version_that_lacks_a_document_stops_no_other(journal, make, url):
    """It is told of, nobody gets a dossier with a hole, and the others are handed over."""
    numbers = [(await journal.accept(make.new(each))).receipt.number for each in ("a", "b")]
    for number in numbers:
        await told(journal, await journal.ask(journal_cases.case, number), make.found())
    engine = create_engine(url)
    with engine.begin() as connection:
        gone = text("DELETE FROM document WHERE appeal_id = 1 AND digest = :it")
        connection.execute(gone, {"it": make.found().fact.digest})
    engine.dispose()
    with capture_logs() as logs:
        (due,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    assert due.number == numbers[1]
    assert [(line["event"], line["appeal_id"]) for line in logs] == [("journal.unreadable", 1)]
    for read in (
        partial(journal.ask, documents.whole),
        partial(journal.ask, journal_cases.case),
        partial(journal.ask, journal_cases.states),
    ):
        with pytest.raises(JournalError, match="damaged"):
            await read(numbers[0])


async def test_what_is_kept_is_packed_under_the_digest_of_the_plain(journal, make, url):
    """The appeal, the fact and the skeleton; what is read of them is what was written."""
    number = (await journal.accept(make.new())).receipt.number
    await told(journal, await journal.ask(journal_cases.case, number), make.found())
    engine = create_engine(url)
    with engine.connect() as connection:
        kept = [bytes(row.body) for row in connection.execute(text("SELECT body FROM document"))]
        kept += [bytes(row.document) for row in connection.execute(text("SELECT document FROM dossier"))]
        digests = {bytes(row.digest) for row in connection.execute(text("SELECT digest FROM document"))}
    engine.dispose()
    assert len(kept) == 3
    assert all(map(packing.is_packed, kept))
    assert {sha256(packing.unpack(each)).digest() for each in kept[:2]} == digests
    assert (await journal.ask(documents.bodies, 1, list(digests))).keys() == digests


async def test_what_was_written_before_there_was_packing_is_read(journal, make, url):
    """Documents and skeletons stand in one journal packed and plain, for ever."""
    number = (await journal.accept(make.new())).receipt.number
    wanted = await told(journal, await journal.ask(journal_cases.case, number), make.found())
    engine = create_engine(url)
    with engine.begin() as connection:
        for table, column in (("document", "body"), ("dossier", "document")):
            rows = connection.execute(text(f"SELECT {column} FROM {table}")).scalars().all()
            for packed in rows:
                plain = text(f"UPDATE {table} SET {column} = :plain WHERE {column} = :packed")
                connection.execute(plain, {"plain": packing.unpack(bytes(packed)), "packed": packed})
    engine.dispose()
    assert orjson.loads(await journal.ask(documents.whole, number)) == wanted
    (due,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    assert orjson.loads(due.dossier) == wanted
    (state,) = (await journal.ask(journal_cases.case, number)).states
    assert state == make.found()
    assert (await journal.version(1, 1)).skeleton.startswith(b"{")


@pytest.mark.parametrize("column", ["document.body", "dossier.document"])
async def test_what_is_packed_and_damaged_stops_no_other(journal, make, url, column):
    """It ends like any row that cannot be read: told of, and left out."""
    numbers = [(await journal.accept(make.new(each))).receipt.number for each in ("a", "b")]
    for number in numbers:
        await told(journal, await journal.ask(journal_cases.case, number), make.found())
    table, _, name = column.partition(".")
    engine = create_engine(url)
    with engine.begin() as connection:
        for packed in connection.execute(text(f"SELECT {name} FROM {table} WHERE appeal_id = 1")).scalars().all():
            damaged = bytes(packed)[:-9] + b"\0" + bytes(packed)[-8:]
            change = text(f"UPDATE {table} SET {name} = :damaged WHERE appeal_id = 1 AND {name} = :packed")
            connection.execute(change, {"damaged": damaged, "packed": packed})
    engine.dispose()
    with capture_logs() as logs:
        (due,) = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        cases = await journal.ask(journal_cases.cases, [1, 2])
    assert due.number == numbers[1]
    assert [case.appeal_id for case in cases] == ([2] if table == "document" else [1, 2])
    assert {(line["event"], line["appeal_id"]) for line in logs} == {("journal.unreadable", 1)}
    with pytest.raises(JournalError, match="damaged"):
        await journal.ask(documents.whole, numbers[0])
    if table == "document":
        assert await journal.ask(documents.bodies, 1, [make.found().fact.digest]) == {}
    else:
        with pytest.raises(ValueError, match="packed"):
            await journal.version(1, 1)


async def test_a_document_that_does_not_shrink_stays_plain(journal, make, url):
    """Nor does one that is larger than what is unpacked again."""
    assert documents.packed(b"{}") == b"{}"
    large = b"{" + b" " * packing.MOST + b"}"
    assert documents.packed(large) is large


async def test_what_nothing_refers_to_any_more_goes(journal, make, url):
    """The appeal's form, the facts of its questions and of its versions stay; the rest is deleted."""
    number = (await journal.accept(make.new())).receipt.number
    case = await journal.ask(journal_cases.case, number)
    for at in range(4):
        trail = make.found().provenance.model_copy(update={"question_id": f"q{at}"})
        state = replace(make.found(), provenance=trail)
        if at == 1:
            await told(journal, case, state)
        else:
            await journal.do(keeping.Keep(case.appeal_id, state))
    assert await count(url) == 5
    engine = create_engine(url)
    with engine.begin() as connection:
        assert documents.drop_unused(connection, [case.appeal_id]) == 2
    engine.dispose()
    assert await count(url) == 3
    assert orjson.loads(await journal.ask(documents.whole, number))["facts"][0]["provenance"]["question_id"] == "q1"
    (state,) = (await journal.ask(journal_cases.case, number)).states
    assert orjson.loads(fact_parts(state.fact.body)[1])["question_id"] == "q3"


async def test_a_record_with_a_required_null_stays_typed(journal, make):
    """Nulls are left out where records are kept; a field that has to be there, and may be null, is null again."""
    accepted = await journal.accept(make.new())
    record = Nullable(size=None, parts=[Inner(name=None)])
    await journal.do(keeping.Keep(accepted.appeal_id, replace(make.found(), record=record)))
    (state,) = await journal.ask(journal_cases.states, accepted.receipt.number)
    assert state.record == record


async def test_a_source_that_fails_for_weeks_leaves_one_document(journal, make, url):
    """That of the last attempt. What each came from is in the log; a record that was told meanwhile stays."""
    accepted = await journal.accept(make.new())
    number = accepted.receipt.number
    found = make.found()
    for run in range(1, 6):
        trail = found.provenance.model_copy(update={"question_id": f"q{run}", "raw_sha256": f"{run:064}"})
        await journal.do(keeping.Keep(accepted.appeal_id, replace(make.state(runs=run), provenance=trail)))
    await told(journal, await journal.ask(journal_cases.case, number), found)
    await journal.do(keeping.Keep(accepted.appeal_id, replace(make.state(runs=6), provenance=found.provenance)))
    await journal.do(events.Placing())
    assert await count(url) == 3  # the appeal, the last attempt, the record
    page = await journal.ask(log.page, what=[EventType.ENDED])
    trails = [entry.detail["trail"] for entry in page.entries if "trail" in entry.detail]
    assert [trail.get("reply") for trail in trails] == [f"{run:064}" for run in range(1, 6)] + [None]
    assert trails[0] | {"reply": ""} == {"connector": "shep", "plugin": "acme", "version": "1.0", "reply": ""}
    assert orjson.loads(await journal.ask(documents.whole, number))["facts"][0]["record"]["size"] == 5


async def test_what_another_question_refers_to_stays(journal, make, url):
    """Though the one that it was made for is answered anew: a lookup may have had another name then."""
    accepted = await journal.accept(make.new())
    one = replace(make.state("old.name"), provenance=make.found().provenance)
    for state in (one, replace(one, lookup="gbdfl.person"), make.state(runs=2)):
        await journal.do(keeping.Keep(accepted.appeal_id, state))
    assert await count(url) == 2
    assert len(await journal.ask(journal_cases.states, accepted.receipt.number)) == 2
