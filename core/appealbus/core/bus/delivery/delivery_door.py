"""Guards calls of delivery plugins: each call ends in time with a valid result, whatever the plugin does."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.delivery import Delivery, Handed, Outgoing, Refused
from appealbus.core.journal.deliveries.deliveries import Undelivered
from appealbus.core.loading.host import Host
from appealbus.core.masking import message_number
from appealbus.core.plugin_calls.boundary import is_defect, within
from appealbus.schemas.dossier import delivery_id

log = structlog.get_logger(__name__)

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
