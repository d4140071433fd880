"""After a restore nothing is numbered as it was before."""

import shutil

import pytest

from appealbus.core.journal import renewing, state
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.errors import Behind
from appealbus.core.journal.journal import Journal
from appealbus.schemas.dossier import Completeness, delivery_id


@pytest.fixture
def file(tmp_path):
    return tmp_path / "elsewhere" / "checkpoint"


@pytest.fixture
def checkpoint(file):
    file.parent.mkdir()
    made = Checkpoint(file)
    yield made
    made.close()


async def test_numbers_and_delivery_ids_of_a_new_epoch_are_new(url, make):
    """Of appeals that the copy knew, too: a version that it did not know is another one now."""
    async with await Journal.open(url) as journal:
        known = await journal.accept(make.new("known"))
        assert (await end(journal, known, 1)) == ["AB-2026-00000001/1"]
        quarantined = await journal.do(make.quarantine())
        assert (await renewing.begin_epoch(journal, 1, 0)).epoch == 2

        assert (await journal.accept(make.new("known"))).receipt == known.receipt
        new = await journal.accept(make.new("new"))
        assert new.receipt.number == "AB-2026-2-00000001"
        assert await end(journal, known, 2) == ["AB-2026-00000001/1"]  # which the copy had not yet delivered
        await journal.do(delivering.Confirmed([1]))
        assert await waiting(journal) == ["AB-2026-00000001/2.2"]
        assert "AB-2026-2-00000001/1.2" in await end(journal, new, 1)
        assert await journal.do(make.quarantine()) > quarantined + 100_000
        assert (await renewing.begin_epoch(journal, 5, 0)).epoch == 6
        assert (await journal.accept(make.new("newest"))).receipt.number == "AB-2026-6-00000001"


async def test_an_older_copy_is_found_out(tmp_path, make, checkpoint):
    """However often it is tried: each sign of life counts, and opening it is none."""
    url, copy = f"sqlite:///{tmp_path}/j.db", tmp_path / "copy.db"
    async with await Journal.open(url) as journal:
        assert checkpoint.read() is None
        assert checkpoint.write(await far(journal))
        checkpoint.compare(checkpoint.read(), await journal.ask(state.how_far))
    shutil.copy(tmp_path / "j.db", copy)
    shutil.copy(tmp_path / "j.db.key", f"{copy}.key")
    async with await Journal.open(url) as journal:
        checkpoint.write(await far(journal))
    for _ in range(3):
        async with await Journal.open(f"sqlite:///{copy}") as journal:
            with pytest.raises(Behind, match="an older copy"):
                checkpoint.compare(checkpoint.read(), await journal.ask(state.how_far))
    async with await Journal.open(f"sqlite:///{copy}") as journal:
        mark = checkpoint.read()
        await renewing.begin_epoch(journal, mark.epoch, mark.beat)
        checkpoint.write(await journal.ask(state.how_far))
        checkpoint.compare(checkpoint.read(), await journal.ask(state.how_far))
    async with await Journal.open(url) as journal:
        with pytest.raises(Behind):
            checkpoint.compare(checkpoint.read(), await journal.ask(state.how_far))
    async with await Journal.open(f"sqlite:///{tmp_path}/other.db") as journal:
        with pytest.raises(Behind, match="another journal"):
            checkpoint.compare(checkpoint.read(), await journal.ask(state.how_far))


async def test_one_process_of_a_machine_writes_the_checkpoint(tmp_path, checkpoint, file):
    """Another one takes over when it ends."""
    other = Checkpoint(file)
    async with await Journal.open(f"sqlite:///{tmp_path}/j.db") as journal:
        assert checkpoint.write(await far(journal))
        assert not other.write(await far(journal))
        checkpoint.close()
        assert other.write(await far(journal))
        other.compare(other.read(), await journal.ask(state.how_far))
    other.close()


def test_an_id_tells_number_version_and_epoch():
    """Whatever a register puts into its numbers: the last stroke divides them."""
    given = [
        (number, version, epoch) for number in ("A", "A/1", "A/1.2") for version in (1, 12) for epoch in (1, 2, 12)
    ]
    assert len({delivery_id(*each) for each in given}) == len(given)


async def far(journal):
    await journal.look()
    return await journal.ask(state.how_far)


async def end(journal, accepted, version):
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=version,
            completeness=Completeness.COMPLETE,
            receivers=["out"],
            due_at=None,
        )
    )
    return await waiting(journal)


async def waiting(journal):
    return [
        delivery_id(row.number, row.version, row.epoch)
        for row in await journal.ask(deliveries.undelivered, "out", journal.now(), 10)
    ]
