"""The past of an appeal compared as seen through the mask, so that results contain nothing hidden."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from appealbus.core.interfaces.past import Other, Past
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Path
from appealbus.core.rights.viewer import Viewer
from appealbus.core.texts import ALIKE
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.stored import APPEAL

_IDENTITY: Sequence[Path] = (("appeal", ("applicant", "iin")), ("appeal", ("applicant", "bin")))
_PARCELS: Sequence[Path] = (("appeal", ("parcels", "cadastral_number")), ("appeal", ("mentions", "cadastral_numbers")))
_OUTCOME: Sequence[Path] = (("changes", ()), ("appeal", ("addressee",)), ("appeal", ("attachments",)))
"""Fields that show how an earlier appeal ended, and its legal status for this one."""
_OWN = ("warnings", "as_written")
"""The bus's own notes on an appeal, never compared."""


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
