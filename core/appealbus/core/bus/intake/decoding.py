"""Decodes the bytes of a message into an appeal or a change in canonical form."""

import hashlib
from collections.abc import Sequence

from appealbus.core.domain.change import AS_KEPT
from appealbus.core.errors import AppealBusError
from appealbus.core.interfaces.intake import Inbound
from appealbus.core.preparation.extraction import prepare
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change
from appealbus.schemas.jsonreading import message_from_json
from appealbus.schemas.notes import Unreadable
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
