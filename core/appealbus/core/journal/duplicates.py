"""Whether two messages with one id say the same."""

from hashlib import blake2b

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change

RULE = b"\x02"
"""First byte of a digest. Whatever makes another digest of the same message has another rule: a reading that has
learnt to use more, a default that has changed. Digests of different rules say nothing of each other."""
_BYTES = 16
"""Of the digest: 128 bits, so that no two of all messages ever sent have the same one by chance."""
_MADE = {"mentions", "warnings"}


def digest(message: Appeal | Change) -> bytes:
    """Return a short stand-in for all that the sender gave.

    It is made of the model, so order, spelling, JSON or XML and written-out defaults make no difference; what the bus
    itself adds is left out. Take it before the bus gives a number.
    """
    said = message.model_dump_json(exclude=_MADE, exclude_defaults=True)
    content = message.corrected if isinstance(message, Change) else message
    # A default of its model, and so left out of the dump.
    kind = content.applicant.type if content is not None and content.applicant else ""
    return RULE + blake2b(f"{kind}\n{said}".encode(), digest_size=_BYTES).digest()


def differ(first: bytes | None, second: bytes) -> bool:
    """Say whether two digests are of different messages. One from before there were digests is like any other."""
    return first is not None and first[:1] == second[:1] and first != second
