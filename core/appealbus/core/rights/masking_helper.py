"""The process that masks large versions: asked with a mask and the bytes of a version, it answers with the masked ones.

The answer is `[whether it is a version at all, its digest]` and its bytes.
"""

import pickle
from functools import lru_cache
from typing import Any

from appealbus.core.helper_process import serve
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.seen import seen


def masked(about: list[Any], raw: bytes) -> tuple[list[Any], bytes]:
    """Return a version as it looks through a mask."""
    try:
        found = seen(_mask(about[0]), raw, 0)
    except ValueError:
        return [False, ""], b""
    return [True, found.digest.hex()], found.raw


@lru_cache(8)
def _mask(written: str) -> Mask:
    read: Mask = pickle.loads(bytes.fromhex(written))  # noqa: S301 - the process that started this one has written it
    return read


if __name__ == "__main__":
    serve(masked)
