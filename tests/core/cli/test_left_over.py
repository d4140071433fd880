"""Receivers that are gone: `check` tells of what waits for them, `prune --receiver` deletes it."""

from pathlib import Path

import pytest

from appealbus.core.journal import figures
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.schemas.dossier import Completeness

CONFIG = '[deliveries.out]\nkind = "files"\npath = "out.jsonl"\n'


@pytest.mark.proof
async def test_what_waits_for_a_receiver_that_is_gone_is_told_and_dropped(program, journal, accepted, tmp_path: Path):
    """The hint is a command that works; what waits for a receiver that is configured cannot be deleted so."""
    (tmp_path / "appealbus.toml").write_text(CONFIG, encoding="utf-8")
    await journal.conclude(
        Conclusion(
            accepted.appeal_id,
            dossier=b"{}",
            version=1,
            completeness=Completeness.COMPLETE,
            receivers=["out", "old"],
            due_at=None,
        )
    )

    checked = program("check")
    assert checked.returncode == 1
    assert "receiver old: 1 dossier waits for it, and it is not configured" in checked.stderr
    assert "appealbus prune --receiver old" in checked.stderr
    assert program("prune", "--receiver", "out").returncode == 2
    [_, old] = sorted(
        await journal.ask(deliveries.deliveries, accepted.receipt.number), key=lambda row: row.receiver == "old"
    )
    await journal.do(delivering.GivenUp([(old.id, "refused")]))
    told = "1 deliveries, 0 appeals, 0 quarantine, 0 replies, 0 log"
    assert program("prune", "--receiver", "old", "--dry-run").stdout == f"{told} would be deleted\n"
    assert (await journal.ask(figures.counts)).alone == {"old": 1}
    assert program("prune", "--receiver", "old").stdout == f"{told}\n"
    assert ((await journal.ask(figures.counts)).outbox, (await journal.ask(figures.counts)).alone) == ({"out": 1}, {})
    assert program("check").returncode == 0


def test_no_journal_is_no_problem(program, tmp_path: Path):
    """`check` makes none and misses none; one that is damaged is a problem."""
    assert program("check").returncode == 0
    assert not list(tmp_path.iterdir())
    (tmp_path / "appealbus.db").write_bytes(b"dear diary" * 1000)
    checked = program("check")
    assert checked.returncode == 1
    assert "not a database" in checked.stderr
