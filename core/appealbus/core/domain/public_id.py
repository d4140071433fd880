"""The ids by which appeals are known outside: nobody learns a number from one, and nobody can guess one.

One is a UUID of version 8: 48 bits tell which appeal, and 74 are the appeal's tag, which is chance. So it takes no
index to find an appeal by it, and it is nobody's where the tag is another's.
"""

import os
import uuid

TAG = 10
"""Bytes of a tag. Its first six bits are zero: so many the version and the variant of the UUID take away."""
_ID_BITS, _LOW_BITS = 48, 62
_VERSION, _VARIANT = 8, 0b10


def new_tag() -> bytes:
    """Return a tag for an appeal: 74 bits of chance."""
    tag = os.urandom(TAG)
    return bytes((tag[0] & 3,)) + tag[1:]


def public_id(appeal_id: int, tag: bytes) -> str:
    """Return an appeal's public id, as UUIDs are written; raise ValueError where the id or the tag cannot be one."""
    chance = int.from_bytes(tag, "big")
    if len(tag) != TAG or tag[0] > 3 or appeal_id >> _ID_BITS:
        raise ValueError("no appeal has such an id or such a tag")
    high, low = chance >> _LOW_BITS, chance & (1 << _LOW_BITS) - 1
    whole = appeal_id << 80 | _VERSION << 76 | high << 64 | _VARIANT << _LOW_BITS | low
    return str(uuid.UUID(int=whole))


def parse(text: str) -> tuple[int, bytes]:
    """Return the appeal and the tag that a public id means; raise ValueError for what is none, or written otherwise."""
    try:
        whole = uuid.UUID(text).int
    except (ValueError, AttributeError, TypeError):
        raise ValueError("it is no id of an appeal") from None
    chance = (whole >> 64 & 0xFFF) << _LOW_BITS | whole & (1 << _LOW_BITS) - 1
    appeal_id, tag = whole >> 80, chance.to_bytes(TAG, "big")
    if public_id(appeal_id, tag) != text:
        raise ValueError("it is no id of an appeal")
    return appeal_id, tag
