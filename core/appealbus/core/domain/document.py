"""Documents: JSON stored once, by the digest of its bytes, and dossiers composed of them.

A version is stored as a skeleton: its JSON with places for documents. Reading inserts their bytes, without parsing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pydantic_core import to_json

from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.provenance import Provenance
from appealbus.schemas.record import Record, record_to_json
from appealbus.schemas.stored import APPEAL, PROVENANCE
from appealbus.schemas.tolerant import whole

DIGEST = 32
_PIECE = 2000
_WHOLE, _MEMBERS = b"\x00", b"\x01"
"""Placeholders for a whole document, and for its members among others. Neither byte occurs in JSON."""
_PLACES = re.compile(b"([\x00\x01])")
_RECORD, _PROVENANCE = b'{"record":', b',"provenance":'
"""Prefixes of record and provenance. A provenance contains neither, so the last match is the fact's own."""
NO_RECORD = b'{"provenance":'
"""Prefix of the document of an outcome without a record. No version refers to such a document."""
_DOCUMENT = {"record", "provenance"}
_DOCUMENTS = {"appeal", "facts"}
_UNNUMBERED = b'"number":""'
_FACTS = b',"outcomes":['
"""The text after a dossier's facts. Quotes in texts are escaped, so it matches nothing else."""


@dataclass(frozen=True, slots=True)
class Document:
    """JSON with the SHA-256 of its bytes."""

    digest: bytes
    body: bytes

    @classmethod
    def of(cls, body: bytes) -> "Document":
        made = sha256()
        # Piece by piece: over a longer one it lets go of the interpreter, and waits for the event loop to get it back.
        for at in range(0, len(body), _PIECE):
            made.update(body[at : at + _PIECE])
        return cls(made.digest(), body)


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """Document of an appeal without a number yet, split where the number goes."""

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, appeal: Appeal) -> "Unnumbered":
        text = APPEAL.write(appeal.model_copy(update={"number": ""}), exclude_none=True)
        # The first of these is the appeal's own: no text before it has a quote that is not escaped.
        head, place, tail = text.partition(_UNNUMBERED)
        return cls(head + place[:-2], tail)

    def numbered(self, number: str) -> Document:
        return Document.of(self.head + to_json(number) + self.tail)


@dataclass(frozen=True, slots=True)
class FormDocument:
    appeal: Appeal
    document: Document


@dataclass(frozen=True, slots=True)
class PartRef:
    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version of a dossier.

    Attributes:
        skeleton: its JSON with places for documents; complete if there are no parts.
        parts: concatenated digests: first the appeal's, then the facts'.
    """

    skeleton: bytes
    parts: bytes | None = None
    size: int = 0

    @property
    def digests(self) -> tuple[bytes, ...]:
        return split(self.parts or b"")


def split(parts: bytes) -> tuple[bytes, ...]:
    return tuple(parts[at : at + DIGEST] for at in range(0, len(parts), DIGEST))


def fact_document(record: Record | None, provenance: Provenance | None, written: bytes | None = None) -> Document:
    """Return the document of a record, maybe serialized already, and provenance, or of provenance alone."""
    return fact_of(
        None if record is None else written or record_to_json(record, exclude_none=True),
        None if provenance is None else PROVENANCE.write(provenance, exclude_none=True),
    )


def fact_of(record: bytes | None, provenance: bytes | None) -> Document:
    # Where there is no provenance it says so: a record may have a member of that name, and the last one counts.
    if record is None:
        return Document.of(b"%b%b}" % (NO_RECORD, provenance or b"null"))
    return Document.of(b"%b%b%b%b}" % (_RECORD, record, _PROVENANCE, provenance or b"null"))


def is_fact(body: bytes) -> bool:
    """Whether the document is a fact, not an appeal."""
    return body.startswith((_RECORD, NO_RECORD))


def fact_parts(body: bytes) -> tuple[bytes | None, bytes | None]:
    """Return record and provenance as JSON. Later releases extend the provenance, so there are no other members."""
    if not body.startswith(_RECORD):
        return None, body[len(NO_RECORD) : -1]
    record, _, provenance = body[len(_RECORD) : -1].rpartition(_PROVENANCE)
    return record, None if provenance == b"null" else provenance


def appeal_document(appeal: Appeal) -> Document:
    return Document.of(APPEAL.write(appeal, exclude_none=True))


def written(dossier: Dossier, appeal: PartRef, facts: Sequence[Document]) -> Version:
    """Return the stored form, given the documents of the appeal and of the facts in order."""
    rest = _rest(dossier)
    head, end, tail = rest.partition(_FACTS)
    stubs = (fact.model_dump_json(exclude_none=True, exclude=_DOCUMENT).encode() for fact in dossier.facts)
    listed = b",".join(stub[:-1] + _MEMBERS for stub in stubs)
    skeleton = b"".join((head, b',"appeal":', _WHOLE, b',"facts":[', listed, b"]", end, tail))
    parts = b"".join((appeal.digest, *(fact.digest for fact in facts)))
    size = len(skeleton) - 1 - len(facts) + appeal.size + sum(len(fact.body) for fact in facts)
    return Version(skeleton, parts, size)


def _rest(dossier: Dossier) -> bytes:
    """Serialize the dossier without documents, keeping unknown input data of questions."""
    if all(given.__pydantic_extra__ is None for outcome in dossier.outcomes for given in outcome.inputs):
        return dossier.model_dump_json(exclude_none=True, exclude=_DOCUMENTS).encode()
    return to_json(whole(dossier, dossier.model_dump(mode="json", exclude_none=True, exclude=_DOCUMENTS)))


def put_together(skeleton: bytes, documents: Iterable[bytes]) -> bytes:
    """Return the JSON of a version, given its documents in order; ValueError if their number is wrong."""
    texts = _PLACES.split(skeleton)
    for at, body in zip(range(1, len(texts), 2), documents, strict=True):
        # Of `{"record":…}` after `{"lookup":…` the brace becomes a comma.
        texts[at] = body if texts[at] == _WHOLE else b"," + body[1:]
    return b"".join(texts)


def bare(skeleton: bytes) -> bytes:
    """Return a skeleton's JSON without documents: no appeal, and facts without contents."""
    return skeleton.replace(_WHOLE, b"null").replace(_MEMBERS, b"}")
