"""Reading appeals from a file. Errors in its content are yielded in place of the appeal, never raised."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from appealbus.connectors.files.lines import decoded, read_lines
from appealbus.connectors.files.settings import Encoding
from appealbus.connectors.files.table import read_table
from appealbus.core import ConfigError, Inbound

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".json", ".xml")
WHOLE_LIMIT = 4 * 1024 * 1024
"""Largest file with a single appeal, in bytes."""
_XML = "application/xml"


def read_appeals(
    path: Path, channel: str = "files", encoding: Encoding = Encoding.UTF_8, *, follow: bool = True
) -> Iterator[Inbound]:
    """Yield the appeals of a file, in order, one message each; memory does not grow with the file.

    `.jsonl` and `.ndjson` hold one appeal a line, `.csv` and `.tsv` one a row, `.json` and `.xml` a single one. A
    message's position is `file:line`. JSON documents are not checked here.

    Args:
        channel: channel of the appeals.
        encoding: of JSON Lines and CSV.
        follow: whether the path may be a link: true for a file that a person named, false for one found in a folder.

    Raises:
        ConfigError: at once, if the suffix is unknown or the file cannot be opened.
        OSError: later, if reading fails.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path}: unknown kind of file; its name must end in {', '.join(SUFFIXES)}")
    try:
        file = opened(path, follow=follow)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return _read(file, path.name, suffix, channel, encoding)


def opened(path: Path, *, follow: bool) -> BinaryIO:
    """Open the path if it is a regular file: others who can write to the folder may have put a pipe there."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return open(descriptor, "rb")


def _read(file: BinaryIO, name: str, suffix: str, channel: str, encoding: Encoding) -> Iterator[Inbound]:
    with file:
        if suffix == ".xml":
            raw, problem = _whole(file)
            yield Inbound(channel, f"{name}:1", raw, _XML, problem)
            return
        for number, raw, problem in _messages(file, suffix, encoding):
            yield Inbound(channel, f"{name}:{number}", raw, problem=problem)


def _messages(file: BinaryIO, suffix: str, encoding: Encoding) -> Iterator[tuple[int, bytes, str | None]]:
    if file.read(2) in {b"\xff\xfe", b"\xfe\xff"}:
        yield 1, b"", "the file is UTF-16; save it as UTF-8"
        return
    file.seek(0)
    if suffix in {".csv", ".tsv"}:
        yield from read_table(read_lines(file, encoding.value))
    elif suffix == ".json":
        raw, problem = _whole(file)
        text = decoded(1, raw.removeprefix(b"\xef\xbb\xbf"), encoding.value)
        yield 1, text.content, problem or text.problem
    else:
        for line in read_lines(file, encoding.value):
            if line.problem or line.text.strip():
                yield line.number, line.content, line.problem


def _whole(file: BinaryIO) -> tuple[bytes, str | None]:
    raw = file.read(WHOLE_LIMIT + 1)
    if len(raw) > WHOLE_LIMIT:
        problem = f"the file has more than {WHOLE_LIMIT} bytes; it was cut and cannot be replayed"
        return raw[:4096], f"{problem}; write one appeal a line in a .jsonl file"
    return raw, None


def batches(messages: Iterator[Inbound], most: int) -> Iterator[list[Inbound]]:
    """Yield the messages in batches of at most `most`, and fewer if they are large, to bound the memory."""
    batch: list[Inbound] = []
    size = 0
    for message in messages:
        batch.append(message)
        size += len(message.raw)
        if len(batch) == most or size >= WHOLE_LIMIT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
