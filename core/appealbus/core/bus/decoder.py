"""Decodes messages so that none holds up the others: those that may take long are read by a helper process."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import orjson

from appealbus.core.bus.decoding import Unacceptable, check, decode
from appealbus.core.helper_process import HelperDied, Helpers
from appealbus.core.interfaces.intake import Inbound
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.reading import SMALL
from appealbus.schemas.renames import Rename

_MOST = 500
"""Digits and tags of a message that is read at once: a usual letter has a fifth of them. Each may cost 5 µs, for which
all else waits; with less, letters with tables pass through a helper process, which costs more than reading them."""
_COUNTED = b"0123456789<"
_HELPER = "appealbus.core.bus.decoding_helper"
_WITHIN = 20.0
"""Seconds until a message counts as too complex. The worst one takes a second, on a busy machine several; with more, a
helper that hangs holds up the large messages behind it for longer."""


class Decoder:
    """Decodes messages: quick ones at once, others in processes of their own, of a channel one after the other.

    A thread would not help: the libraries that read JSON hold the interpreter while they do. A process starts with the
    first such message, ends when it is not needed, and its death costs the message that it died of.
    """

    def __init__(self) -> None:
        self._helpers = Helpers(_HELPER)

    async def decode(self, message: Inbound, renames: Sequence[Rename] = (), *, apart: bool = False) -> Appeal | Change:
        """Return the appeal that the message holds, with the bus's own mentions and warnings; or the change.

        Args:
            message: as it came.
            renames: names of its sender's own for fields.
            apart: read it in a process of its own, however small it is: others have died of it.

        Raises:
            Unacceptable: if there is neither in it.
            JournalError: if no process can be started; the sender keeps the message.

        """
        return (await self.prepare(message, renames, apart=apart))()

    async def prepare(
        self, message: Inbound, renames: Sequence[Rename] = (), *, apart: bool = False
    ) -> Callable[[], Appeal | Change]:
        """Have a large message read by a process; return what reads the rest here, which is little.

        Raises:
            Unacceptable: if it is known already that there is neither in it.
            JournalError: if no process can be started.

        """
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
        """End the processes."""
        await self._helpers.aclose()


def _is_quick(raw: bytes) -> bool:
    """Whether a message is read so quickly that nobody notices, whatever it is."""
    if len(raw) > SMALL:
        return False
    if _counted(raw) <= _MOST:
        return True
    with suppress(ValueError, TypeError):  # letters may be written by their codes, which are full of digits
        return b"\\u" in raw and _counted(orjson.dumps(orjson.loads(raw))) <= _MOST
    return False


def _counted(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _COUNTED))
