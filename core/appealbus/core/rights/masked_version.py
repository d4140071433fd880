"""A dossier version as a viewer sees it."""

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
    """A masked dossier version. Of versions that look the same it has the first one's number.

    `digest` is the SHA-256 of the content, independent of the version.
    """

    version: int
    raw: bytes
    digest: bytes

    @cached_property
    def document(self) -> Json:
        read: Json = orjson.loads(self.raw)
        return read


def seen(mask: Mask, raw: bytes, version: int, effort: Effort | None = None) -> Seen:
    """Mask a version in JSON. Beyond the effort too much is hidden. Raises ValueError if it is damaged."""
    if mask.plain:
        return Seen(version, raw, sha256(raw).digest())
    try:
        document = masked(mask, orjson.loads(raw), effort)
        return Seen(version, orjson.dumps(document), digest_of(document))
    except (LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError("the version is damaged") from None


def is_damage(error: Exception) -> bool:
    """Whether the error concerns one version only, not the journal."""
    return isinstance(error, ValueError) or (isinstance(error, JournalError) and error.code == "unreadable")


def etag(public_id: str, raw: bytes, media_type: str) -> str:
    """Return the quoted entity tag of a masked version in one format.

    It derives from all visible content, so that after a restore another version of the same number has another tag.
    """
    content = b"\n".join((public_id.encode(), media_type.encode(), raw))
    return f'"{sha256(content).hexdigest()}"'
