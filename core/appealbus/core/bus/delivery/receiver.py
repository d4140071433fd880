"""One receiver: its region, its masked view of a version, and the calls of its plugin.

A version without news for it is withheld. On any failure of a mask the version is held for a person; it never leaves
unmasked. Each call ends in time with a valid result, whatever the plugin does.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.fair_share import on_behalf_of
from appealbus.core.interfaces.delivery import Delivery, Handed, Outgoing, Refused
from appealbus.core.journal import documents
from appealbus.core.journal.deliveries import deliveries
from appealbus.core.journal.deliveries.deliveries import Undelivered
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.masking import message_number
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.core.rights.masked_version import Looks, MaskedVersion, is_damage
from appealbus.core.rights.masker import Masker, NotMasked
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import delivery_id
from appealbus.schemas.identifiers import parse_cadastral_number, parse_kato, parse_or_none
from appealbus.schemas.territory import KATO_OBLASTS, kato_oblasts

log = structlog.get_logger(__name__)

UNKNOWN = "00"
"""The appeal names no region, or several."""
OF_REGION = (
    *(("appeal", (name,)) for name in ("addressee", "place", "parcels")),
    ("appeal", ("mentions", "cadastral_numbers")),
)


def region_of(appeal: Appeal) -> str:
    """Return the two-digit КАТО code of the oblast: of the addressee, else the place, else all parcels.

    A cadastral number valid in several oblasts counts only together with others, to reach no wrong region. For another
    country, change this function.
    """
    for kato in (appeal.addressee and appeal.addressee.kato, appeal.place and appeal.place.kato):
        oblast = _oblast(kato) if kato else None
        if oblast:
            return oblast
    numbers = [parcel.cadastral_number or "" for parcel in appeal.parcels]
    numbers += [mention.value for mention in appeal.mentions.cadastral_numbers]
    possible = [set(oblasts) for oblasts in map(_oblasts_of_parcel, numbers) if oblasts]
    common = set.intersection(*possible) if possible else set()
    return common.pop() if len(common) == 1 else UNKNOWN


def _oblast(kato: str) -> str | None:
    oblast = (parse_or_none(parse_kato, kato) or "")[:2]
    return oblast if oblast in KATO_OBLASTS else None


def _oblasts_of_parcel(cadastral_number: str) -> tuple[str, ...]:
    number = parse_or_none(parse_cadastral_number, cadastral_number)
    return kato_oblasts(number) if number is not None else ()


UNMASKED = "mask.failed"
"""Code of a version that could not be masked."""
_LOOKS = 10_000
"""Versions whose masked form is remembered. With less, more earlier versions are read again."""
_HIDDEN = "hidden"
"""Shown in place of the completeness if the mask hides it."""


class ReceiverMask:
    """One `masker` serves all receivers of the process."""

    def __init__(self, receiver: Viewer, journal: Journal, masker: Masker) -> None:
        self._name = receiver.name
        self._mask = receiver.mask
        self._journal = journal
        self._masker = masker
        self._looks = Looks(_LOOKS)

    async def masked(self, rows: Sequence[Undelivered]) -> tuple[list[Undelivered], list[tuple[Undelivered, Handed]]]:
        """Return the masked versions to deliver, and the others with their results."""
        if self._mask.plain:
            return list(rows), []
        going: list[Undelivered] = []
        ended: list[tuple[Undelivered, Handed]] = []
        for row in rows:
            try:
                shown = await self._as_seen(row)
                is_old = await self._says_nothing_new(row)
            except NotMasked:
                ended.append((row, Refused(UNMASKED)))
                continue
            except JournalError:
                raise
            except Exception:  # whatever it is: nothing goes out that is not masked
                ended.append((row, Refused(UNMASKED)))
                continue
            if is_old:
                ended.append((row, None))
            else:
                going.append(shown)
            await asyncio.sleep(0)  # a hundred in a row would hold up all else
        return going, ended

    async def _as_seen(self, row: Undelivered) -> Undelivered:
        seen = await self._seen(row.dossier, row.version)
        self._looks.remember(self._name, row.number, row.version, seen.digest)
        mask = self._mask
        number = f"{_HIDDEN}-{row.appeal_id}" if mask.hides_numbers else mask.text(row.number)
        completeness = _HIDDEN if mask.hidden(("completeness", ())) else row.completeness
        region = row.region if all(map(mask.whole, OF_REGION)) else ""
        return replace(row, dossier=seen.raw, number=number, completeness=completeness, region=region)

    async def _seen(self, raw: bytes, version: int) -> MaskedVersion:
        with on_behalf_of(self._name):
            return await self._masker.seen(self._mask, raw, version)

    async def _says_nothing_new(self, row: Undelivered) -> bool:
        """Whether the last delivered version looks the same to the receiver; False if uncertain."""
        if row.version == 1:
            return False
        had = await self._journal.ask(deliveries.last_had, row.appeal_id, self._name, row.version)
        if had is None or not had[1]:
            return False
        return await self._look(row.number, had[0]) == self._looks.of(self._name, row.number, row.version)

    async def _look(self, number: str, version: int) -> bytes | None:
        known = self._looks.of(self._name, number, version)
        if known is not None:
            return known
        try:
            raw = await self._journal.ask(documents.whole, number, version)
            # One that is pruned: nobody knows any more how it looked.
            return None if raw is None else (await self._seen(raw, version)).digest
        except (ValueError, JournalError) as error:
            if not is_damage(error):
                raise
            return None


_BATCH = 100
"""Versions per call: a hundred usual dossiers have a megabyte. With more, a failed call repeats more."""
_TIMEOUT = 60.0
"""Seconds per call. With less, a slow receiver looks unavailable; with more, a hung one delays retries."""


class DeliveryDoor:
    def __init__(self, receiver: str, delivery: Delivery[Any], host: Host) -> None:
        self.plugin = host.owner(delivery)
        self.batch = _BATCH
        """Versions of the next call; smaller for slow receivers."""
        self._receiver = receiver
        self._delivery = delivery
        self._defects = host.defects
        self._started = False
        self._left: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Open the delivery, or retry before the next batch if its plugin raises. ConfigError for wrong settings."""
        try:
            await within(_TIMEOUT, self._open, self.plugin, self._leave_behind)
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self._raised()

    async def close(self) -> None:
        await self._delivery.close()

    async def hand_over(self, rows: Sequence[Undelivered]) -> Sequence[Handed] | str:
        """Make one call; return the result of each version, or the code of the call's failure."""
        batch = [_outgoing(row) for row in rows]
        began = monotonic()
        try:
            results = await within(_TIMEOUT, partial(self._deliver, batch), self.plugin, self._leave_behind)
            if len(results) == len(batch):
                handed = [_handed(result) for result in results]
                if monotonic() - began < _TIMEOUT / 4:
                    self.batch = min(_BATCH, self.batch * 2)
                return handed
            log.error("delivery.miscounted", receiver=self._receiver)
            return "miscounted"
        except TimeoutError as error:
            # A slow receiver gets less at once: else it would be handed the start of the same batch for ever.
            self.batch = max(1, self.batch // 2)
            return self._failed(error)
        except BaseException as error:
            if not is_defect(error):
                raise
            return self._failed(error)

    def _failed(self, error: BaseException) -> str:
        self._raised()
        return type(error).__name__

    async def _open(self) -> None:
        await self._delivery.start()
        self._started = True

    async def _deliver(self, batch: Sequence[Outgoing]) -> Sequence[Handed]:
        if self._left:  # a call that does not end is under way: another one beside it would not end either
            return ["left_behind"] * len(batch)
        if not self._started:
            await self._open()
        return await self._delivery.deliver(batch)

    def _leave_behind(self, task: asyncio.Task[Any]) -> None:
        self._left.add(task)
        task.add_done_callback(self._left.discard)
        log.error("delivery.left_behind", receiver=self._receiver)

    def _raised(self) -> None:
        self._defects[f"delivery.{self._receiver}"] += 1
        log.exception("delivery.raised", receiver=self._receiver)


def _handed(result: object) -> Handed:
    """Copy a plugin's result safely: an object of its own may raise when read."""
    try:
        if isinstance(result, Refused):
            return Refused(str(result.code))
        return None if result is None else str(result)
    except Exception as error:
        return type(error).__name__


def _outgoing(row: Undelivered) -> Outgoing:
    return Outgoing(
        delivery_id(message_number(row.number, row.appeal_id), row.version, row.epoch),
        row.number,
        row.version,
        row.completeness,
        row.dossier,
        row.region,
        attempts=row.attempts,
        epoch=row.epoch,
        created_at=row.created_at,
    )
