"""Dossiers appended to a file."""

import fcntl
import resource
import signal
import stat
from pathlib import Path

import pytest

from appealbus.connectors.files.delivery import FilesDelivery
from appealbus.connectors.files.settings import OutboxSettings
from appealbus.core import ConfigError, Outgoing
from appealbus.core.config.loading import load


def outgoing(version: int, dossier: bytes = b'{"a": 1}') -> Outgoing:
    return Outgoing(f"T-1/{version}", "T-1", version, "partial", dossier)


async def test_each_dossier_is_a_line(tmp_path: Path) -> None:
    """Batches are appended in order; line breaks inside a dossier become spaces."""
    path = tmp_path / "out.jsonl"
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    await delivery.start()
    assert await delivery.deliver([outgoing(1), outgoing(2, b'{\n"a": 2}')]) == [None, None]
    assert await delivery.deliver([outgoing(3)]) == [None]
    await delivery.close()
    assert path.read_bytes() == b'{"a": 1}\n{ "a": 2}\n{"a": 1}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_folder_of_the_file_must_exist(tmp_path: Path) -> None:
    """A typing error in the path would hide dossiers in a new folder."""
    config = tmp_path / "appealbus.toml"
    config.write_text('[deliveries.out]\nkind = "files"\npath = "no/dir/out.jsonl"\n')
    with pytest.raises(ConfigError) as caught:
        load(config, {}).validate(OutboxSettings, "deliveries", "out")
    told = f"appealbus.toml:3: deliveries.out.path: the folder {tmp_path / 'no/dir'} does not exist; make it"
    assert told in str(caught.value)


@pytest.mark.parametrize("left", [b'{"a": 1}\n', b'{"a": 1}\n' * 20_000])
@pytest.mark.parametrize("torn", [b"{", b'{"schema_version":"1","number":"T-' + b"1" * 100_000])
async def test_what_a_crash_left_of_a_dossier_is_dropped(tmp_path: Path, left: bytes, torn: bytes) -> None:
    """Readers see whole lines alone; the dossier that was cut comes again, since nobody confirmed it."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(left + torn)
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    await delivery.start()
    assert path.read_bytes() == left
    await delivery.deliver([outgoing(1)])
    assert path.read_bytes() == left + b'{"a": 1}\n'


@pytest.mark.parametrize(
    "there",
    [
        b'{"a": 1}',
        b'{"schema_version":"1","number":"T-1"}',
        b'{"schema_version":"1","num',
        b'{"a": 1}\n{"a": 2',
        b'{"a": 1}\n{"schema_version":"1","number":"T-1"}',
        b'{"a": 1}\nremember: ask Asel',
    ],
)
async def test_no_byte_is_taken_from_what_may_be_somebodys(tmp_path: Path, there: bytes) -> None:
    """One line without a break, one that is whole, one that is no dossier: it gets a line break, and stays."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(there)
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    await delivery.start()
    assert await delivery.deliver([outgoing(1)]) == [None]
    assert path.read_bytes() == there + b'\n{"a": 1}\n'


@pytest.mark.parametrize("there", [b"SQLite format 3\0", b"name;iin\nA;1", b"[bus]\njournal = 'x'"])
async def test_a_file_of_another_kind_is_left_alone(tmp_path: Path, there: bytes) -> None:
    """A wrong path in the configuration harms nothing: the start says so, and what is to go there waits."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(there)
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    with pytest.raises(ConfigError, match="does not hold JSON"):
        await delivery.start()
    assert await delivery.deliver([outgoing(1)]) == ["not_ours"]
    assert path.read_bytes() == there


async def test_a_folder_under_the_path_is_a_wrong_configuration(tmp_path: Path) -> None:
    """Told at the start, as everything else is that is no file."""
    with pytest.raises(ConfigError, match="is a folder"):
        await FilesDelivery("out", OutboxSettings(path=tmp_path)).start()


async def test_a_full_disk_leaves_no_part_of_a_batch(tmp_path: Path) -> None:
    """What did not fit is taken back, and all of the batch comes again."""
    path = tmp_path / "out.jsonl"
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    await delivery.deliver([outgoing(1)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert await delivery.deliver([outgoing(2, b"1" * 90_000), outgoing(3, b"1" * 90_000)]) == ["efbig"] * 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b'{"a": 1}\n'


async def test_a_file_that_cannot_be_written_fails_the_batch(tmp_path: Path) -> None:
    """Each version comes again, under the system's word for it."""
    (tmp_path / "out").mkdir()
    delivery = FilesDelivery("out", OutboxSettings(path=tmp_path / "out"))
    assert await delivery.deliver([outgoing(1)]) == ["eisdir"]


async def test_the_file_may_be_moved_away(tmp_path: Path) -> None:
    """After a rotation, dossiers go into a new file."""
    path = tmp_path / "out.jsonl"
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    await delivery.deliver([outgoing(1)])
    path.rename(tmp_path / "old.jsonl")
    await delivery.deliver([outgoing(2)])
    assert path.read_bytes() == b'{"a": 1}\n'


async def test_two_workers_never_write_at_once(tmp_path: Path) -> None:
    """What one is in the midst of another neither cuts off nor writes over; its batch comes again."""
    path = tmp_path / "out.jsonl"
    delivery = FilesDelivery("out", OutboxSettings(path=path))
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b'{"a": ')
        other.flush()
        await delivery.start()
        assert await delivery.deliver([outgoing(1)]) == ["eagain"]
        assert path.read_bytes() == b'{"a": '
        other.write(b"0}\n")
    assert await delivery.deliver([outgoing(1)]) == [None]
    assert path.read_bytes() == b'{"a": 0}\n{"a": 1}\n'
