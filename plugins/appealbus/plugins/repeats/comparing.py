"""The past of an appeal compared as seen through the mask, so that results contain nothing hidden."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson
import structlog

from appealbus.core import AppealRow, Comparison, JournalError, Other, Past, PastAssessor
from appealbus.core.management import appeals
from appealbus.core.management.viewing import Json, Mask, Path, Viewer, Views
from appealbus.core.serving import Host, is_defect
from appealbus.core.texts import ALIKE
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

log = structlog.get_logger(__name__)

Compare = Callable[[Appeal, Past], tuple[list[Json], frozenset[int]]]
"""Compares an appeal with its past: the results of each comparison, and the ids of other appeals they show."""
_IDENTITY: Sequence[Path] = (("appeal", ("applicant", "iin")), ("appeal", ("applicant", "bin")))
_PARCELS: Sequence[Path] = (("appeal", ("parcels", "cadastral_number")), ("appeal", ("mentions", "cadastral_numbers")))
_OUTCOME: Sequence[Path] = (("changes", ()), ("appeal", ("addressee",)), ("appeal", ("attachments",)))
"""Fields that show how an earlier appeal ended, and its legal status for this one."""
_OWN = ("warnings", "as_written")
"""The bus's own notes on an appeal, never compared."""


async def compared(views: Views, row: AppealRow, host: Host, compare: Compare | None = None) -> tuple[Json, list[str]]:
    """Return what an appeal has in common with others, and the numbers of those shown.

    Members: `number`, `compared`. The comparison uses masked appeals; invisible ones are left out. `compare` runs in a
    thread; None: all assessors that compare. Raises JournalError `unreadable`.
    """
    cases = await views.reader.ask(appeals.cases, [row.appeal_id])
    if not cases:
        raise JournalError("what is kept of the appeal is damaged", "unreadable")
    appeal, finder, past = cases[0].appeal, host.past_finder, Past()
    if finder is not None:
        past = await views.reader.ask(finder.find, row.appeal_id, appeal, thorough=True)
    return await asyncio.to_thread(_compared, views, row, appeal, past, compare or of_assessors(host))


def _compared(views: Views, row: AppealRow, appeal: Appeal, past: Past, compare: Compare) -> tuple[Json, list[str]]:
    viewer, number = views.viewer, views.viewer.row(row).number
    documents, shown = compare(seen_appeal(viewer.mask, appeal), seen_past(viewer, past))
    document: Json = {"number": number, "compared": documents} if number else {"compared": documents}
    if viewer.mask.identifiers:
        document = views.without_identifiers(orjson.loads(orjson.dumps(document)))
    return document, [other.number for other in past.others if other.appeal_id in shown]


def of_assessors(host: Host) -> Compare:
    """Return the comparison by all assessors that compare, of up to a second.

    Each result has `name` and `comparison`, which is None if it failed.
    """

    def compare(appeal: Appeal, past: Past) -> tuple[list[Json], frozenset[int]]:
        comparing = [one for one in host.assessors.values() if isinstance(one, PastAssessor)]
        results = {assessor.name: _result(host, assessor, appeal, past) for assessor in comparing}
        told = [{"name": name, "comparison": result and result.document} for name, result in results.items()]
        return told, frozenset[int]().union(*(result.shown for result in results.values() if result))

    return compare


def _result(host: Host, assessor: PastAssessor, appeal: Appeal, past: Past) -> Comparison | None:
    try:
        comparison = assessor.compare(appeal, past)
        orjson.dumps(comparison.document)  # raises where it is none
    except BaseException as error:
        if not is_defect(error):
            raise
        host.defects[f"assessor.{assessor.name}"] += 1
        log.exception("assessor.raised", assessor=assessor.name)
        return None
    return comparison


def seen_appeal(mask: Mask, appeal: Appeal) -> Appeal:
    """Return the masked appeal: hidden fields are absent."""
    if mask.plain:
        return appeal
    whole = orjson.loads(APPEAL.write(appeal, exclude_none=True))
    shown = mask.kept({name: value for name, value in whole.items() if name not in _OWN}, ("appeal", ())) or {}
    return APPEAL.read(orjson.dumps({**shown, "message_id": "-"}))


def seen_past(viewer: Viewer, past: Past) -> Past:
    """Return the visible part of a past, with masked appeals.

    If anything is hidden, or the viewer's scopes do not cover all appeals, only visible appeals are counted: the number
    of others would disclose them.
    """
    mask = viewer.mask
    others = [other for other in past.others if _covers(viewer, other)]
    if mask.plain and not viewer.scoped:
        return past
    shown = tuple(_seen(mask, other) for other in others)
    copies = sum(other.like >= ALIKE and other.person is not True for other in shown)
    neighbours = sum(other.parcel and other.person is False for other in shown)
    return Past(shown, copies, neighbours, more=True)


def _covers(viewer: Viewer, other: Other) -> bool:
    if viewer.channel and other.appeal.channel != viewer.channel:
        return False
    return viewer.covers(other.place, None if other.appeal.kind is None else other.appeal.kind.value)


def _seen(mask: Mask, other: Other) -> Other:
    def whole(*paths: Path) -> bool:
        return all(map(mask.whole, paths))

    person = other.person if whole(*_IDENTITY) else None
    return replace(
        other,
        number=mask.number(other.number),
        accepted_at=None if mask.hidden(("receipt", ("accepted_at",))) else other.accepted_at,
        appeal=seen_appeal(mask, other.appeal),
        changes=other.changes if whole(*_OUTCOME) else None,
        person=person,
        category=other.category and whole(("appeal", ("category",))),
        parcel=other.parcel and whole(*_PARCELS),
        told=other.told and whole(("appeal", ("repeats",))),
        like=other.like if whole(("appeal", ("text",))) else 0.0,
    )
