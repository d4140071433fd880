"""What somebody sees: the one place that every way out passes, by the API, by queues, by commands.

Of versions that look the same to a viewer only the first is seen: that there are others would tell that something
hidden has changed. So numbers of versions may skip.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson
import structlog

from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.case import Case
from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.feed import FeedEntry
from appealbus.core.domain.listing import AppealRow, AppealState, VersionRow
from appealbus.core.domain.pauses import STALE
from appealbus.core.enrichment.fields import FieldValue, explain_field
from appealbus.core.errors import JournalError
from appealbus.core.interfaces.past import Past
from appealbus.core.journal import codec
from appealbus.core.journal.past import FOR_READERS
from appealbus.core.journal.reader import JournalReader
from appealbus.core.planning.contract import NOT_LOADED
from appealbus.core.rights.comparing import seen_appeal, seen_past
from appealbus.core.rights.explaining import FieldHidden, explain_masked
from appealbus.core.rights.masked_version import Seen, is_damage, seen
from appealbus.core.rights.masker import Masker, NotMasked
from appealbus.core.rights.past import History, shown_entry, written_entry
from appealbus.core.rights.paths import path_of
from appealbus.core.rights.questions import Json
from appealbus.core.rights.version_digest import Looks
from appealbus.core.rights.viewer import Viewer
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.stored import DOSSIER

log = structlog.get_logger(__name__)

Compare = Callable[[Appeal, Past], tuple[list[Json], frozenset[int]]]
"""Compares an appeal with its past: what each who does so shows, and the ids of what it shows of others."""
_PAGE = 1000
"""Entries that are read at once where only some are shown."""


class Views:
    """What one viewer sees of the journal. Whether it may see an appeal at all says the viewer.

    Args:
        reader: of the journal.
        viewer: who looks.
        looks: what is remembered of how versions look, which all viewers of a process may have together.
        masker: masks large versions elsewhere, for all viewers of a process; None: they are masked here.

    """

    def __init__(
        self, reader: JournalReader, viewer: Viewer, looks: Looks | None = None, masker: Masker | None = None
    ) -> None:
        self.viewer = viewer
        self._mask = viewer.mask
        self._reader = reader
        self._looks = Looks() if looks is None else looks
        self._masker = masker
        self.eyes = viewer.eyes

    async def dossier(self, row: AppealRow, version: int | None = None, raw: bytes | None = None) -> Seen | None:
        """Return a version of a dossier, the newest by default; None where there is none.

        A version that looks like the one before it is none to this viewer.

        Args:
            row: the appeal.
            version: its number.
            raw: the newest one, where somebody has read it with the row.

        Raises:
            ValueError: it is damaged: nothing of it is shown.

        """
        wanted = version or row.version
        if not 1 <= wanted <= row.version:
            return None
        found = await self._read(row.number, wanted, raw if version is None else None)
        if found is None or self._mask.plain:
            return found
        first = await self._first_like(row.number, wanted)
        if first == wanted:
            return found
        if version is not None:
            return None
        return await self._read(row.number, first) or found  # the newest, where the first is pruned in this moment

    async def row(self, row: AppealRow, *, alone: bool = False) -> AppealRow:
        """Return how an appeal stands, without what would tell of hidden fields or that they have changed.

        Raises:
            NotMasked: it is asked for `alone`, and its versions cannot be masked now; a list tells of none.

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
        """Return the versions that are seen, oldest first."""
        rows = await self._reader.versions(row.number)
        if self._mask.plain:
            return rows
        hidden = self._mask.hidden(("completeness", ()))
        shown, last = [], None
        for each in rows:
            look = await self._look(row.number, each.version)
            if look is not None and look != last:
                told = "" if hidden else each.completeness
                shown.append(VersionRow(each.version, told, each.created_at))
                last = look
        return shown

    async def shows(self, entry: FeedEntry) -> Seen | None:
        """Return the version of an entry of the feed; None where the viewer does not see it, or no change in it."""
        if not self.viewer.covers(entry.place, entry.kind):
            return None
        found = await self._read(entry.number, entry.version)
        if found is None or self._mask.plain:
            return found
        return found if await self._first_like(entry.number, entry.version, most=1) == entry.version else None

    async def is_news(self, entry: FeedEntry, *, kept: bool = False) -> bool:
        """Whether `shows` would return a version.

        Nothing is read for it where nothing is hidden, or where it is known to be `kept` and all is remembered.
        One that is damaged is told: whoever reads it learns why there is nothing of it.
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
        """Return what the newest version lacks, with the attempts since; and who holds the appeal. None: no version.

        Its members: `number`, `version`, `completeness`, `gaps`, `held`; without those that are hidden.
        """
        now = await self.newest(row)
        if now is None:
            return None
        head = ("number", "version", "completeness")
        told: Json = {name: now.document[name] for name in head if name in now.document}
        shown = self.viewer.row(row)
        held = {"by": row.held_by, "reason": shown.held_reason, "since": row.changed_at}
        gaps = now.document.get("gaps", [])
        return {**told, "gaps": gaps, "held": held if row.state is AppealState.HELD else None}

    async def newest(self, row: AppealRow) -> Seen | None:
        """Return the newest version with its gaps as they stand now: the journal knows later attempts than it tells."""
        raw = await self._reader.dossier(row.number, row.version) if row.version else None
        if raw is None:
            return None
        document = await self._with_current_gaps(row.number, orjson.loads(raw))
        visible = await self.dossier(row, raw=raw)
        first = row.version if visible is None else visible.version
        document["version"] = first
        return await self._masked(orjson.dumps(document), first)

    async def explain(self, row: AppealRow, field: str, version: int | None = None) -> list[FieldValue] | None:
        """Return where a field comes from, once for each record that has it; None where there is no such version.

        Raises:
            FieldHidden: it is hidden, whether it is there or not.
            FieldError: there is no such field; the text tells which are seen.

        """
        if not self._mask.plain and self._mask.hidden(path_of(field)):
            raise FieldHidden
        found = await self.dossier(row, version)
        if found is None:
            return None
        if self._mask.plain:
            return explain_field(DOSSIER.read(found.raw), field)
        return explain_masked(self._mask, found.document, field)

    async def term(self, row: AppealRow, proofs: Callable[[Case], list[Json]]) -> Json:
        """Return until when an appeal has to be answered, and what counts it: `number`, `due_on`, `terms`.

        The last is there for those alone to whom all is shown whole that a term follows from.

        Args:
            row: the appeal.
            proofs: gives what each of the terms has to show of a case.

        Raises:
            JournalError: `unreadable`: what is kept of the appeal is damaged.

        """
        seen_ = self.viewer.row(row)
        told: Json = {"number": seen_.number or None, "due_on": seen_.due_on}
        told = {name: value for name, value in told.items() if value is not None}
        if not self.viewer.sees_terms:
            return told
        cases = await self._reader.cases([row.appeal_id])
        if not cases:  # told apart from whatever goes wrong in the proofs
            raise JournalError("what is kept of the appeal is damaged", "unreadable")
        told["terms"] = proofs(cases[0])
        if not self._mask.identifiers:
            return told
        shown: Json = self._without_identifiers(orjson.loads(orjson.dumps(told)))
        return shown

    async def repeats(self, row: AppealRow, compare: Compare) -> tuple[Json, list[str]]:
        """Return what an appeal has in common with others, and the numbers of those that something is shown of.

        Its members: `number`, `compared`. What is compared are the appeals as the viewer sees them; others that it may
        not see are left out.

        Args:
            row: the appeal.
            compare: gives what each of those who compare has to show, in a thread, with the ids of what it shows.

        Raises:
            JournalError: `unreadable`: what is kept of the appeal is damaged.

        """
        cases = await self._reader.cases([row.appeal_id])
        if not cases:
            raise JournalError("what is kept of the appeal is damaged", "unreadable")
        past = await self._reader.past(row.appeal_id, cases[0].appeal, FOR_READERS)
        number = self.viewer.row(row).number
        told, shown = await asyncio.to_thread(self._compared, cases[0].appeal, past, compare, number)
        return told, [each.number for each in past.others if each.appeal_id in shown]

    def _compared(self, appeal: Appeal, past: Past, compare: Compare, number: str) -> tuple[Json, frozenset[int]]:
        documents, shown = compare(seen_appeal(self._mask, appeal), seen_past(self.viewer, past))
        told: Json = {"number": number, "compared": documents} if number else {"compared": documents}
        if self._mask.identifiers:
            told = self._without_identifiers(orjson.loads(orjson.dumps(told)))
        return told, shown

    def _without_identifiers(self, value: Any) -> Any:
        match value:
            case str():
                return self._mask.text(value)
            case list():
                return [self._without_identifiers(each) for each in value]
            case dict():
                return {name: self._without_identifiers(each) for name, each in value.items()}
            case _:
                return value

    async def history(self, row: AppealRow, after: int = 0, limit: int = 100) -> History:
        """Return a page of what happened to an appeal."""
        if self._mask.plain:
            entries = await self.entries(row, await self._reader.history(row.number, after, limit))
            return History(entries, entries[-1].position if len(entries) >= limit else None)
        # Until there are as many: a page that ends short would tell how much of it is hidden.
        shown: list[LogEntry] = []
        last: int | None = after
        while last is not None and len(shown) < limit:
            page = await self._reader.history(row.number, last, _PAGE)
            shown += await self.entries(row, page)
            last = page[-1].position if len(page) >= _PAGE else None
        return History(shown[:limit], shown[limit - 1].position if len(shown) >= limit else None)

    async def entries(self, row: AppealRow, entries: Sequence[LogEntry]) -> Sequence[LogEntry]:
        """Return what is seen of entries about an appeal."""
        entries = [written_entry(self.viewer, each) for each in entries]
        if self._mask.plain:
            return entries
        versions = set() if self._mask.process else {each.version for each in await self.versions(row)}
        shown = (shown_entry(self._mask, each, versions) for each in entries)
        return [each for each in shown if each is not None]

    async def logged(self, entry: LogEntry) -> LogEntry | None:
        """Return an entry of the log as it is seen; of an appeal out of its scopes, or that is gone, nothing."""
        mask, row = self._mask, None
        if entry.number is not None and (self.viewer.scoped or not (mask.plain or mask.process)):
            row = await self._reader.appeal(entry.number)
        if self.viewer.scoped and (row is None or not self.viewer.sees(row)):
            return None
        entry = written_entry(self.viewer, entry)
        if mask.plain:
            return entry
        versions = set() if row is None or mask.process else {each.version for each in await self.versions(row)}
        return shown_entry(mask, entry, versions)

    async def asked(self, row: AccessRow) -> AccessRow | None:
        """Return a question to a source as it is seen, without whom it is about; None where it is not."""
        if not self._mask.shows_lookup(row.lookup):
            return None
        if self.viewer.scoped:
            its = await self._reader.appeal(row.number)
            if its is None or not self.viewer.sees(its):
                return None
        return replace(row, number=self._mask.number(row.number), subject="")

    async def _read(self, number: str, version: int, raw: bytes | None = None) -> Seen | None:
        raw = raw or await self._reader.dossier(number, version)
        if raw is None:
            return None
        found = await self._masked(raw, version)
        known = self._looks.of(self.eyes, number, version)
        if not self._mask.plain and (known is None or not known.startswith(found.digest)):
            self._looks.remember(self.eyes, number, version, self._look_of(found, raw))
        return found

    async def _masked(self, raw: bytes, version: int) -> Seen:
        if self._masker is None:
            return seen(self._mask, raw, version)
        return await self._masker.seen(self._mask, raw, version)

    def _look_of(self, found: Seen, raw: bytes) -> bytes:
        """Return how a version looks: one by which the appeal comes into the scopes of the viewer is news to it."""
        if not self.viewer.places and not self.viewer.kinds:
            return found.digest
        its = codec.columns_of(orjson.loads(raw)["appeal"])
        return found.digest + bytes([self.viewer.covers(its["place"], its["kind"])])

    async def _first_like(self, number: str, version: int, *, most: int = 1_000_000) -> int:
        """Return the first of the versions up to this one that look like it, so many versions back at most."""
        look, first = await self._look(number, version), version
        kept: set[int] | None = None
        while look is not None and 1 < first > version - most and await self._look(number, first - 1) == look:
            if kept is None:
                kept = {each.version for each in await self._reader.versions(number)}
            if first - 1 not in kept:  # it is remembered, but pruned: the next one is the first that can be had
                break
            first -= 1
        return first

    async def _look(self, number: str, version: int) -> bytes | None:
        """Return how a version looks, or looked before it was pruned; None where nobody knows, or it is damaged."""
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
        states: dict[tuple[str, str], Any] = {(s.lookup, s.key): s for s in await self._reader.states(number)}
        gaps = document.setdefault("gaps", [])
        told = {(gap["lookup"], gap["key"]) for gap in gaps}
        for each in document.get("outcomes", ()):  # an older release told what is provisional as found
            if each.get("code") == STALE and (each["lookup"], each["key"]) not in told:
                own = {name: each[name] for name in ("lookup", "key", "code", "reason") if name in each}
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
