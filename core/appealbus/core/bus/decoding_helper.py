"""The process that decodes large messages for a bus: bounded in memory and time, and ended by anything odd.

It reads `[channel, media type, message id, what is expected, size]` and as many bytes from its input, and writes
`[code, reason, whether it is a change, size]` and as many bytes of a decoded appeal or change to its output. It ends
when its input does, so it never outlives the bus.
"""

import resource
import select
import signal
import sys
import time
from contextlib import suppress

import orjson

from appealbus.core.bus.decoding import Unacceptable, decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.process import spare_memory
from appealbus.schemas.change import Change

_MEMORY = 1024 * 1024 * 1024
"""Bytes of address space: nearly twice what the worst message was seen to ask for, most of which is never touched. With
half, that message could not be read; with double, one that is worse still takes the machine's memory before it ends."""
_SECONDS = 10
"""Seconds of processor time for a message: ten times what the worst one was seen to take, for slower machines."""
_IDLE = 60.0
"""Seconds without a message after which the process ends, to give its memory back. With less, it is started more often,
which takes a fifth of a second."""


def main() -> None:
    """Decode until there is no more input."""
    for ending in (signal.SIGINT, signal.SIGTERM):  # the bus may still need this process while it drains
        signal.signal(ending, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, _MEMORY)
    spare_memory()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while select.select([source], [], [], _IDLE)[0] and (head := source.readline()):
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + _SECONDS)
        channel, media_type, message_id, expects, size = orjson.loads(head)
        code, reason, is_change, body = _decoded(
            Inbound(channel, "", source.read(size), media_type, message_id=message_id, expects=expects)
        )
        sink.writelines((orjson.dumps([code, reason, is_change, len(body)]), b"\n", body))
        sink.flush()


def _decoded(message: Inbound) -> tuple[str, str, bool, bytes]:
    try:
        read = decode(message)
    except Unacceptable as error:
        return error.code, str(error), False, b""
    return "", "", isinstance(read, Change), read.model_dump_json().encode()


def _limit(what: int, most: int) -> None:
    # A systemd unit may forbid to set limits, as it sets its own.
    with suppress(OSError, ValueError):
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


if __name__ == "__main__":
    main()
