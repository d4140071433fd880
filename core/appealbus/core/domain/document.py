"""Documents: JSON that is kept once, under the digest of its bytes, and dossiers that are put together of them.

A version of a dossier is kept as a skeleton: its JSON with a place for each document. To read it again is to
put the documents in, byte for byte; nothing is parsed.
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
"""Bytes of a digest: that of SHA-256."""
_PIECE = 2000
_WHOLE, _MEMBERS = b"\x00", b"\x01"
"""Where a document stands whole, and where its members stand among others. JSON has neither of these bytes."""
_PLACES = re.compile(b"([\x00\x01])")
_RECORD, _PROVENANCE = b'{"record":', b',"provenance":'
"""What a record and a provenance stand behind. A provenance has none in it, so the last one is that of the fact."""
NO_RECORD = b'{"provenance":'
"""What the document of an outcome without a record begins with. No version has such a document."""
_DOCUMENT = {"record", "provenance"}
_DOCUMENTS = {"appeal", "facts"}
_UNNUMBERED = b'"number":""'
_FACTS = b',"outcomes":['
"""What follows the facts of a dossier. Quotes within a text are escaped, so no text has this in it."""


@dataclass(frozen=True, slots=True)
class Document:
    """JSON, and the SHA-256 of its bytes."""

    digest: bytes
    body: bytes

    @classmethod
    def of(cls, body: bytes) -> "Document":
        """Return the document with this text."""
        made = sha256()
        # Piece by piece: over a longer one it lets go of the interpreter, and waits for the event loop to get it back.
        for at in range(0, len(body), _PIECE):
            made.update(body[at : at + _PIECE])
        return cls(made.digest(), body)


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """The document of an appeal that has no number yet: what stands before and after that."""

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, appeal: Appeal) -> "Unnumbered":
        """Return that of an appeal, whatever its number."""
        text = APPEAL.write(appeal.model_copy(update={"number": ""}), exclude_none=True)
        # The first of these is the appeal's own: no text before it has a quote that is not escaped.
        head, place, tail = text.partition(_UNNUMBERED)
        return cls(head + place[:-2], tail)

    def numbered(self, number: str) -> Document:
        """Return the document with a number."""
        return Document.of(self.head + to_json(number) + self.tail)


@dataclass(frozen=True, slots=True)
class Form:
    """An appeal as changes have made it, with its document."""

    appeal: Appeal
    document: Document


@dataclass(frozen=True, slots=True)
class Part:
    """A document of which only digest and length are wanted."""

    digest: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a dossier as it is kept.

    Attributes:
        skeleton: its JSON with places for documents; whole where there are no parts.
        parts: the digests of its documents, one after the other: first the appeal's, then the facts'.
        size: bytes of the whole.

    """

    skeleton: bytes
    parts: bytes | None = None
    size: int = 0

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The digests of its documents."""
        return split(self.parts or b"")


def split(parts: bytes) -> tuple[bytes, ...]:
    """Return the digests that stand in a row, one after the other."""
    return tuple(parts[at : at + DIGEST] for at in range(0, len(parts), DIGEST))


def fact_document(record: Record | None, provenance: Provenance | None, written: bytes | None = None) -> Document:
    """Return the document of a fact: a record, perhaps written already, with its provenance, or a provenance alone."""
    return fact_of(
        None if record is None else written or record_to_json(record, exclude_none=True),
        None if provenance is None else PROVENANCE.write(provenance, exclude_none=True),
    )


def fact_of(record: bytes | None, provenance: bytes | None) -> Document:
    """Return the document of a fact, given both as JSON."""
    # Where there is no provenance it says so: a record may have a member of that name, and the last one counts.
    if record is None:
        return Document.of(b"%b%b}" % (NO_RECORD, provenance or b"null"))
    return Document.of(b"%b%b%b%b}" % (_RECORD, record, _PROVENANCE, provenance or b"null"))


def is_fact(body: bytes) -> bool:
    """Say whether a document is that of a fact, and no form of an appeal."""
    return body.startswith((_RECORD, NO_RECORD))


def fact_parts(body: bytes) -> tuple[bytes | None, bytes | None]:
    """Return the record and the provenance in the document of a fact, as JSON.

    It has no other members: what a later release has to say of a fact stands in its provenance.
    """
    if not body.startswith(_RECORD):
        return None, body[len(NO_RECORD) : -1]
    record, _, provenance = body[len(_RECORD) : -1].rpartition(_PROVENANCE)
    return record, None if provenance == b"null" else provenance


def appeal_document(appeal: Appeal) -> Document:
    """Return the document of an appeal, as it stands in dossiers."""
    return Document.of(APPEAL.write(appeal, exclude_none=True))


def written(dossier: Dossier, appeal: Part, facts: Sequence[Document]) -> Version:
    """Return a dossier as it is kept, given the documents of its appeal and of its facts, in their order."""
    rest = _rest(dossier)
    head, end, tail = rest.partition(_FACTS)
    stubs = (fact.model_dump_json(exclude_none=True, exclude=_DOCUMENT).encode() for fact in dossier.facts)
    listed = b",".join(stub[:-1] + _MEMBERS for stub in stubs)
    skeleton = b"".join((head, b',"appeal":', _WHOLE, b',"facts":[', listed, b"]", end, tail))
    parts = b"".join((appeal.digest, *(fact.digest for fact in facts)))
    size = len(skeleton) - 1 - len(facts) + appeal.size + sum(len(fact.body) for fact in facts)
    return Version(skeleton, parts, size)


def _rest(dossier: Dossier) -> bytes:
    """Return a dossier without its documents, with what this program does not know of the inputs of questions."""
    if all(given.__pydantic_extra__ is None for outcome in dossier.outcomes for given in outcome.inputs):
        return dossier.model_dump_json(exclude_none=True, exclude=_DOCUMENTS).encode()
    return to_json(whole(dossier, dossier.model_dump(mode="json", exclude_none=True, exclude=_DOCUMENTS)))


def put_together(skeleton: bytes, documents: Iterable[bytes]) -> bytes:
    """Return the JSON of a version, given its documents in their order.

    Raises:
        ValueError: there are more or fewer of them than it has places.

    """
    texts = _PLACES.split(skeleton)
    for at, body in zip(range(1, len(texts), 2), documents, strict=True):
        # Of `{"record":…}` after `{"lookup":…` the brace becomes a comma.
        texts[at] = body if texts[at] == _WHOLE else b"," + body[1:]
    return b"".join(texts)


def bare(skeleton: bytes) -> bytes:
    """Return what a skeleton tells without its documents, as JSON: no appeal, and facts without what they say."""
    return skeleton.replace(_WHOLE, b"null").replace(_MEMBERS, b"}")
