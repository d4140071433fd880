"""Guard for pika's callbacks: an exception in one would end the whole connection, for all users."""

from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger(__name__)


def guarded(callback: Callable[..., Any], failed: Callable[..., Any] | None = None) -> Callable[..., None]:
    """Return a callback that logs errors of the given one, then calls `failed` with the same arguments."""

    def call(*args: Any) -> None:
        try:
            callback(*args)
        except Exception:
            log.exception("amqp.callback_failed")
            if failed is not None:
                try:
                    failed(*args)
                except Exception:
                    log.exception("amqp.callback_failed")

    return call
