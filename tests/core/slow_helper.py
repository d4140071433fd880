"""A decoding helper that takes its time over the messages of one channel."""

import time
from typing import Any

from appealbus.core.bus.intake.decoding_helper import decoded
from appealbus.core.process.helpers import serve


def slowly(about: list[Any], raw: bytes) -> tuple[list[Any], bytes]:
    """Return what became of a message, of the channel `hostile` after a while."""
    if about[0] == "hostile":
        time.sleep(0.4)
    return decoded(about, raw)


if __name__ == "__main__":
    serve(slowly)
