"""Masking versions without blocking: slow ones in a helper process, with a cache.

The helper runs this module. A request is a mask and the bytes of a version; the result is `[whether it is a valid
version, its digest]` and the masked bytes.
"""

import asyncio
import pickle
from collections import Counter, OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import AppealBusError, JournalError
from appealbus.core.fair_share import requester
from appealbus.core.process.helpers import HelperDied, Helpers, serve
from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_version import MaskedVersion, seen

log = structlog.get_logger(__name__)

_HELPER = "appealbus.core.rights.masker"
_SMALL = 8 * 1024
"""Bytes of a version masked on the event loop, usually in under a millisecond, less than a helper costs."""
_AT_ONCE = 150.0
"""Effort on the event loop for such a version, in some 10 µs: three times the usual, so that none blocks others."""
_WITHIN = 20.0
"""Seconds until a version counts as too large to mask; the worst of 4 MB takes less than one."""
_KEPT = 32 * 1024 * 1024
"""Bytes of the cache: some thousands of usual versions."""
_ENTRY = 1024
"""Bytes of an entry beside its version."""
_AGAIN = 60.0
"""Seconds until a failed version is retried: lists that contain it stay fast, and it does not stay hidden long."""

_TRIES = 3
"""Attempts until a version counts as damaged. Readers of the feed wait until then."""


class NotMasked(JournalError):
    """A version cannot be masked in time: it is hidden, as are those to be compared with it.

    It is not damaged and may be masked later; until then nobody learns whether it is news.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, "not_masked")


class NeverMasked(AppealBusError, ValueError):
    """A version could not be masked in all attempts: it counts as damaged, though it is not."""


@dataclass(frozen=True, slots=True)
class _Entry:
    found: MaskedVersion | None
    owner: str
    until: float = float("inf")
    tries: int = 0

    @property
    def size(self) -> int:
        return _ENTRY + (0 if self.found is None else len(self.found.raw))


_Key = tuple[bytes, bytes]


class Masker:
    """Masks versions for all viewers in a process.

    The cache key is the mask and the SHA-256 of the current content from the journal, so entries are never outdated.
    Eviction removes the oldest entry of the requester with the most.
    """

    def __init__(self, most: int = _KEPT) -> None:
        self._helpers = Helpers(_HELPER)
        self._most = most
        self._kept: dict[_Key, _Entry] = {}
        # By requester, the one that was not asked for the longest first.
        self._order: dict[str, OrderedDict[_Key, None]] = {}
        self._sizes: Counter[str] = Counter()

    async def seen(self, mask: Mask, raw: bytes, version: int) -> MaskedVersion:
        """Mask a version. Raises ValueError if it is damaged, NotMasked if it takes too long, and JournalError."""
        if mask.plain:
            return seen(mask, raw, version)
        key = mask.written, sha256(raw).digest()
        known = self._known(key)
        if known is None:
            if len(raw) <= _SMALL:
                effort = Effort(_AT_ONCE)
                whole = _whole(mask, raw, effort)
                known = whole if effort.left >= 0 else None
                await asyncio.sleep(0)  # a hundred in a row would hold up all else
            if known is None:
                known = await self._by_helper(key, mask, raw)
            self._keep(key, _Entry(known, requester.get()))
        return MaskedVersion(version, known.raw, known.digest)

    async def aclose(self) -> None:
        await self._helpers.aclose()

    async def _by_helper(self, key: _Key, mask: Mask, raw: bytes) -> MaskedVersion:
        async with self._helpers.one() as helper:
            known = self._known(key)  # another request of the same client may have been first
            if known is not None:
                return known
            try:
                (whole, digest), shown = await helper.ask([mask.written.hex()], raw, _WITHIN)
            except (HelperDied, TimeoutError) as error:
                log.error("mask.failed", bytes=len(raw), error=type(error).__name__)
                before = self._kept.get(key)
                tries = 1 + (0 if before is None else before.tries)
                until = monotonic() + _AGAIN if tries < _TRIES else float("inf")
                self._keep(key, _Entry(None, requester.get(), until, tries))
                raise NotMasked("the version cannot be masked in time") from None
        if not whole:
            raise ValueError("the version is damaged")
        return MaskedVersion(0, shown, bytes.fromhex(digest))

    def _known(self, key: _Key) -> MaskedVersion | None:
        entry = self._kept.get(key)
        if entry is None or entry.until < monotonic():
            return None
        self._order[entry.owner].move_to_end(key)
        if entry.found is None:
            if entry.tries >= _TRIES:
                raise NeverMasked("the version cannot be masked")
            raise NotMasked("the version could not be masked in time")
        return entry.found

    def _keep(self, key: _Key, entry: _Entry) -> None:
        if key in self._kept:
            self._forget(key)
        self._kept[key] = entry
        self._order.setdefault(entry.owner, OrderedDict())[key] = None
        self._sizes[entry.owner] += entry.size
        while self._sizes.total() > self._most:
            most = max(self._sizes, key=self._sizes.__getitem__)
            self._forget(next(iter(self._order[most])))

    def _forget(self, key: _Key) -> None:
        entry = self._kept.pop(key)
        del self._order[entry.owner][key]
        self._sizes[entry.owner] -= entry.size
        if not self._order[entry.owner]:
            del self._order[entry.owner], self._sizes[entry.owner]


def _whole(mask: Mask, raw: bytes, effort: Effort | None = None) -> MaskedVersion:
    """Mask a version; any error caused by its content counts as damage of this version only."""
    try:
        return seen(mask, raw, 0, effort)
    except ValueError:
        raise
    except Exception as error:
        log.exception("mask.failed", bytes=len(raw), error=type(error).__name__)
        raise ValueError("the version cannot be masked") from None


def _masked(about: list[Any], raw: bytes) -> tuple[list[Any], bytes]:
    try:
        version = _whole(_mask(about[0]), raw)
    except ValueError:
        return [False, ""], b""
    return [True, version.digest.hex()], version.raw


@lru_cache(8)
def _mask(written: str) -> Mask:
    read: Mask = pickle.loads(bytes.fromhex(written))  # noqa: S301 - the process that started this one has written it
    return read


if __name__ == "__main__":
    serve(_masked)
