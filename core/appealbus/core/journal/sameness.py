"""Whether two messages with one id say the same."""

from hashlib import blake2b

from appealbus.schemas.appeal import Appeal

RULE = b"\x01"
"""First byte of a digest. Whatever makes another digest of the same message has another rule: a reading that has
learnt to use more, a default that has changed. Digests of different rules say nothing of each other."""
_BYTES = 16
"""Of the digest: 128 bits, so that no two of all messages ever sent have the same one by chance."""
_MADE = {"mentions", "warnings"}


def digest(appeal: Appeal) -> bytes:
    """Return a short stand-in for all that the sender gave.

    It is made of the model, so order, spelling, JSON or XML and written-out defaults make no difference; what the bus
    itself adds is left out. Take it before the bus gives a number.
    """
    said = appeal.model_dump_json(exclude=_MADE, exclude_defaults=True)
    kind = appeal.applicant.type if appeal.applicant else ""  # a default of its model, and so left out of the dump
    return RULE + blake2b(f"{kind}\n{said}".encode(), digest_size=_BYTES).digest()


def differ(first: bytes | None, second: bytes) -> bool:
    """Say whether two digests are of different messages. One from before there were digests is like any other."""
    return first is not None and first[:1] == second[:1] and first != second
