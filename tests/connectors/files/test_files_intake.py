"""The intake that watches a folder."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest

from appealbus.connectors.files.intake import FilesIntake
from appealbus.connectors.files.settings import FolderSettings
from appealbus.core import ConfigError
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.loading import from_document, load
from appealbus.core.config.models import BusSettings
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.intake import Inbound, Quarantined, Taken
from appealbus.core.journal import quarantine
from appealbus.core.journal.journal import Journal
from tests.services.processes import PATIENCE

LINE = orjson.dumps({"message_id": "m1", "kind": "complaint", "applicant": {"type": "person"}})


@pytest.fixture
def intake(tmp_path: Path) -> FilesIntake:
    """Return an intake over a folder, set up as a configuration would."""
    table = {"kind": "files", "folder": "in", "poll": "10ms", "settle": "50ms"}
    (tmp_path / "in").mkdir()
    loaded = from_document({"intakes": {"inbox": table}}, tmp_path)
    return FilesIntake("inbox", loaded.validate(FolderSettings, "intakes", "inbox"))


def test_the_folder_must_exist(tmp_path: Path) -> None:
    """A typing error in its name would make a folder that nobody puts anything into."""
    config = tmp_path / "appealbus.toml"
    config.write_text('[intakes.inbox]\nkind = "files"\nfolder = "nodir"\n')
    with pytest.raises(ConfigError) as caught:
        load(config, {}).validate(FolderSettings, "intakes", "inbox")
    assert f"appealbus.toml:3: intakes.inbox.folder: {tmp_path / 'nodir'} does not exist" in str(caught.value)
    assert not (tmp_path / "nodir").exists()


async def run_until(intake: FilesIntake, journal: Journal, *moved: str) -> None:
    """Run the intake until the files are where they belong."""
    running = asyncio.create_task(intake.run(Reception(journal, BusSettings(accepted_by="test"))))
    try:
        async with asyncio.timeout(PATIENCE):
            while not all((intake.config.folder / name).exists() for name in moved):
                await asyncio.sleep(0.01)
                assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def open_journal(folder: Path) -> Journal:
    return await Journal.open(f"sqlite:///{folder / 'j.db'}", number_prefix="T", read_only=False)


async def test_files_are_taken_and_moved(intake: FilesIntake, tmp_path: Path) -> None:
    """Good files end in done, those without a single good appeal in failed; bad lines are in quarantine."""
    folder = intake.config.folder
    (folder / "a.jsonl").write_bytes(LINE + b"\nbroken\n")
    (folder / "b.csv").write_text("kind,nonsense\n")
    (folder / "notes.txt").write_text("not ours")
    (folder / "c.jsonl.part").write_bytes(LINE)
    journal = await open_journal(tmp_path)
    try:
        await run_until(intake, journal, "done/a.jsonl", "failed/b.csv")
        rows = await journal.ask(quarantine.quarantined, after=0, limit=10)
        assert sorted(row.position for row in rows) == ["a.jsonl:2", "b.csv:1"]
        assert {row.channel for row in rows} == {"inbox"}
    finally:
        await journal.close()
    assert sorted(path.name for path in folder.iterdir()) == ["c.jsonl.part", "done", "failed", "notes.txt"]


async def test_nothing_is_written_or_read_through_a_link_in_the_folder(intake: FilesIntake, tmp_path: Path) -> None:
    """Who may put appeals in must not have the bus overwrite a file of its own, nor wait for a pipe."""
    folder = intake.config.folder
    (tmp_path / "precious").write_text("7 dossiers")
    (folder / ".a.jsonl.taking").symlink_to(tmp_path / "precious")
    (folder / ".b.jsonl.taking.new").symlink_to(tmp_path / "precious")
    os.mkfifo(folder / ".c.jsonl.taking")
    os.link(tmp_path / "precious", folder / ".d.jsonl.taking")
    names = ["a.jsonl", "b.jsonl", "c.jsonl", "d.jsonl"]
    for name in names:
        (folder / name).write_bytes(LINE)
    journal = await open_journal(tmp_path)
    try:
        await run_until(intake, journal, *(f"done/{name}" for name in names))
    finally:
        await journal.close()
    assert (tmp_path / "precious").read_text() == "7 dossiers"


async def test_the_same_name_again_keeps_both_files(intake: FilesIntake, tmp_path: Path) -> None:
    """A file that was dealt with is never overwritten."""
    folder = intake.config.folder
    (folder / "done").mkdir()
    (folder / "done" / "a.jsonl").write_bytes(b"old")
    (folder / "a.jsonl").write_bytes(LINE)
    journal = await open_journal(tmp_path)
    try:
        await run_until(intake, journal, "done/a.1.jsonl")
    finally:
        await journal.close()
    assert (folder / "done" / "a.jsonl").read_bytes() == b"old"
    assert (folder / "done" / "a.1.jsonl").read_bytes() == LINE


class Recorder:
    """Notes ten messages, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.messages: list[Inbound] = []
        self.complete = asyncio.Event()
        self.failure = failure

    async def accept(self, message: Inbound) -> Taken | Quarantined:
        if self.failure:
            raise self.failure
        self.messages.append(message)
        if len(self.messages) == 10:
            self.complete.set()
        return Quarantined(1, "no")


@pytest.mark.parametrize("instead", ["link", "pipe"])
async def test_what_took_the_place_of_a_file_is_not_read(intake: FilesIntake, tmp_path: Path, instead: str) -> None:
    """A name that a file had when the folder was looked at may be a link or a pipe by the time it is opened."""
    folder = intake.config.folder
    (folder / "a.jsonl").write_bytes(LINE)
    looked = intake._whole_files

    def swapped() -> list[str]:
        found = looked()
        if found == ["a.jsonl"]:
            (folder / "a.jsonl").unlink()
            (tmp_path / "secret.jsonl").write_bytes(LINE)
            if instead == "link":
                (folder / "a.jsonl").symlink_to(tmp_path / "secret.jsonl")
            else:
                os.mkfifo(folder / "a.jsonl")
        return found

    intake._whole_files = swapped  # type: ignore[method-assign]
    recorder = Recorder()
    running = asyncio.create_task(intake.run(recorder))
    try:
        async with asyncio.timeout(PATIENCE):
            while not (folder / "failed/a.jsonl").exists():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert recorder.messages == []


async def test_a_file_that_still_grows_is_not_taken(intake: FilesIntake) -> None:
    """Only when its size has settled is a file whole."""
    file = intake.config.folder / "a.jsonl"
    recorder = Recorder()
    running = asyncio.create_task(intake.run(recorder))
    try:
        for count in range(1, 11):
            file.write_bytes((LINE + b"\n") * count)
            await asyncio.sleep(0.02)
            assert not recorder.messages
        async with asyncio.timeout(PATIENCE):
            await recorder.complete.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [message.position for message in recorder.messages] == [f"a.jsonl:{line}" for line in range(1, 11)]


async def test_a_file_stays_while_the_bus_cannot_write(intake: FilesIntake) -> None:
    """If the journal fails, the intake fails with it, and the file is read again later."""
    file = intake.config.folder / "a.jsonl"
    file.write_bytes(LINE)
    with pytest.raises(JournalError):
        async with asyncio.timeout(PATIENCE):
            await intake.run(Recorder(JournalError("full")))
    assert file.exists()


async def test_of_several_workers_one_takes_from_the_folder(intake: FilesIntake) -> None:
    """The other sees that there is something left to do, and goes on when the first one ends."""
    folder = intake.config.folder
    first, second = Recorder(), Recorder()
    other = FilesIntake("inbox", intake.config)
    running = [asyncio.create_task(intake.run(first))]
    try:
        async with asyncio.timeout(PATIENCE):
            while not intake.idle:  # it has looked, so it has the folder
                await asyncio.sleep(0.01)
            running.append(asyncio.create_task(other.run(second)))
            while not other.idle:
                await asyncio.sleep(0.01)
            for number in range(10):
                (folder / f"{number}.jsonl").write_bytes(LINE)
            await first.complete.wait()
            while list(folder.glob("*.jsonl")):
                await asyncio.sleep(0.01)
            assert (len(first.messages), second.messages) == (10, [])
            running[0].cancel()
            await asyncio.wait(running[:1])
            (folder / "late.jsonl").write_bytes(LINE)
            while not second.messages:
                await asyncio.sleep(0.01)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert [message.position for message in second.messages] == ["late.jsonl:1"]


async def test_what_was_being_taken_when_somebody_died_is_taken_alone(intake: FilesIntake) -> None:
    """Of a file that was begun and not moved: the handful that was under way, and no other; then the note is gone."""
    folder = intake.config.folder
    (folder / "a.jsonl").write_bytes((LINE + b"\n") * 250)
    (folder / ".a.jsonl.taking").write_text("100")
    recorder = Recorder()
    running = asyncio.create_task(intake.run(recorder))
    try:
        async with asyncio.timeout(PATIENCE):
            while not (folder / "failed" / "a.jsonl").exists() or (folder / ".a.jsonl.taking").exists():
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [message.again for message in recorder.messages] == [False] * 100 + [True] * 100 + [False] * 50
