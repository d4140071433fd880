"""Surges as a viewer may see them, for all interfaces.

A count reveals each of its appeals. So a viewer sees only surges of their own places, and none if they may see only
some kinds of appeals. If a mask hides a field, its counts and common features are hidden too.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from appealbus.core.management.appeals import within
from appealbus.core.management.viewing import Mask, Viewer
from appealbus.plugins.surges.alarm import Alarm, KeptAlarm, Surge, SurgeAlarm, SurgeDay, Surges, SurgeWeek
from appealbus.plugins.surges.possible import Possible
from appealbus.plugins.surges.reading import Now

_SHARED = {
    "parcel": (("parcels", "mentions"), "cadastral_number"),
    "organisation": (("mentions",), "bin"),
    "address": (("place",), ""),
}
"""By kind of common feature: its fields, and its kind of number."""
_PEOPLE = ("taken_by", "closed_by", "done")
"""Texts by people, only for viewers without a mask."""


def surges_seen(viewer: Viewer, now: Now) -> Surges:
    week = day = None
    if now.week is not None:
        alarms = list(alarms_seen(viewer, now.week.alarms))
        week = SurgeWeek(monday=now.week.monday, tested=now.week.tested, limit=now.week.limit, alarms=alarms)
    if now.day is not None:
        day = SurgeDay(**dict(now.day), possible=possible_seen(viewer, now.possible))
    return Surges(week=week, day=day, record=now.record if sees_all(viewer) else None)


def alarms_seen(viewer: Viewer, alarms: Iterable[KeptAlarm]) -> Iterator[SurgeAlarm]:
    left_out = {"alarm", *(() if viewer.mask.plain else _PEOPLE)}
    for kept in alarms:
        if sees(viewer, kept.alarm):
            handling = {name: value for name, value in kept if name not in left_out}
            yield SurgeAlarm(**_figures(viewer, kept.alarm), **handling)


def possible_seen(viewer: Viewer, rows: Iterable[Possible]) -> list[Surge]:
    return [Surge(**_figures(viewer, row.surge)) for row in rows if sees(viewer, row.surge)]


def sees_all(viewer: Viewer) -> bool:
    """Whether a viewer may see all places and kinds, and so the statistics of all alarms."""
    return not viewer.scoped


def sees(viewer: Viewer, alarm: Alarm) -> bool:
    """Whether a viewer may see all places and kinds that a surge counts."""
    if viewer.kinds or viewer.channel:
        return False
    return all(_sees_series(viewer, alarm.category, place) for place in alarm.place.split("+"))


def _sees_series(viewer: Viewer, category: str, place: str) -> bool:
    shown = viewer.mask.whole
    return (
        within(viewer.places, place)
        and (not category or shown(("appeal", ("category",))))
        and (not place or shown(("appeal", ("place",))))
    )


def _figures(viewer: Viewer, alarm: Alarm) -> dict[str, Any]:
    shown = dict(alarm)
    del shown["numbers"]  # by which appeals are not asked for
    shown["also"] = [part for part in alarm.also if _sees_series(viewer, part.category, part.place)]
    shown["shared"] = [item for item in alarm.shared if _shows(viewer.mask, item.kind, item.value)]
    return shown | {name: viewer.mask.text(shown[name]) for name in ("category", "name")}


def _shows(mask: Mask, kind: str, value: str) -> bool:
    fields, number = _SHARED[kind]
    whole = all(mask.whole(("appeal", (field,))) for field in fields)
    return whole and number not in mask.identifiers and mask.text(value) == value
