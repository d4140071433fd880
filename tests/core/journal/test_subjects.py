"""Appeals are found by whom and what they name; nothing of that can be read from the database."""

import logging
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, select

from appealbus.core.domain.case import LookupState
from appealbus.core.journal import figures, keeping, retention
from appealbus.core.journal.appeals import claiming, leases
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import appeal as appeals
from appealbus.core.journal.tables import subject
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.identifiers import IdentifierError
from appealbus.schemas.record import OtherRecord
from tests.core.journal.test_naming import APPEAL, BIN, BODY, FIELD, IIN, OTHER, PARCEL, THIRD, number
from tests.services.asking import appeals_of

HOLDER = number("85010130007")


def found(make, iin: str = HOLDER) -> LookupState:
    record = OtherRecord.model_validate({"type": "acme.Person", "iin": iin})
    return replace(make.found(), lookup="gbdfl.person", record=record)


async def accept(journal: Journal, make, message_id: str, **fields):
    content = Appeal.model_validate({**APPEAL, "message_id": message_id, **fields})
    return await journal.accept(NewAppeal(content, make.now, "appealbus"), owner="me")


async def ids(journal: Journal, kind: str, identifier: str, after: int = 0, limit: int = 100) -> list[int]:
    return [row.appeal_id for row in await appeals_of(journal, kind, identifier, after, limit)]


async def test_found_by_applicant_mention_parcel_and_record(journal, make):
    """In any spelling, by whatever role, each appeal once; the body it is written to finds nothing."""
    one = (await accept(journal, make, "1")).appeal_id
    two = (await accept(journal, make, "2", applicant={"type": "person", "iin": THIRD}, representative=None)).appeal_id
    await journal.post(keeping.Keep(two, found(make), owner="me"))
    await journal.accept(make.new("3"))
    assert await ids(journal, "bin", f"{BIN[:6]}-{BIN[6:]}") == [one]
    assert await ids(journal, "iin", OTHER) == [one]
    assert await ids(journal, "iin", THIRD) == [one, two]
    assert await ids(journal, "cadastral_number", FIELD.replace("-", ":")) == [one, two]
    assert await ids(journal, "iin", HOLDER) == [two]
    assert await ids(journal, "bin", BODY) == []
    assert await ids(journal, "iin", number("85010130009")) == []
    with pytest.raises(IdentifierError):
        await appeals_of(journal, "iin", "120101500017")


async def test_pages_by_key(journal, make):
    """A page begins behind the last id of the one before."""
    all_ = [(await accept(journal, make, str(index))).appeal_id for index in range(5)]
    assert await ids(journal, "cadastral_number", PARCEL, 0, 2) == all_[:2]
    assert await ids(journal, "cadastral_number", PARCEL, all_[1], 2) == all_[2:4]
    assert await ids(journal, "cadastral_number", PARCEL, all_[4]) == []


async def test_a_worker_that_has_lost_the_appeal_marks_nobody(journal, make):
    """As it writes nothing else."""
    one = (await accept(journal, make, "1")).appeal_id
    await journal.post(keeping.Keep(one, found(make), owner="another"))
    await journal.post(keeping.Keep(one, found(make, IIN), owner="me"))
    await journal.ask(figures.counts)
    await journal.do(leases.Release("me"))
    assert await ids(journal, "iin", HOLDER) == []


async def test_the_same_message_again_and_the_same_record_again(journal, make, url):
    """Mark nobody twice; the repeated one names its appeal alone."""
    one = await accept(journal, make, "1")
    assert (await accept(journal, make, "1")).appeal_id == one.appeal_id
    for _ in range(2):
        await journal.post(keeping.Keep(one.appeal_id, found(make), owner="me"))
    await journal.do(leases.Release("me"))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        rows = connection.execute(select(subject)).all()
    engine.dispose()
    assert len(rows) == len({(row.mark, row.role) for row in rows}) == 7
    assert {row.role for row in rows} == {"applicant", "leader", "representative", "mention", "parcel", "gbdfl.person"}
    assert all(len(row.mark) == 16 for row in rows)


async def test_columns_are_filled_as_it_goes(journal, make, url):
    """Of the appeal when it is accepted; of its newest version when that is made; what is pending at each end."""
    one = await accept(journal, make, "1")

    async def conclude(**given):
        usual = {"dossier": b"{}", "completeness": Completeness.PARTIAL, "owner": "me", "due_at": make.later(9)}
        await journal.conclude(Conclusion(one.appeal_id, **{**usual, **given}))
        await claiming.claim(journal, claiming.Claim("me", make.later(99), 1, 60))
        engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as connection:
            row = connection.execute(select(appeals)).one()
        engine.dispose()
        return row

    row = await conclude(version=1, signal="warning", pending=["a.b", "c.d"])
    assert (row.kind, row.category, row.place, row.addressee) == ("complaint", "04.01", "271010000", BODY)
    assert (row.applicant, row.signal, row.pending) == ("organisation", "warning", " a.b c.d ")
    row = await conclude(version=1, dossier=None, pending=["c.d"])
    assert (row.signal, row.pending) == ("warning", " c.d ")
    row = await conclude(version=2)
    assert (row.signal, row.pending) == (None, None)


async def test_marks_go_with_the_appeal(journal, make, url):
    """Retention leaves nothing to find."""
    one = await accept(journal, make, "1")
    await journal.conclude(
        Conclusion(one.appeal_id, dossier=b"{}", version=1, completeness=Completeness.COMPLETE, owner="me")
    )
    await retention.prune(journal, retention.Ages(journal.now() + timedelta(days=366)))
    assert await ids(journal, "iin", OTHER) == []
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert connection.execute(select(subject)).all() == []
    engine.dispose()


async def test_nothing_personal_in_marks_and_logs(tmp_path, make, caplog, capsys):
    """Neither the table nor its index holds a digit of them, nor does a search write to the log."""
    caplog.set_level(logging.DEBUG)
    async with await Journal.open(f"sqlite:///{tmp_path}/j.db") as journal:
        await accept(journal, make, "1")
        assert len(await appeals_of(journal, "iin", OTHER)) == 1
        key = (tmp_path / "j.db.key").read_text().strip()
    with sqlite3.connect(tmp_path / "j.db") as connection:
        dumped = "".join(map(str, connection.execute("SELECT hex(mark), role, kind FROM subject")))
        whole = (tmp_path / "j.db").read_bytes()
    connection.close()
    said = caplog.text + "".join(capsys.readouterr()) + dumped
    assert not [each for each in (IIN, OTHER, THIRD, BIN, PARCEL) if each in said]
    assert key.encode() not in whole
    assert bytes.fromhex(key) not in whole
