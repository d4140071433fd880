"""The door to a delivery: whatever its plugin raises, miscounts or waits for, a call ends and says what came of it."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog

from appealbus.core.clocks import monotonic
from appealbus.core.errors import ConfigError
from appealbus.core.host import Host
from appealbus.core.interfaces.delivery import Delivery, Handed, Outgoing, Refused
from appealbus.core.journal.deliveries.deliveries import Undelivered
from appealbus.core.masking import message_number
from appealbus.core.plugin_calls import is_defect, within
from appealbus.schemas.dossier import delivery_id

log = structlog.get_logger(__name__)

_BATCH = 100
"""Versions that are handed over in one call: a hundred usual dossiers have a megabyte. With less, a backlog needs more
calls and writes; with more, a call that fails half way repeats more."""
_TIMEOUT = 60.0
"""Seconds that a call of a delivery may take. With less, a slow receiver of large batches is taken for one that is
away; with more, one that hangs keeps what could be tried again waiting."""


class DeliveryDoor:
    """Calls the delivery of one receiver, one call at a time.

    Args:
        receiver: the name of it.
        delivery: what is called.
        host: knows whose it is, and counts defects.

    """

    def __init__(self, receiver: str, delivery: Delivery[Any], host: Host) -> None:
        self.plugin = host.owner(delivery)
        """That brings the delivery."""
        self.batch = _BATCH
        """Versions of the next call: a receiver that is slow gets fewer."""
        self._receiver = receiver
        self._delivery = delivery
        self._defects = host.defects
        self._started = False
        self._left: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Open the delivery; one whose plugin raises over it is opened again before the next batch.

        Raises:
            ConfigError: its settings are wrong.

        """
        try:
            await within(_TIMEOUT, self._open, self.plugin, self._leave_behind)
        except BaseException as error:
            if isinstance(error, ConfigError) or not is_defect(error):
                raise
            self._raised()

    async def close(self) -> None:
        """Close the delivery."""
        await self._delivery.close()

    async def hand_over(self, rows: Sequence[Undelivered]) -> Sequence[Handed] | str:
        """Make one call; return what became of each version, or how the call failed."""
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
    """Return what a delivery said of one version, made safe: an object of a plugin's own may raise when it is read."""
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
