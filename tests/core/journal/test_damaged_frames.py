"""Whatever stands where something packed should: it is told of, and stops nothing but its own appeal."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from sqlalchemy import Engine, create_engine, text
from structlog.testing import capture_logs

from appealbus.core import packing
from appealbus.core.domain.case import Case
from appealbus.core.domain.document import PartRef, written
from appealbus.core.errors import JournalError
from appealbus.core.journal import documents, keeping
from appealbus.core.journal.appeals import cases, claiming, leases
from appealbus.core.journal.appeals.accepting import Accepted
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.core.packing import DOCUMENTS, MOST, REPLIES, pack
from appealbus.core.preparation.changing import with_changes
from appealbus.schemas.change import Change
from appealbus.schemas.dossier import Completeness, Dossier, Fact
from tests.core.journal.conftest import Make

_SHIPPED = zstandard.ZstdCompressionDict((Path(packing.__file__).parent / f"{DOCUMENTS}.zdict").read_bytes())
_EMPTY = b"\x28\xb5\x2f\xfd" + bytes([0b11100011]) + DOCUMENTS.to_bytes(4, "little") + bytes(8)
_WITH_SHIPPED = zstandard.ZstdCompressor(dict_data=_SHIPPED)
FRAMES: Mapping[str, Any] = {
    "cut": lambda kept: kept[:-3],
    "another byte": lambda kept: kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:],
    "no dictionary": lambda kept: zstandard.compress(packing.unpack(kept)),
    "another dictionary": lambda kept: pack(packing.unpack(kept), REPLIES).replace(
        REPLIES.to_bytes(2, "little"), DOCUMENTS.to_bytes(2, "little"), 1
    ),
    "a bomb": lambda kept: _WITH_SHIPPED.compress(bytes(MOST + 1)),
    "says that it is empty": lambda kept: _EMPTY + kept[9:],
    "plain, and begins like a frame": lambda kept: packing._PACKED + b"{}",
}
PLACES = {
    "the newest form": ("document", "body", "digest = (SELECT content FROM appeal WHERE id = 1)"),
    "the first form": ("document", "body", "digest = (SELECT first FROM appeal WHERE id = 1)"),
    "a fact": ("document", "body", "digest = (SELECT fact FROM lookup WHERE appeal_id = 1)"),
    "the newest version": ("dossier", "document", "version = 2"),
}


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """The journal's database."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


async def conclude(journal: Journal, case: Case) -> None:
    """Write the next version of an appeal, with its newest form and all facts."""
    done = with_changes(case)
    content = PartRef(case.content, case.size)
    if done.form is not None:
        content = PartRef(done.form.document.digest, len(done.form.document.body))
    dossier = Dossier(
        number=case.receipt.number,
        version=case.version + 1,
        completeness=Completeness.COMPLETE,
        created_at=case.receipt.accepted_at,
        receipt=case.receipt,
        appeal=done.appeal,
        facts=[
            Fact(lookup=each.lookup, key=each.key, record=each.record, provenance=each.provenance)
            for each in case.states
        ],
    )
    version = written(dossier, content, [each.fact for each in case.states if each.fact is not None])
    await journal.conclude(
        Conclusion(
            case.appeal_id,
            dossier=version.skeleton,
            parts=version.parts,
            size=version.size,
            version=dossier.version,
            completeness=Completeness.COMPLETE,
            receivers=("out",),
            changes_seen=case.changes,
            form=done.form,
        )
    )


@pytest.fixture
async def two(journal: Journal, make: Make) -> list[Accepted]:
    """Two appeals in the journal: the first has been changed, and each has two versions with a fact."""
    appeals = [await journal.accept(make.new(each)) for each in ("a", "b")]
    for appeal in appeals:
        await journal.do(keeping.Keep(appeal.appeal_id, replace(make.found(), next_attempt_at=None)))
    for case in await journal.ask(cases.cases, [1, 2]):
        await conclude(journal, case)
    await journal.do(
        delivering.Confirmed(
            [due.delivery_id for due in await journal.ask(deliveries.undelivered, "out", journal.now(), 10)]
        )
    )
    given = {"message_id": "c", "channel": "files", "kind": "corrected", "appeal_message_id": "a"}
    change = Change.model_validate({**given, "corrected": {"text": "жаңа мәтін"}, "dated_at": "2026-11-24"})
    await journal.do(targets.Changing(NewChange(change, make.now, "appealbus", False)))
    for case in await journal.ask(cases.cases, [1, 2]):
        await conclude(journal, case)
    return appeals


@pytest.mark.parametrize("place", PLACES)
async def test_the_other_appeal_goes_on(
    journal: Journal, make: Make, two: list[Accepted], engine: Engine, place: str
) -> None:
    """It is claimed, read and handed over; nobody is handed half of the first one, and no reader fails otherwise."""
    table, column, which = PLACES[place]
    one, other = (each.receipt.number for each in two)
    first, second = [orjson.loads(await journal.ask(documents.whole, number) or b"") for number in (one, other)]
    this = f"FROM {table} WHERE appeal_id = 1 AND {which}"
    with engine.connect() as connection:
        kept = bytes(connection.execute(text(f"SELECT {column} {this}")).scalar_one())
    assert packing.is_packed(kept)
    for name, damage in FRAMES.items():
        with engine.begin() as connection:
            change = text(f"UPDATE {table} SET {column} = :it WHERE appeal_id = 1 AND {which}")
            connection.execute(change, {"it": damage(kept)})
            connection.execute(text("UPDATE appeal SET state = 'ready', due_at = NULL, lease_until = NULL"))
        with capture_logs() as logs:
            claimed = await claiming.claim(journal, claiming.Claim("me", make.now, 10, 60))
            due = await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
        readable = place == "the newest version"  # it is looked at when there is something to tell
        assert [case.receipt.number for case in claimed] == ([one, other] if readable else [other]), name
        handed = {each.number: orjson.loads(each.dossier) for each in due}
        # The newest version is not made of the first form.
        assert handed == ({one: first, other: second} if place == "the first form" else {other: second}), name
        assert {(line["event"], line["appeal_id"]) for line in logs} == {("journal.unreadable", 1)}, name
        assert orjson.loads(await journal.ask(documents.whole, other) or b"") == second
        if place != "the first form":
            with pytest.raises(JournalError, match="damaged"):
                await journal.ask(documents.whole, one)
        await journal.do(leases.Release("me"))
