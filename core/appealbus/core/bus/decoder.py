"""Decodes messages so that none holds up the others: those that may take long are read by a helper process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from appealbus.core.bus.decoding import Unacceptable, check, decode
from appealbus.core.helper_process import Helper, HelperDied, Helpers
from appealbus.core.interfaces.intake import Inbound
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.reading import SMALL

_HELPER = "appealbus.core.bus.decoding_helper"
_WITHIN = 20.0
"""Seconds until a message counts as too complex. The worst one takes a second, on a busy machine several; with more, a
helper that hangs holds up the large messages behind it for longer."""


class Decoder:
    """Decodes messages: small ones at once, large ones in processes of their own, of a channel one after the other.

    A thread would not help: the libraries that read JSON hold the interpreter while they do. A process starts with the
    first large message, ends when it is not needed, and its death costs the message that it died of.
    """

    def __init__(self) -> None:
        self._helpers = Helpers(_HELPER)

    async def decode(self, message: Inbound, *, apart: bool = False) -> Appeal | Change:
        """Return the appeal that the message holds, with the bus's own mentions and warnings; or the change.

        Args:
            message: as it came.
            apart: read it in a process of its own, however small it is: others have died of it.

        Raises:
            Unacceptable: if there is neither in it.
            JournalError: if no process can be started; the sender keeps the message.

        """
        async with self.ready(message, apart=apart) as read:
            return await read()

    @asynccontextmanager
    async def ready(
        self, message: Inbound, *, apart: bool = False
    ) -> AsyncIterator[Callable[[], Awaitable[Appeal | Change]]]:
        """Have what decodes a message: whoever takes a turn over it does not wait for a process during that turn.

        Raises:
            Unacceptable: if it need not be read to know that it cannot be taken.

        """
        check(message)
        if len(message.raw) <= SMALL and not apart:
            yield partial(_at_once, message)
        else:
            async with self._helpers.one() as helper:
                yield partial(_by_helper, message, helper)

    async def aclose(self) -> None:
        """End the processes."""
        await self._helpers.aclose()


async def _at_once(message: Inbound) -> Appeal | Change:
    return decode(message)


async def _by_helper(message: Inbound, helper: Helper) -> Appeal | Change:
    about = [message.channel, message.media_type, message.message_id, message.expects]
    try:
        (code, text, is_change), body = await helper.ask(about, message.raw, _WITHIN)
    except HelperDied:
        raise Unacceptable("the process that reads large messages died of it", "message.too_complex") from None
    except TimeoutError:
        raise Unacceptable("it cannot be read in time", "message.too_complex") from None
    if code:
        raise Unacceptable(text, code)
    return (Change if is_change else Appeal).model_validate_json(body)
