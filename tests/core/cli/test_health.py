"""`appealbus health`: one answer over a real journal."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import gethostname

import pytest

from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import state, workers
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness
from tests.services.day import today
from tests.services.journals import sqlite_journal

NOW = datetime.now(UTC)
WORKER = WorkerState("w", "host1", 7, NOW)


@pytest.fixture(autouse=True)
def _nothing_to_tell_of(tmp_path: Path) -> None:
    """Have no terms: before their calendar ends that would be a finding, too. And have whom to ask and to tell."""
    parts = '[sources.gbdfl]\nconnector = "shep"\nurl = "http://127.0.0.1:9/"\nservice_id = "S"\nsender_id = "bus"\n'
    parts += '[deliveries.out]\nkind = "files"\npath = "out.jsonl"\n'
    (tmp_path / "appealbus.toml").write_text(f'[bus]\ndisabled = ["terms"]\n{parts}')


async def accept(journal, message: str, due_in: int) -> int:
    """Take an appeal that is due in so many days of the country."""
    content = Appeal(
        message_id=message,
        channel="portal",
        kind=AppealKind.REPORT,
        applicant=PersonApplicant(),
        text="",
        due_on=today() + timedelta(days=due_in),
    )
    return (await journal.accept(NewAppeal(content, NOW, "appealbus"))).appeal_id


async def test_a_channel_that_misnames_fields_is_told(program, journal, tmp_path):
    """Four of five appeals with a field that the contract does not know: then all is not well."""
    await journal.do(workers.Beat(WORKER, [], 600))
    letter = {"kind": "complaint", "applicant": {"name": "А"}}
    letters = [{"message_id": str(at), **letter, **({"aplicant": {}} if at % 5 else {})} for at in range(25)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, letters)))
    assert program("intake", "a.jsonl", "--channel", "portal").returncode == 0
    done = program("health")
    assert "channel portal: 20 of its newest 25 appeals have the warning field.unknown, such as AB-" in done.stdout
    assert (done.returncode, "All is well." in done.stdout) == (1, False)


async def test_all_is_well(program, journal):
    """Exit code 0 and one line."""
    await journal.do(workers.Beat(WORKER, [], 600))
    done = program("health")
    assert (done.returncode, done.stdout, done.stderr) == (0, "All is well.\n", "")
    assert json.loads(program("health", "--json").stdout) == {"well": True, "findings": []}


async def test_the_worst_first_with_what_to_do(program, journal):
    """A connection that is refused before a message in quarantine; exit code 1."""
    link = LinkState("main.consume", LinkStatus.REFUSED, "the password is wrong")
    await journal.do(workers.Beat(WorkerState("w", "host1", 7, NOW, links=(link,)), [], 600))
    await journal.do(NewQuarantine(NOW, "files", "a:1", "no JSON", b"{", "application/json"))
    done = program("health")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "critical  link main.consume: refused: the password is wrong"
    assert lines[1].strip() == "mend the password, the virtual host, the right or the missing queue"
    assert lines[2].startswith("warning   quarantine: 1 by files")
    russian = program("health", "--lang", "ru").stdout.splitlines()
    assert russian[0].endswith("соединение main.consume: отказано: the password is wrong")
    assert russian[1].strip() == "исправьте пароль, виртуальный хост, права или недостающую очередь"
    told = json.loads(program("health", "--json").stdout)
    assert [each["severity"] for each in told["findings"]] == ["critical", "warning"]


async def test_what_falls_due_without_facts(program, journal):
    """Open and not complete, from a month ago until in three days; others and what has no date are left out."""
    await journal.do(workers.Beat(WORKER, [], 600))
    ids = [await accept(journal, f"m{due}", due) for due in (-40, -1, 2, 3, 4)]
    done = {"dossier": b"{}", "version": 1, "completeness": Completeness.COMPLETE}
    await journal.conclude(Conclusion(ids[3], **done))
    again = NOW + timedelta(hours=1)
    parked = {"completeness": Completeness.PARTIAL, "due_at": again, "waits_for": ["gbdfl", "egkn"]}
    await journal.conclude(Conclusion(ids[2], dossier=b"{}", version=1, **parked))
    [due, *others] = json.loads(program("health", "--json").stdout)["findings"]
    assert (due["severity"], due["about"]) == ("critical", "due dates")
    assert due["detail"].startswith("2 fall due until ")
    assert ", 1 of them overdue: " in due["detail"]
    listed = json.loads(program("appeals", *due["todo"].split("`")[1].split()[2:], "--json").stdout)
    assert [row["appeal_id"] for row in listed] == [ids[2]]  # the other one has no dossier yet
    assert [(each["severity"], each["about"]) for each in others] == [("info", "source egkn"), ("info", "source gbdfl")]


def test_a_journal_that_is_damaged_is_the_finding(program, tmp_path: Path):
    """Exit code 1, with what to do."""
    (tmp_path / "appealbus.db").write_bytes(b"dear diary" * 1000)
    done = program("health")
    assert done.returncode == 1
    assert done.stdout.startswith("critical  journal: ")


def test_a_journal_of_an_earlier_release_is_the_finding(program, tmp_path: Path):
    """It is not migrated by a look, and who looks is told who can look meanwhile."""
    path = sqlite_journal(tmp_path / "appealbus.db").removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE alembic_version SET version_num = '0007'")
        db.commit()
    done = program("health")
    assert done.returncode == 1
    assert done.stdout.startswith("critical  journal: the journal is of an older version; `appealbus run`")
    assert "ask with the release that works it" in done.stdout
    assert "nobody can tell: the journal is of an older version" in " ".join(program("check").stderr.split())


async def test_a_restored_copy_is_told_before_anything_runs(program, journal, tmp_path):
    """A journal that is behind its checkpoint is critical, with what to do; a checkpoint that is none is told."""
    checkpoint = Checkpoint(tmp_path / "appealbus.db.checkpoint")
    now = await journal.ask(state.how_far)
    checkpoint.write(replace(now, beat=now.beat + 1000))
    checkpoint.close()
    done = program("health")
    assert done.returncode == 1, done.stderr
    told = " ".join(done.stdout.split())
    assert told.startswith("critical journal: this journal is an older copy")
    assert "`appealbus restored`" in told
    (tmp_path / "appealbus.db.checkpoint").write_text("{}")
    assert "is no checkpoint of a journal" in " ".join(program("health").stdout.split())


@pytest.mark.parametrize(("host", "well"), [(gethostname(), False), ("host1", True)])
async def test_a_checkpoint_that_a_worker_here_does_not_write(program, journal, tmp_path, host, well):
    """A disk is full, or may not be written: a copy from meanwhile would not be known. Another machine has its own."""
    await journal.look()
    await journal.look()
    await journal.do(workers.Beat(replace(WORKER, host=host), [], 600))
    now = await journal.ask(state.how_far)
    checkpoint = Checkpoint(tmp_path / "appealbus.db.checkpoint")
    checkpoint.write(replace(now, beat=0, clock=now.clock - timedelta(minutes=1)))
    checkpoint.close()
    told = " ".join(program("health").stdout.split())
    assert ("a worker runs on this machine, but" in told, told == "All is well.") == (not well, well)
