"""Packs what is kept, by zstd with dictionaries that ship here, and unpacks it again.

JSON of a few kilobytes shrinks to a seventh by a dictionary, and to a half without. Each text that was packed names the
dictionary by which it was; that file stays here for ever, and a better one gets another id beside it. See README.md
for what they are made of.
"""

from functools import cache
from pathlib import Path
from threading import local
from typing import Final

import zstandard

DOCUMENTS: Final = 33001
"""The dictionary for documents and skeletons of versions, which are JSON."""
REPLIES: Final = 33002
"""The dictionary for replies of registers as they came, which are XML."""
MOST: Final = 16 * 1024 * 1024
"""Bytes of a text that may be packed: what claims to become longer is damaged, or hostile."""
_LEVEL = 1
"""3 takes half as long again and saves a tenth; with -1, which is hardly faster, all is a third larger."""
_EMPTY = 18
"""Bytes of the longest frame that has nothing in it."""
_PACKED = b"\x28\xb5\x2f\xfd"
"""What begins so is packed: zstd's magic number, with which no JSON begins."""


def pack(text: bytes, dictionary: int) -> bytes:
    """Return a text packed by a dictionary; that may be some bytes longer, where it is short or like chance."""
    return _mine.packing(dictionary).compress(text)


def unpack(kept: bytes, most: int = MOST) -> bytes:
    """Return a text that was packed; one that was not, as it is.

    Args:
        kept: as it is kept.
        most: bytes that it may have once it is unpacked.

    Raises:
        ValueError: it is damaged, has more bytes, or a later release has packed it by a dictionary that is not here.

    """
    if not is_packed(kept):
        return kept
    try:
        frame = zstandard.get_frame_parameters(kept)
        if frame.content_size > most:  # as does one that does not say
            raise ValueError("what is packed is damaged: it would be too large")
        if frame.content_size == 0 and len(kept) > _EMPTY:  # the library would look no further
            raise ValueError("what is packed is damaged: it says that it is empty")
        return _mine.unpacking(frame.dict_id).decompress(kept, allow_extra_data=False)
    except (zstandard.ZstdError, FileNotFoundError):
        raise ValueError("what is packed is damaged, or by a later release") from None


def is_packed(kept: bytes) -> bool:
    """Say whether a text was packed."""
    return kept.startswith(_PACKED)


class _OfThread(local):
    """What packs and unpacks, for the thread that uses it: two threads must not use one of them at once."""

    def __init__(self) -> None:
        self._packing: dict[int, zstandard.ZstdCompressor] = {}
        self._unpacking: dict[int, zstandard.ZstdDecompressor] = {}

    def packing(self, dictionary: int) -> zstandard.ZstdCompressor:
        made = self._packing.get(dictionary)
        if made is None:
            made = zstandard.ZstdCompressor(_LEVEL, _dictionary(dictionary), write_checksum=True)
            self._packing[dictionary] = made
        return made

    def unpacking(self, dictionary: int) -> zstandard.ZstdDecompressor:
        made = self._unpacking.get(dictionary)
        if made is None:
            made = self._unpacking[dictionary] = zstandard.ZstdDecompressor(_dictionary(dictionary))
        return made


_mine = _OfThread()


@cache
def _dictionary(number: int) -> zstandard.ZstdCompressionDict:
    made = zstandard.ZstdCompressionDict((Path(__file__).parent / f"{number}.zdict").read_bytes())
    made.precompute_compress(_LEVEL)
    return made
