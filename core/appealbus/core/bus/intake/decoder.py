"""Decodes messages without blocking the loop: slow ones go to a helper process."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import orjson

from appealbus.core.bus.intake.decoding import Unacceptable, check, decode
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.process.helpers import HelperDied, Helpers
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.reading import SMALL
from appealbus.schemas.renames import Rename

_MOST = 500
"""Digits and tags of a message decoded in the event loop, 5 µs each; a usual letter has a fifth of them."""
_COUNTED = b"0123456789<"
_HELPER = "appealbus.core.bus.intake.decoding_helper"
_WITHIN = 20.0
"""Seconds until a message counts as too complex. The worst takes a second, on a busy machine several."""


class Decoder:
    """Decodes quick messages in the event loop, others in helper processes, one after the other per channel.

    Threads would not help, since JSON libraries hold the interpreter lock. A helper starts on demand and ends when
    idle; if it dies, only its current message fails.
    """

    def __init__(self) -> None:
        self._helpers = Helpers(_HELPER)

    async def decode(self, message: Inbound, renames: Sequence[Rename] = (), *, apart: bool = False) -> Appeal | Change:
        """Decode a message into an appeal, with our own mentions and warnings, or a change.

        With `apart` a helper process is always used, for messages that may have killed one before.

        Raises:
            Unacceptable: the message holds neither an appeal nor a change.
            JournalError: no process can be started; the sender keeps the message.
        """
        return (await self.prepare(message, renames, apart=apart))()

    async def prepare(
        self, message: Inbound, renames: Sequence[Rename] = (), *, apart: bool = False
    ) -> Callable[[], Appeal | Change]:
        """Decode a large message in a process; return a function that does the small rest. Raises as `decode` does."""
        check(message)
        if _is_quick(message.raw) and not apart:
            return partial(decode, message, renames)
        about = [message.channel, message.media_type, message.message_id, message.expects, [*map(tuple, renames)]]
        try:
            async with self._helpers.one() as helper:
                (code, text, is_change), body = await helper.ask(about, message.raw, _WITHIN)
        except HelperDied:
            raise Unacceptable("the process that reads large messages died of it", "message.too_complex") from None
        except TimeoutError:
            raise Unacceptable("it cannot be read in time", "message.too_complex") from None
        if code:
            raise Unacceptable(text, code)
        return partial((Change if is_change else Appeal).model_validate_json, body)

    async def aclose(self) -> None:
        await self._helpers.aclose()


def _is_quick(raw: bytes) -> bool:
    """Whether decoding is quick for any content of this size."""
    if len(raw) > SMALL:
        return False
    if _counted(raw) <= _MOST:
        return True
    with suppress(ValueError, TypeError):  # letters may be written by their codes, which are full of digits
        return b"\\u" in raw and _counted(orjson.dumps(orjson.loads(raw))) <= _MOST
    return False


def _counted(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _COUNTED))
