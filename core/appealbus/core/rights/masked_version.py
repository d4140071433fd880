"""A dossier version as a viewer sees it: hidden fields are absent, with everything that would disclose them.

A masked dossier depends on nothing hidden: two dossiers that differ only in hidden fields give the same bytes. So
neither the existence nor a change of a hidden value is disclosed.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import orjson

from appealbus.core.errors import JournalError
from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.masked_notes import changes, not_carried, signals, warnings
from appealbus.core.rights.questions import Json, Questions

_REMEMBERED = 100_000
"""Versions, some 300 bytes each. With less, earlier versions are read again for the feed."""


class Looks:
    """Visible digests by viewer, number and version (LRU)."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._epoch = 0
        self._digests: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()

    def in_epoch(self, epoch: int) -> None:
        """Clear the cache if the epoch has changed: version numbers may have been reused."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._digests.clear()

    def of(self, eyes: str, number: str, version: int) -> bytes | None:
        digest = self._digests.get((eyes, number, version))
        if digest is not None:
            self._digests.move_to_end((eyes, number, version))
        return digest

    def remember(self, eyes: str, number: str, version: int, digest: bytes) -> None:
        self._digests[eyes, number, version] = digest
        self._digests.move_to_end((eyes, number, version))
        while len(self._digests) > self._most:
            self._digests.popitem(last=False)


_OF_A_VERSION = ("version", "epoch", "created_at")
"""Fields that differ between versions of the same content."""


def masked(mask: Mask, document: Json, effort: Effort | None = None) -> Json:
    """Return the masked dossier in JSON, within the remaining effort."""
    if mask.plain:
        return document
    mask = mask.for_a_version(effort)
    questions = Questions(mask, document)
    shown: Json = {"schema_version": document["schema_version"]}
    for name in ("number", "version", "epoch", "completeness", "created_at"):
        if name in document and (name in _OF_A_VERSION or not mask.hidden((name, ()))):
            value = document[name]
            shown[name] = mask.text(value) if name == "number" else value
    for name in ("receipt", "appeal"):
        part = mask.kept({**document[name]}, (name, ()))  # an error where a damaged version has no object
        if part is not None:
            shown[name] = part
    if "appeal" in shown:
        warnings(mask, shown["appeal"], document["appeal"])
    lists = {
        "facts": questions.facts,
        "outcomes": [] if mask.hidden(("outcomes", ())) else questions.outcomes,
        "gaps": [] if mask.hidden(("gaps", ())) else questions.gaps,
        "signals": signals(mask, document, questions),
        "unassessed": document.get("unassessed") if mask.process and not mask.hidden(("unassessed", ())) else [],
        "plan": _plan(mask, document),
        "not_carried": not_carried(mask, document),
        "changes": changes(mask, document),
    }
    shown |= {name: rows for name, rows in lists.items() if rows}
    shown["hidden"] = mask.hidden_rules
    return shown


def _plan(mask: Mask, document: Json) -> list[Json]:
    if mask.hidden(("plan", ())) or not mask.shows_plan:
        return []
    return [row for row in document.get("plan") or [] if mask.shows_lookup(row["lookup"])]


def digest_of(document: Json) -> bytes:
    """Return the SHA-256 of a dossier's content, independent of the version.

    The epoch is included: after a restore the first version is always news, as undone versions may have differed.
    """
    said = {name: value for name, value in document.items() if name not in ("version", "created_at")}
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True)
class MaskedVersion:
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


def seen(mask: Mask, raw: bytes, version: int, effort: Effort | None = None) -> MaskedVersion:
    """Mask a version in JSON. Beyond the effort too much is hidden. Raises ValueError if it is damaged."""
    if mask.plain:
        return MaskedVersion(version, raw, sha256(raw).digest())
    try:
        document = masked(mask, orjson.loads(raw), effort)
        return MaskedVersion(version, orjson.dumps(document), digest_of(document))
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
