"""A disk that is full and a journal that cannot be used: said clearly, and nothing is promised that is not on disk."""

import resource

import pytest

from appealbus.core.journal import figures
from tests.system.installation import Installation, letters
from tests.system.program import appealbus
from tests.system.proof import nothing_is_lost

pytestmark = pytest.mark.system

ROOM = 550_000
"""Bytes that a file may have: enough to make a journal, too few for 400 appeals."""
ROOM_FOR_SOME = 700_000
"""Enough for a bus to begin, too few for 200 appeals that are worked."""


def test_intake_onto_a_full_disk_says_so_and_can_be_repeated(here: Installation) -> None:
    """Exit 4 with a sentence; once there is room the same file completes what is missing."""
    sent = here.write(letters(400))
    full = appealbus(here.folder, "intake", here.appeals.name, expect=4, largest_file=ROOM)
    assert "the journal failed: the disk" in full.err
    assert "Traceback" not in full.err
    before = {row.message_id: row.number for row in here.rows()}
    assert len(before) < len(sent)
    counts = appealbus(here.folder, "intake", here.appeals.name, "--json").counts()
    assert counts == {"new": len(sent) - len(before), "known": len(before), "quarantined": 0}
    assert before.items() <= {row.message_id: row.number for row in here.rows()}.items()


def test_a_bus_whose_disk_fills_promises_nothing_that_is_not_there(here: Installation) -> None:
    """It stays up, gives no receipt for what it cannot write, and takes and delivers the rest once there is room."""
    sent = here.write(letters(200))
    here.with_sender(together=10)
    with here.start("run", largest_file=ROOM_FOR_SOME) as bus:
        bus.until(lambda: "intake.raised" in bus.err, "the sender is turned away")
        acknowledged = {receipt["message_id"] for receipt in here.acknowledged()}
        assert 0 < len(acknowledged) < len(sent)
        assert acknowledged <= {row.message_id for row in here.rows()}
        resource.prlimit(bus.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        bus.until(lambda: len(here.acknowledged()) >= len(acknowledged) + len(sent), "the sender has repeated its file")
        bus.until(lambda: _settled(here), "all is done and delivered")
        assert bus.stop().code == 0
    assert nothing_is_lost(here, sent).keys() == set(sent)


def _settled(here: Installation) -> bool:
    counts = here.read(lambda journal: journal.ask(figures.counts))
    return not (counts.ready or counts.in_work or counts.parked or counts.outbox)


def test_a_bus_that_is_stopped_on_a_full_disk_says_so(here: Installation) -> None:
    """It ends with 7, since it could not put everything in order for now; what it had acknowledged is there."""
    sent = here.write(letters(200))
    here.with_sender(together=10)
    with here.start("run", largest_file=ROOM_FOR_SOME) as bus:
        bus.until(lambda: "intake.raised" in bus.err, "the sender is turned away")
        stopped = bus.stop()
    assert stopped.code == 7
    assert "the journal failed: the disk" in stopped.err
    assert "Traceback" not in stopped.err
    here.settle()
    assert nothing_is_lost(here, sent)


def test_a_journal_that_is_none_is_named_and_left_alone(here: Installation) -> None:
    """A damaged file and a folder in its place end with 4 and keep their content; a missing folder is a mistake, 2."""
    here.write(letters(1))
    journal = here.folder / "journal.db"
    journal.write_bytes(b"not a database, but somebody's file " * 100)
    content = journal.read_bytes()
    for command in (["run"], ["why", "AB-1"]):
        done = appealbus(here.folder, *command, expect=4)
        assert "journal.db: " in done.err
        assert "not a database" in done.err
        assert "Traceback" not in done.err
    assert journal.read_bytes() == content
    here.configure(bus={"journal": f"sqlite:///{here.folder.name}/absent/journal.db"})
    assert "does not exist" in appealbus(here.folder, "intake", here.appeals.name, expect=2).err
    (here.folder / "folder.db").mkdir()
    here.configure(bus={"journal": "sqlite:///folder.db"})
    assert "Is a directory" in appealbus(here.folder, "intake", here.appeals.name, expect=4).err
