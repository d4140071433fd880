"""Lines of a file, one at a time, of any length or encoding errors."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from appealbus.connectors.files.settings import Encoding
from appealbus.schemas.safexml import is_plainly_utf8

LINE_LIMIT = 4 * 1024 * 1024
"""Longest line and largest message, in bytes: an escaped text alone can have 1.2 MB."""
_KEPT = 4096
"""Bytes kept of an overlong line: enough to identify it in the quarantine."""
_SKIPPED = 64 * 1024
"""Bytes read at once while skipping: bounds the memory for a line without an end."""


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line without its break. `problem` says why it is not readable text; `raw` then has the bytes as evidence."""

    number: int
    raw: bytes
    text: str
    problem: str | None = None

    @property
    def content(self) -> bytes:
        """The line in UTF-8, or its raw bytes if it is not readable text."""
        return self.raw if self.problem else self.text.encode()


def read_lines(file: BinaryIO, encoding: str) -> Iterator[TextLine]:
    """Yield every line. An overlong one keeps its first bytes, and reading continues after it."""
    number = 0
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        if len(raw) > LINE_LIMIT and not raw.endswith(b"\n"):
            size = len(raw) + _skip(file)
            problem = f"the line has {size} bytes; the most is {LINE_LIMIT}: it was cut and cannot be replayed"
            yield TextLine(number, raw[:_KEPT], raw[:_KEPT].decode(encoding, "replace"), problem)
            continue
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        yield decoded(number, raw.rstrip(b"\r\n"), encoding)


def decoded(number: int, raw: bytes, encoding: str) -> TextLine:
    if encoding == Encoding.CP1251 and is_plainly_utf8(raw):
        return TextLine(number, raw, raw.decode(), "it is in UTF-8, and is to be read as cp1251: mend its encoding")
    try:
        return TextLine(number, raw, raw.decode(encoding))
    except UnicodeDecodeError as error:
        other = "" if encoding == Encoding.CP1251 else ', or name its encoding: --encoding cp1251, encoding = "cp1251"'
        problem = f"byte {error.start + 1} is not {encoding}; save the file as UTF-8{other}"
    return TextLine(number, raw, raw.decode(encoding, "replace"), problem)


def _skip(file: BinaryIO) -> int:
    """Skip to the next line break; return the number of bytes skipped."""
    skipped = 0
    while part := file.readline(_SKIPPED):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
