"""Public ids of appeals in the journal: given at intake and to what was there before, and found again."""

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from appealbus.core.domain.public_id import parse, public_id
from appealbus.core.journal import schema, store
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.journal import Journal
from tests.services.journals import engine_of


async def test_an_appeal_is_found_by_its_public_id_alone(journal, make):
    """Another tag, another appeal and what is no id at all find nothing."""
    one, other = [await journal.accept(make.new(f"m{number}")) for number in (1, 2)]
    mine = (await journal.ask(lists.appeal_row, one.receipt.number)).public_id
    assert (await journal.ask(lists.appeal_of, mine)).appeal_id == one.appeal_id
    appeal_id, tag = parse(mine)
    wrong = bytes((*tag[:-1], tag[-1] ^ 1))
    for text_ in (public_id(appeal_id, wrong), public_id(other.appeal_id, tag), public_id(999, tag), "N-1", "", "\0"):
        assert await journal.ask(lists.appeal_of, text_) is None
    await journal.accept(make.new("m1"))
    assert (await journal.ask(lists.appeal_row, one.receipt.number)).public_id == mine


async def test_an_appeal_is_found_by_what_its_channel_knows(journal, make):
    """By number, by message, and by both together; what two channels have used is nobody's without the channel."""
    one = await journal.accept(make.new("m1", number="N-1"))
    two = await journal.accept(make.new("m1", channel="mail"))
    three = await journal.accept(make.new("m3"))

    async def found(*given):
        row = await journal.ask(lists.appeal_by, *given)
        return None if row is None else row.appeal_id

    assert await found("N-1") == one.appeal_id
    assert await found("N-1", "m1", "files") == one.appeal_id
    assert await found(None, "m1", "mail") == two.appeal_id
    assert await found(None, "m3") == three.appeal_id
    for nobody in (("N-1", "m3"), ("N-1", None, "mail"), (None, "m1"), (None, None, "files"), (), (None, "m9")):
        assert await found(*nobody) is None


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path):
    """A journal as it was before appeals had tags, with three in it."""
    shared = request.param == "postgresql"
    url = str(request.getfixturevalue("database")) if shared else f"sqlite:///{tmp_path}/journal.db"
    engine = engine_of(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(schema._FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")
        columns = "id, channel, message_id, number, accepted_at, accepted_by, urgency, state, version, changed_at"
        for number in (1, 2, 3):
            row = f"{number}, 'files', 'm{number}', 'N-{number}', 1, 'x', 1, 'idle', 0, 1"
            connection.execute(text(f"INSERT INTO appeal ({columns}) VALUES ({row})"))
    engine.dispose()
    return url


async def test_appeals_that_were_there_get_ids_too(old, tmp_path):
    """Each one of its own, that stays as it is; nothing else of them changes, and new ones find no default."""
    async with await Journal.open(old, key=tmp_path / "its.key") as journal:
        rows = await journal.ask(lists.appeals)
        assert [row.number for row in rows] == ["N-1", "N-2", "N-3"]
        tags = {parse(row.public_id)[1] for row in rows}
        assert len(tags) == 3
        for row in rows:
            assert (await journal.ask(lists.appeal_of, row.public_id)).number == row.number
    async with await Journal.open(old, key=tmp_path / "its.key") as journal:
        assert await journal.ask(lists.appeals) == rows
    opened = store.open_store(old, read_only=True, key=tmp_path / "its.key")
    with opened.reading.connect() as connection:
        assert connection.scalar(text("SELECT count(DISTINCT substr(tag, 1, 1)) FROM appeal")) <= 4
    opened.reading.dispose()
    opened.close()
