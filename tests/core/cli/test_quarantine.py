"""`appealbus quarantine replay` of what was not kept whole."""

from appealbus.core.bus.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.interfaces.intake import Inbound, Quarantined


async def test_a_message_that_was_cut_says_so(program, journal):
    """Not that its JSON ends too early: nobody can mend that here."""
    raw = b'{"text": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    taken = await Reception(journal, BusSettings()).accept(Inbound("files", "a.jsonl:1", raw))
    assert isinstance(taken, Quarantined)
    row = await journal.quarantine_row(taken.quarantine_id)
    assert len(row.raw) == 65536
    for more in ((), ("--dry-run",)):
        done = program("quarantine", "replay", str(row.id), *more)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"{row.id} a.jsonl:1: only the first 65536 bytes of this message are kept; "
            "its sender has to send a smaller one\n"
        )
    assert "the most is 4194304: it was cut and cannot be replayed" in program("quarantine", "list").stdout


async def test_a_letter_whose_id_belongs_to_another_is_taken_under_a_new_one(program, journal):
    """Replayed as it is it stays, and says what to do; with an id of its own it becomes an appeal."""
    reception = Reception(journal, BusSettings())
    first, differs = [
        await reception.accept(
            Inbound("files", "a.jsonl:1", b'{"message_id": "m", "kind": "report", "text": "%s"}' % text)
        )
        for text in (b"one", b"two")
    ]
    assert (differs.code, first.receipt.number in differs.reason) == ("message.differs", True)
    kept = str(differs.quarantine_id)
    for more in ((), ("--dry-run",)):
        done = program("quarantine", "replay", kept, *more)
        assert done.returncode == 1
        assert f"its message id belongs to appeal {first.receipt.number}" in done.stderr
    assert "taken later" not in program("quarantine", "list").stdout
    done = program("quarantine", "replay", kept, "--message-id", "m-2")
    assert (done.returncode, "taken as AB-" in done.stdout) == (0, True)
    row = (await journal.appeals())[1]
    assert row.message_id == "m-2"
    assert (await journal.case(row.number)).appeal.text == "two"
    assert program("quarantine", "replay", "--all", "--message-id", "x").returncode == 2
