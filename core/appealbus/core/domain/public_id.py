"""External ids of appeals: they reveal no number and cannot be guessed.

An id is a UUID of version 8: 48 bits for the appeal's id and 74 for its random tag. It needs no index, and is
invalid if the tag differs.
"""

import os
import uuid

TAG = 10
"""Bytes of a tag. Version and variant of the UUID leave 74 bits, so the first six are zero."""
_ID_BITS, _LOW_BITS = 48, 62
_VERSION, _VARIANT = 8, 0b10


def new_tag() -> bytes:
    tag = os.urandom(TAG)
    return bytes((tag[0] & 3,)) + tag[1:]


def public_id(appeal_id: int, tag: bytes) -> str:
    """Return the public id as a UUID string; raise ValueError for an invalid id or tag."""
    chance = int.from_bytes(tag, "big")
    if len(tag) != TAG or tag[0] > 3 or appeal_id >> _ID_BITS:
        raise ValueError("no appeal has such an id or such a tag")
    high, low = chance >> _LOW_BITS, chance & (1 << _LOW_BITS) - 1
    whole = appeal_id << 80 | _VERSION << 76 | high << 64 | _VARIANT << _LOW_BITS | low
    return str(uuid.UUID(int=whole))


def parse(text: str) -> tuple[int, bytes]:
    """Return id and tag of an appeal; raise ValueError unless the form is canonical."""
    try:
        whole = uuid.UUID(text).int
    except (ValueError, AttributeError, TypeError):
        raise ValueError("it is no id of an appeal") from None
    chance = (whole >> 64 & 0xFFF) << _LOW_BITS | whole & (1 << _LOW_BITS) - 1
    appeal_id, tag = whole >> 80, chance.to_bytes(TAG, "big")
    if public_id(appeal_id, tag) != text:
        raise ValueError("it is no id of an appeal")
    return appeal_id, tag
