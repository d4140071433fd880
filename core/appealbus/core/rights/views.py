"""Masked views of the journal: the one place that all outputs pass: API, queues, commands.

Of versions that look the same to a viewer only the first is visible, as more would disclose hidden changes. So version
numbers may have gaps.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import structlog

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import Case
from appealbus.core.domain.event import FeedEntry, LogEntry
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.domain.pauses import STALE
from appealbus.core.enrichment.fields import FieldValue, explain_field
from appealbus.core.errors import JournalError
from appealbus.core.journal import codec
from appealbus.core.journal import documents as journal_documents
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.reader import JournalReader
from appealbus.core.planning.contract import NOT_LOADED
from appealbus.core.rights.explaining import FieldHidden, explain_masked
from appealbus.core.rights.masked_version import Looks, MaskedVersion, is_damage, seen
from appealbus.core.rights.masker import Masker, NotMasked
from appealbus.core.rights.past import History, shown_entry, written_entry
from appealbus.core.rights.paths import path_of
from appealbus.core.rights.questions import Json
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.stored import DOSSIER

log = structlog.get_logger(__name__)

_PAGE = 1000
"""Entries read at once where only some are visible."""


class Views:
    """One viewer's view of the journal. Whether it may see an appeal at all is decided by the viewer.

    `looks` and `masker` are shared by the viewers of a process; without a masker versions are masked here.
    """

    def __init__(
        self, reader: JournalReader, viewer: Viewer, looks: Looks | None = None, masker: Masker | None = None
    ) -> None:
        self.viewer = viewer
        self._mask = viewer.mask
        self.reader = reader
        self._looks = Looks() if looks is None else looks
        self._masker = masker
        self.eyes = viewer.eyes

    async def dossier(
        self, row: AppealRow, version: int | None = None, raw: bytes | None = None
    ) -> MaskedVersion | None:
        """Return a version of a dossier, the newest by default; None where there is none.

        A version that looks like the one before it is none to this viewer. `raw` is the newest one, where somebody has
        read it with the row.

        Raises:
            ValueError: it is damaged: nothing of it is shown.
        """
        wanted = version or row.version
        if not 1 <= wanted <= row.version:
            return None
        shown = await self._read(row.number, wanted, raw if version is None else None)
        if shown is None or self._mask.plain:
            return shown
        first = await self._first_like(row.number, wanted)
        if first == wanted:
            return shown
        if version is not None:
            return None
        return await self._read(row.number, first) or shown  # the newest, where the first is pruned in this moment

    async def row(self, row: AppealRow, *, alone: bool = False) -> AppealRow:
        """Return an appeal's row without what would disclose hidden fields or their changes.

        With `alone` it raises NotMasked if its versions cannot be masked now; in a list they are skipped.
        """
        if self._mask.plain or (row.version == 1 and self._mask.process):  # there is none that it could look like
            return self.viewer.row(row)
        try:
            newest = await self.dossier(row)
        except (ValueError, JournalError) as error:  # how the appeal stands is told all the same
            if not is_damage(error) and (alone or not isinstance(error, NotMasked)):
                raise
            newest = None
        if newest is None:
            return replace(self.viewer.row(row), version=0, changed_at=row.accepted_at)
        shown = replace(self.viewer.row(row), version=newest.version)
        at = datetime.fromisoformat(newest.document["created_at"])
        return shown if self._mask.process else replace(shown, changed_at=at)

    async def versions(self, row: AppealRow) -> list[VersionRow]:
        """Return the visible versions, oldest first."""
        rows = await self.reader.ask(lists.versions, row.number)
        if self._mask.plain:
            return rows
        hidden = self._mask.hidden(("completeness", ()))
        shown, last = [], None
        for version in rows:
            look = await self._look(row.number, version.version)
            if look is not None and look != last:
                completeness = "" if hidden else version.completeness
                shown.append(VersionRow(version.version, completeness, version.created_at))
                last = look
        return shown

    async def shows(self, entry: FeedEntry) -> MaskedVersion | None:
        """Return the version of a feed entry; None if the viewer sees neither it nor a change in it."""
        if not self.viewer.covers(entry.place, entry.kind):
            return None
        shown = await self._read(entry.number, entry.version)
        if shown is None or self._mask.plain:
            return shown
        return shown if await self._first_like(entry.number, entry.version, most=1) == entry.version else None

    async def is_news(self, entry: FeedEntry, *, kept: bool = False) -> bool:
        """Whether `shows` would return a version.

        Nothing is read if nothing is hidden, or if it is known to be `kept` and all digests are cached. A damaged
        version counts as news: its reader gets the error.
        """
        covered = self.viewer.covers(entry.place, entry.kind)
        if self._mask.plain or not covered:
            return covered
        try:
            if kept and self._looks.of(self.eyes, entry.number, entry.version) is not None:
                return await self._first_like(entry.number, entry.version, most=1) == entry.version
            return await self.shows(entry) is not None
        except (ValueError, JournalError) as error:
            if not is_damage(error):
                raise
            log.error("journal.unreadable", appeal_id=entry.appeal_id, version=entry.version, error="ValueError")
            return True

    async def why(self, row: AppealRow) -> Json | None:
        """Return the gaps of the newest version, later attempts, and who holds the appeal. None: no version.

        Members: `number`, `version`, `completeness`, `gaps`, `held`; hidden ones are absent.
        """
        now = await self.newest(row)
        if now is None:
            return None
        head = ("number", "version", "completeness")
        document: Json = {name: now.document[name] for name in head if name in now.document}
        shown = self.viewer.row(row)
        held = {"by": row.held_by, "reason": shown.held_reason, "since": row.changed_at}
        gaps = now.document.get("gaps", [])
        return {**document, "gaps": gaps, "held": held if row.state is AppealState.HELD else None}

    async def newest(self, row: AppealRow) -> MaskedVersion | None:
        """Return the newest version, with its gaps updated by later attempts from the journal."""
        raw = await self.reader.ask(journal_documents.whole, row.number, row.version) if row.version else None
        if raw is None:
            return None
        document = await self._with_current_gaps(row.number, orjson.loads(raw))
        visible = await self.dossier(row, raw=raw)
        first = row.version if visible is None else visible.version
        document["version"] = first
        return await self._masked(orjson.dumps(document), first)

    async def explain(self, row: AppealRow, field: str, version: int | None = None) -> list[FieldValue] | None:
        """Explain a field, once for each record that has it; None if there is no such version.

        Raises FieldHidden for a hidden path, whether it exists or not, and FieldError with the visible fields.
        """
        if not self._mask.plain and self._mask.hidden(path_of(field)):
            raise FieldHidden
        dossier = await self.dossier(row, version)
        if dossier is None:
            return None
        if self._mask.plain:
            return explain_field(DOSSIER.read(dossier.raw), field)
        return explain_masked(self._mask, dossier.document, field)

    async def term(self, row: AppealRow, proofs: Callable[[Case], list[Json]]) -> Json:
        """Return the due date of an appeal and its calculation: `number`, `due_on`, `terms`.

        `terms`, made by `proofs`, is present only if all inputs of a term are fully visible. Raises JournalError
        `unreadable`.
        """
        seen_ = self.viewer.row(row)
        document: Json = {"number": seen_.number or None, "due_on": seen_.due_on}
        document = {name: value for name, value in document.items() if value is not None}
        if not self.viewer.sees_terms:
            return document
        cases = await self.reader.ask(journal_cases.cases, [row.appeal_id])
        if not cases:  # told apart from whatever goes wrong in the proofs
            raise JournalError("what is kept of the appeal is damaged", "unreadable")
        document["terms"] = proofs(cases[0])
        if not self._mask.identifiers:
            return document
        shown: Json = self.without_identifiers(orjson.loads(orjson.dumps(document)))
        return shown

    def without_identifiers(self, value: Any) -> Any:
        """Return JSON without the numbers of people and parcels that the viewer must not see."""
        match value:
            case str():
                return self._mask.text(value)
            case list():
                return [self.without_identifiers(item) for item in value]
            case dict():
                return {name: self.without_identifiers(item) for name, item in value.items()}
            case _:
                return value

    async def history(self, row: AppealRow, after: int = 0, limit: int = 100) -> History:
        """Return a page of an appeal's history."""
        if self._mask.plain:
            entries = await self.entries(row, await self.reader.ask(journal_log.history, row.number, after, limit))
            return History(entries, entries[-1].position if len(entries) >= limit else None)
        # Until there are as many: a page that ends short would tell how much of it is hidden.
        shown: list[LogEntry] = []
        last: int | None = after
        while last is not None and len(shown) < limit:
            page = await self.reader.ask(journal_log.history, row.number, last, _PAGE)
            shown += await self.entries(row, page)
            last = page[-1].position if len(page) >= _PAGE else None
        return History(shown[:limit], shown[limit - 1].position if len(shown) >= limit else None)

    async def entries(self, row: AppealRow, entries: Sequence[LogEntry]) -> Sequence[LogEntry]:
        """Return the visible parts of entries about an appeal."""
        entries = [written_entry(self.viewer, entry) for entry in entries]
        if self._mask.plain:
            return entries
        versions = set() if self._mask.process else {version.version for version in await self.versions(row)}
        shown = (shown_entry(self._mask, entry, versions) for entry in entries)
        return [entry for entry in shown if entry is not None]

    async def logged(self, entry: LogEntry) -> LogEntry | None:
        """Return the visible part of a log entry; None if its appeal is out of scope or gone."""
        mask, row = self._mask, None
        if entry.number is not None and (self.viewer.scoped or not (mask.plain or mask.process)):
            row = await self.reader.ask(lists.appeal_row, entry.number)
        if self.viewer.scoped and (row is None or not self.viewer.sees(row)):
            return None
        entry = written_entry(self.viewer, entry)
        if mask.plain:
            return entry
        versions = set() if row is None or mask.process else {version.version for version in await self.versions(row)}
        return shown_entry(mask, entry, versions)

    async def asked(self, row: AccessRow) -> AccessRow | None:
        """Return a question to a source without its subject; None if it is not visible."""
        if not self._mask.shows_lookup(row.lookup):
            return None
        if self.viewer.scoped:
            appeal = await self.reader.ask(lists.appeal_row, row.number)
            if appeal is None or not self.viewer.sees(appeal):
                return None
        return replace(row, number=self._mask.number(row.number), subject="")

    async def _read(self, number: str, version: int, raw: bytes | None = None) -> MaskedVersion | None:
        raw = raw or await self.reader.ask(journal_documents.whole, number, version)
        if raw is None:
            return None
        shown = await self._masked(raw, version)
        known = self._looks.of(self.eyes, number, version)
        if not self._mask.plain and (known is None or not known.startswith(shown.digest)):
            self._looks.remember(self.eyes, number, version, self._look_of(shown, raw))
        return shown

    async def _masked(self, raw: bytes, version: int) -> MaskedVersion:
        if self._masker is None:
            return seen(self._mask, raw, version)
        return await self._masker.seen(self._mask, raw, version)

    def _look_of(self, shown: MaskedVersion, raw: bytes) -> bytes:
        """Return the version's digest; a version that brings the appeal into the viewer's scopes is news."""
        if not self.viewer.places and not self.viewer.kinds:
            return shown.digest
        columns = codec.columns_of(orjson.loads(raw)["appeal"])
        return shown.digest + bytes([self.viewer.covers(columns["place"], columns["kind"])])

    async def _first_like(self, number: str, version: int, *, most: int = 1_000_000) -> int:
        """Return the first version that looks like this one, going back at most `most` versions."""
        look, first = await self._look(number, version), version
        kept: set[int] | None = None
        while look is not None and 1 < first > version - most and await self._look(number, first - 1) == look:
            if kept is None:
                kept = {row.version for row in await self.reader.ask(lists.versions, number)}
            if first - 1 not in kept:  # it is remembered, but pruned: the next one is the first that can be had
                break
            first -= 1
        return first

    async def _look(self, number: str, version: int) -> bytes | None:
        """Return the digest of a version, even if pruned; None if it is unknown or the version is damaged."""
        known = self._looks.of(self.eyes, number, version)
        if known is not None:
            return known
        try:
            await self._read(number, version)
        except (ValueError, JournalError) as error:
            if not is_damage(error):
                raise
            return None
        return self._looks.of(self.eyes, number, version)

    async def _with_current_gaps(self, number: str, document: Json) -> Json:
        states: dict[tuple[str, str], Any] = {
            (s.lookup, s.key): s for s in await self.reader.ask(journal_cases.states, number)
        }
        gaps = document.setdefault("gaps", [])
        known = {(gap["lookup"], gap["key"]) for gap in gaps}
        for outcome in document.get("outcomes", ()):  # an older release told what is provisional as found
            if outcome.get("code") == STALE and (outcome["lookup"], outcome["key"]) not in known:
                own = {name: outcome[name] for name in ("lookup", "key", "code", "reason") if name in outcome}
                gaps.append({**own, "outcome": OutcomeKind.UNAVAILABLE.value, "required": True})
        for gap in gaps:
            state = states.get((gap["lookup"], gap["key"]))
            if state is None or gap.get("code") == NOT_LOADED or not state.is_gap:
                continue
            gap |= {"outcome": state.lacks_as.value, "code": state.code, "reason": state.reason}
            gap.pop("next_attempt_at", None)
            if state.next_attempt_at is not None:
                gap["next_attempt_at"] = state.next_attempt_at.isoformat()
        return document
