"""Other appeals that have something in common with one: of whom, of what, or in which words.

Whatever there is of them, so many are looked at: each question ends at its limit within an index.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import BigInteger, Connection, Integer, bindparam, literal_column, select

from appealbus.core import KeptChange, Other, Past
from appealbus.core.management import JournalKey
from appealbus.core.management.tables import (
    Bound,
    among,
    appeal,
    ask,
    change,
    change_from_row,
    columns_of,
    document,
    key_of,
    named_by_appeal,
    public_id_of,
    subject,
    unpack,
)
from appealbus.core.texts import ALIKE
from appealbus.plugins.repeats.sketch import INDEXED, PURPOSE, Sketch, likeness, sketcher_of, unpacked
from appealbus.plugins.repeats.tables import sketch, sketch_hash
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

_PERHAPS = 0.7
"""Estimates are right within 0.09: from this one on a text is read, and compared itself."""
_PARCELS = 20
"""Parcels of one appeal by which others are looked for; hardly any has more than three."""
_FIRST = 10
"""Of those that share a hash the first ones are looked at, too: a campaign is told by its beginning."""
_RARE = 10
"""So many share a hash that nobody would call common: whom it finds is compared, though nothing else has found them."""
_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Reach:
    """How many others are looked at.

    Attributes:
        named: that name the same person, or one of the same parcels, the newest.
        sharing: that share a hash, the newest.
        likely: whose sketches are compared, those first that share the most hashes.
        read: of one sort whose texts are read.
        later: whether those are looked at, too, that came later.

    """

    named: int
    sharing: int
    likely: int
    read: int
    later: bool


AT_INTAKE = Reach(200, 30, 64, 5, later=False)
"""So much is done for every appeal: some milliseconds for the worst of them."""
FOR_READERS = Reach(1000, 500, 1000, 20, later=True)
"""So much is done for somebody who waits for it: some hundred milliseconds for the worst."""

_before, _most = bindparam("before", type_=BigInteger), bindparam("most", type_=Integer)
_NAMING = (
    select(subject.c.appeal_id, subject.c.role)
    .where(subject.c.mark == bindparam("mark"), subject.c.appeal_id < _before)
    .order_by(subject.c.appeal_id.desc())
    .limit(_most)
)
_sharing = select(sketch_hash.c.appeal_id).where(
    sketch_hash.c.hash == bindparam("hash", type_=BigInteger), sketch_hash.c.appeal_id < _before
)
_NEWEST = _sharing.order_by(sketch_hash.c.appeal_id.desc()).limit(_most)
_OLDEST = _sharing.order_by(sketch_hash.c.appeal_id).limit(literal_column(str(_FIRST)))
_APPLICANTS = select(subject.c.appeal_id, subject.c.mark).where(
    among(subject.c.appeal_id, "ids"), subject.c.role == literal_column("'applicant'")
)
_ABOUT = select(appeal.c.id, appeal.c.number, appeal.c.category).where(among(appeal.c.id, "ids"))
_TOLD = select(appeal.c.id).where(among(appeal.c.number, "numbers"), appeal.c.id < _before)
_SKETCHES = select(sketch).where(among(sketch.c.appeal_id, "ids"))
_OF_FORMS = (appeal.c.id, appeal.c.number, appeal.c.tag, appeal.c.accepted_at, appeal.c.place, appeal.c.changes)
_FORMS = (
    select(*_OF_FORMS, document.c.body)
    .join(document, (document.c.appeal_id == appeal.c.id) & (document.c.digest == appeal.c.content))
    .where(among(appeal.c.id, "ids"))
)


def past(connection: Connection, appeal_id: int, its: Appeal, reach: Reach = AT_INTAKE) -> Past:
    """Return what an appeal, in the newest form `its`, has in common with others.

    Raises ConfigError if the journal's key is missing or wrong.
    """
    key = key_of(connection)
    marked = key.marked(named_by_appeal(its))
    own = next((mark for mark, role, _ in marked if role == "applicant"), None)
    parcels = [mark for mark, _, kind in marked if kind == "cadastral_number"][:_PARCELS]
    drawn = sketcher_of(key.secret_of(PURPOSE)).of(its.text)
    found = _Found(appeal_id, key, own, parcels, columns_of(its)["category"], drawn)
    found.look(connection, its.repeats[:_PARCELS], reach)
    return found.read(connection, reach.read)


class _Found:
    def __init__(  # noqa: PLR0917
        self,
        appeal_id: int,
        key: JournalKey,
        own: bytes | None,
        parcels: Sequence[bytes],
        category: str | None,
        drawn: Sketch,
    ) -> None:
        self._id, self._key, self._own, self._parcels = appeal_id, key, own, parcels
        self._category, self._drawn = category, drawn
        self._named: set[int] = set()
        self._parcel: set[int] = set()
        self._told: set[int] = set()
        self._like: dict[int, float] = {}
        self._applicants: dict[int, bytes] = {}
        self._same_category: set[int] = set()
        self._more = False

    def look(self, connection: Connection, told: Sequence[str], reach: Reach) -> None:
        before = {"before": _END if reach.later else self._id}
        named, newest = {**before, "most": reach.named}, {**before, "most": reach.sharing}
        marks = [*([self._own] if self._own else []), *self._parcels]
        hashes = self._drawn[:INDEXED]
        questions: list[Bound] = [(_NAMING, {**named, "mark": mark}) for mark in marks]
        questions += [(_NEWEST, {**newest, "hash": digest}) for digest in hashes]
        questions += [(_OLDEST, {**before, "hash": digest}) for digest in hashes]
        questions += [(_TOLD, {**before, "numbers": list(told)})]
        answers = ask(connection, *questions)
        self._more = any(len(rows) == reach.named for rows in answers[: len(marks)])
        for mark, rows in zip(marks, answers, strict=False):
            if mark == self._own:
                self._named.update(row.appeal_id for row in rows if row.role == "applicant")
            else:
                self._parcel.update(row.appeal_id for row in rows if row.role in ("parcel", "mention"))
        self._told.update(row.id for row in answers[-1])
        shared = self._sharing(answers[len(marks) : -1], reach)
        for ids_found in (self._named, self._parcel, self._told):
            ids_found.discard(self._id)
        ids = sorted({*self._named, *self._parcel, *self._told, *shared})
        sketches, applicants, about = ask(
            connection,
            (_SKETCHES, {"ids": shared}),
            (_APPLICANTS, {"ids": ids}),
            (_ABOUT, {"ids": sorted(self._named)}),
        )
        likes = {row.appeal_id: likeness(self._drawn, unpacked(row.hashes), _PERHAPS) for row in sketches}
        self._like = {other: like for other, like in likes.items() if like}
        self._applicants = {row.appeal_id: row.mark for row in applicants}
        if self._category is not None:
            self._same_category = {row.id for row in about if row.category == self._category}

    def _sharing(self, answers: Sequence[Sequence[Any]], reach: Reach) -> list[int]:
        counted: Counter[int] = Counter()
        rare: set[int] = set()
        newest, oldest = answers[: len(answers) // 2], answers[len(answers) // 2 :]
        for some, first in zip(newest, oldest, strict=True):
            self._more |= len(some) == reach.sharing
            ids = {row.appeal_id for row in (*some, *first)}
            counted.update(ids)
            # What a hash of common words has brought alone is hardly a copy: one shares two at least.
            rare |= ids if len(ids) <= _RARE else set()
        counted = Counter({other: shared for other, shared in counted.items() if shared > 1 or other in rare})
        counted.pop(self._id, None)
        self._more |= len(counted) > reach.likely
        # Of those that share as many, the first ones come before the newest.
        return sorted(sorted(counted), key=counted.__getitem__, reverse=True)[: reach.likely]

    def _person(self, other: int) -> bool | None:
        mark = self._applicants.get(other)
        return None if mark is None or self._own is None else mark == self._own

    def read(self, connection: Connection, most: int) -> Past:
        """Read the texts: of the same person the newest, of copies the first, of a parcel the newest."""
        alike = {other for other, like in self._like.items() if like >= ALIKE}
        same = {other for other in {*self._named, *self._told, *self._like} if self._person(other)}
        same &= {*self._same_category, *self._parcel, *self._told, *self._like}
        copies = {other for other in alike if not self._person(other)}
        neighbours = {other for other in self._parcel if self._person(other) is False}
        wanted = {*sorted(same)[-most:], *sorted(neighbours)[-most:]}
        wanted.update(sorted(other for other in self._like if not self._person(other))[:most])
        return Past(tuple(self._read(connection, wanted)), len(copies), len(neighbours), self._more)

    def _read(self, connection: Connection, wanted: Collection[int]) -> list[Other]:
        (rows,) = ask(connection, (_FORMS, {"ids": sorted(wanted)}))
        changes = _changes(connection, [row.id for row in rows if row.changes])
        others = []
        for row in sorted(rows, key=lambda row: row.id):
            try:
                form = APPEAL.read(unpack(row.body))
            except Exception as error:  # damage takes any form, and that of another must not stop this one
                log.error("journal.unreadable", appeal_id=row.id, error=type(error).__name__)
                continue
            # What an earlier form named stays in the index: the newest alone counts.
            marked = self._key.marked(named_by_appeal(form))
            whose = next((mark for mark, role, _ in marked if role == "applicant"), None)
            others.append(
                Other(
                    row.id,
                    row.number,
                    public_id_of(row),
                    row.accepted_at,
                    form,
                    tuple(changes.get(row.id, ())),
                    row.place,
                    None if whose is None or self._own is None else whose == self._own,
                    category=row.id in self._same_category,
                    parcel=row.id in self._parcel and any(mark in self._parcels for mark, _, _ in marked),
                    told=row.id in self._told,
                    like=self._like.get(row.id, 0.0),
                )
            )
        return others


def _changes(connection: Connection, ids: Sequence[int]) -> Mapping[int, list[KeptChange]]:
    kept: defaultdict[int, list[KeptChange]] = defaultdict(list)
    if not ids:
        return kept
    for row in connection.execute(select(change).where(change.c.appeal_id.in_(ids))):
        try:
            kept[row.appeal_id].append(change_from_row(row))
        except Exception as error:
            log.error("journal.unreadable", appeal_id=row.appeal_id, error=type(error).__name__)
    for changes in kept.values():
        changes.sort(key=lambda one: one.order)
    return kept
