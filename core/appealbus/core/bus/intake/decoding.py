"""Decodes the bytes of a message into an appeal or a change in canonical form, without blocking the loop."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import orjson

from appealbus.core.domain.change import AS_KEPT
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.preparation.extraction import prepare
from appealbus.core.process.helpers import HelperDied, Helpers
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import Unreadable
from appealbus.schemas.reading import SMALL
from appealbus.schemas.renames import Rename
from appealbus.schemas.stored import CHANGE
from appealbus.schemas.xmlreading import message_from_xml

MAX_BYTES = 4 * 1024 * 1024
"""Bytes of the largest accepted message, a thousand times the usual letter; bounds the memory of the helper process."""

SENT_BACK = frozenset({"message.foreign_channel", "message.id_differs", "message.other_kind"})
"""Codes of messages that contradict their known sender. The sender gets an error, and nothing is kept."""


class Unacceptable(AppealBusError):
    """A message cannot be accepted. The text names fields and never values; `code` is a stable word for programs."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


def check(message: Inbound) -> None:
    """Raise Unacceptable for messages that need no decoding for that: too large, or unreadable for their intake."""
    if message.problem is not None:
        raise Unacceptable(message.problem, "message.unreadable")
    if len(message.raw) > MAX_BYTES:
        size = len(message.raw)
        raise Unacceptable(f"the message has {size} bytes; the most is {MAX_BYTES}", "message.too_large")


def decode(message: Inbound, renames: Sequence[Rename] = ()) -> Appeal | Change:
    """Decode a message into an appeal, with our own mentions and warnings, or a change; else raise Unacceptable.

    The channel comes from the intake, never from the message. A missing id is derived from the content, so a repeat
    is the same appeal.
    """
    check(message)
    if message.media_type == AS_KEPT:
        return _kept(message)
    fallback, instead = f"sha256-{hashlib.sha256(message.raw.strip()).hexdigest()}", message.message_id
    channel = message.channel if message.expects else None
    if message.expects:
        fallback, instead = instead or fallback, None
    try:
        if message.media_type == "application/xml":
            read = message_from_xml(message.raw, MAX_BYTES, fallback, instead, channel, renames=renames)
        else:
            read = message_from_json(message.raw, fallback, instead, channel, renames=renames)
    except Unreadable as error:
        raise Unacceptable(error.reason, error.code) from None
    if message.expects:
        _compare(message, read)
    if isinstance(read, Change):
        return read.model_copy(update={"channel": message.channel})
    prepared = prepare(read)
    own = {"channel": message.channel, "warnings": [*read.warnings, *prepared.warnings]}
    return prepared.model_copy(update=own)


def _compare(message: Inbound, read: Appeal | Change) -> None:
    """Refuse a message that contradicts its sender's statement."""
    kind = "change" if isinstance(read, Change) else "appeal"
    if kind != message.expects:
        raise Unacceptable(f"this is not the place for {kind}s", "message.other_kind")
    if message.message_id is not None and read.message_id != message.message_id:
        raise Unacceptable("message_id: it is not the id that the message was sent under", "message.id_differs")


def _kept(message: Inbound) -> Change:
    """Return a change that waited in vain for its appeal, equal to the sender's next copy."""
    try:
        change = CHANGE.read(message.raw)
    except ValueError:
        raise Unacceptable("what it says cannot be read", "change.invalid") from None
    return change if message.message_id is None else change.model_copy(update={"message_id": message.message_id})


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
