"""A version of a dossier as somebody sees it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import orjson

from appealbus.core.errors import JournalError
from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked import digest_of, masked
from appealbus.core.rights.questions import Json


@dataclass(frozen=True)
class Seen:
    """A version of a dossier, masked.

    Attributes:
        version: its number; of versions that look the same the first.
        raw: the JSON.
        digest: SHA-256 of what it says, whichever version says it.

    """

    version: int
    raw: bytes
    digest: bytes

    @cached_property
    def document(self) -> Json:
        """The JSON, read."""
        read: Json = orjson.loads(self.raw)
        return read


def seen(mask: Mask, raw: bytes, version: int, effort: Effort | None = None) -> Seen:
    """Return a version of which the bus has this JSON, as it looks through a mask.

    Args:
        mask: hides what it does.
        raw: the JSON.
        version: its number.
        effort: what its texts may cost together; where nothing is left of it, too much is hidden.

    Raises:
        ValueError: it is damaged, or no dossier: nothing of it is shown then.

    """
    if mask.plain:
        return Seen(version, raw, sha256(raw).digest())
    try:
        told = masked(mask, orjson.loads(raw), effort)
        return Seen(version, orjson.dumps(told), digest_of(told))
    except (LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError("the version is damaged") from None


def is_damage(error: Exception) -> bool:
    """Say whether one version cannot be read, and not the journal."""
    return isinstance(error, ValueError) or (isinstance(error, JournalError) and error.code == "unreadable")


def etag(public_id: str, raw: bytes, media_type: str) -> str:
    """Return the entity tag of a version as one viewer sees it, in one form, with its quotes.

    It follows from all that is seen, so that after a restore another version with the same number has another one.
    """
    told = b"\n".join((public_id.encode(), media_type.encode(), raw))
    return f'"{sha256(told).hexdigest()}"'
