"""Compression of stored texts by zstd, with dictionaries that ship here.

JSON of a few kilobytes shrinks to a seventh with a dictionary, and to a half without. Each packed text names its
dictionary. So its file must stay here for ever, and a better one gets another id. See README.md for their sources.
"""

from functools import cache
from pathlib import Path
from threading import local
from typing import Final

import zstandard

DOCUMENTS: Final = 33001
"""The dictionary for documents and skeletons of versions, in JSON."""
REPLIES: Final = 33002
"""The dictionary for raw replies of registers, in XML."""
MOST: Final = 16 * 1024 * 1024
"""Bytes of an unpacked text: more would mean damage or an attack."""
_LEVEL = 1
"""3 takes half as long again and saves a tenth; -1 is hardly faster, and output grows by a third."""
_EMPTY = 18
"""Bytes of the longest empty frame."""
_PACKED = b"\x28\xb5\x2f\xfd"
"""Prefix of packed texts: zstd's magic number, with which no JSON begins."""


def pack(text: bytes, dictionary: int) -> bytes:
    """Pack a text with a dictionary. Short or random texts may grow by some bytes."""
    return _mine.packing(dictionary).compress(text)


def unpack(kept: bytes, most: int = MOST) -> bytes:
    """Return a packed text unpacked, and any other unchanged. Raises ValueError.

    The text may be damaged, longer than `most` bytes, or packed with a dictionary of a later release.
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
    return kept.startswith(_PACKED)


class _OfThread(local):
    """Compressors of one thread: two threads must not share them."""

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
