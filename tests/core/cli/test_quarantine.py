"""`appealbus quarantine replay` of what was not kept whole."""

from appealbus.core.bus.reception import Reception
from appealbus.core.interfaces.intake import Inbound, Quarantined


async def test_a_message_that_was_cut_says_so(program, journal):
    """Not that its JSON ends too early: nobody can mend that here."""
    raw = b'{"text": "' + b"x" * (5 * 1024 * 1024) + b'"}'
    taken = await Reception(journal, "appealbus").accept(Inbound("files", "a.jsonl:1", raw))
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
