"""Surges: what stands out, and the alarms, as far as a client sees the appeals behind them.

A count of appeals tells of each of them. So a client sees the surges of its own places alone, none where it sees some
kinds of appeals only, and of what its mask hides neither counts nor what is shared.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.domain.places import within
from appealbus.core.rights.actions import Action
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.viewer import Viewer
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.problems import PURPOSE_MISSING, UNAVAILABLE, UNKNOWN, Problem
from appealbus.plugins.surges.alarm import Alarm, KeptAlarm
from appealbus.plugins.surges.reading import Now, Reading

router = APIRouter(prefix="/v1/surges", tags=["out"])

_SHARED = {
    "parcel": (("parcels", "mentions"), "cadastral_number"),
    "organisation": (("mentions",), "bin"),
    "address": (("place",), ""),
}
"""By kind of what appeals share: the fields that it is of, and the kind of number."""
_PEOPLE = ("taken_by", "closed_by", "done")
"""What people wrote, for clients from whom nothing is hidden."""
_LONGEST = 10**15


@router.get(
    "",
    summary="See what stands out",
    **documented.route(
        PURPOSE_MISSING, ok={200: {"description": "The last week and day.", "content": documented.content("Surges")}}
    ),
)
async def surges(request: Request, caller: Annotated[Caller, may_read(Action.SURGES)]) -> Response:
    """Tell the alarms of the last week, and what is possible in the one that is under way, after its last day."""
    try:
        now = await _reading(request).now()
    except ConfigError:
        raise _unreadable() from None
    await caller.looks("surges")
    return as_json({} if now is None else _told(caller.viewer, now))


@router.get(
    "/alarms",
    summary="List alarms",
    **documented.route(
        PURPOSE_MISSING, ok={200: {"description": "Newest first.", "content": documented.content("SurgeAlarms")}}
    ),
)
async def alarms(
    request: Request,
    caller: Annotated[Caller, may_read(Action.SURGES)],
    closed: Annotated[bool, Query(description="Closed ones, too.")] = False,
    before: Annotated[int | None, Query(ge=1, le=_LONGEST, description="The `next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="The most alarms.")] = 100,
) -> Response:
    """List alarms that are open. A page may be short, or empty, where more follow: `next` says so."""
    try:
        found = await _reading(request).alarms(closed=closed, before=before, limit=limit)
    except ConfigError:
        raise _unreadable() from None
    told = list(_alarms(caller.viewer, found))
    await caller.looks("surges", found=len(told))
    return as_json({"alarms": told} | ({"next": found[-1].id} if len(found) == limit else {}))


@router.get(
    "/alarms/{alarm}",
    summary="See one alarm",
    **documented.route(
        UNKNOWN,
        PURPOSE_MISSING,
        ok={200: {"description": "With the appeals behind it.", "content": documented.content("SurgeAlarm")}},
        links=documented.links("$response.body#/appeals/0"),
    ),
)
async def one_alarm(
    request: Request,
    caller: Annotated[Caller, may_read(Action.SURGES)],
    alarm: Annotated[int, Path(ge=1, le=_LONGEST, description="Its number.")],
) -> Response:
    """Tell all that an alarm rests on, with the ids of those appeals behind it that the client sees."""
    try:
        found = await _reading(request).alarm(alarm)
    except ConfigError:
        raise _unreadable() from None
    told = next(_alarms(caller.viewer, [] if found is None else [found]), None)
    if found is None or told is None:
        raise Problem(UNKNOWN, "there is no such alarm")
    rows = [await caller.journal.appeal(number) for number in found.alarm.numbers]
    seen = [row.public_id for row in rows if row is not None and caller.viewer.sees(row)]
    await caller.looks("surges", alarm=alarm, found=len(seen))
    return as_json(told | {"appeals": seen})


def _reading(request: Request) -> Reading:
    found = Api.of(request).host.shared("surges")
    return found if isinstance(found, Reading) else Reading(None)


def _unreadable() -> Problem:
    return Problem(UNAVAILABLE, "the file of surges cannot be read now", headers={"Retry-After": "5"})


def _told(viewer: Viewer, now: Now) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if now.week is not None:
        week = now.week
        told["week"] = {"monday": week.monday, "tested": week.tested, "limit": week.limit}
        told["week"]["alarms"] = list(_alarms(viewer, week.alarms))
    if now.day is not None:
        possible = [_surge(viewer, each.surge) for each in now.possible if _sees(viewer, each.surge)]
        told["day"] = asdict(now.day) | {"possible": possible}
    if not (viewer.places or viewer.kinds or viewer.channel):
        told["record"] = _filled(asdict(now.record))
    return told


def _alarms(viewer: Viewer, found: Iterable[KeptAlarm]) -> Iterator[dict[str, Any]]:
    for each in found:
        if _sees(viewer, each.alarm):
            about = asdict(each)
            del about["alarm"]
            if not viewer.mask.plain:
                about = {name: value for name, value in about.items() if name not in _PEOPLE}
            yield _surge(viewer, each.alarm) | _filled(about)


def _sees(viewer: Viewer, alarm: Alarm) -> bool:
    """Whether a viewer sees all appeals that a surge counts, as far as their places and kinds say."""
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


def _surge(viewer: Viewer, alarm: Alarm) -> dict[str, Any]:
    told = asdict(alarm)
    del told["numbers"]  # by which appeals are not asked for
    told["also"] = [asdict(each) for each in alarm.also if _sees_series(viewer, each.category, each.place)]
    told["shared"] = [asdict(each) for each in alarm.shared if _shows(viewer.mask, each.kind, each.value)]
    return told | {name: viewer.mask.text(told[name]) for name in ("category", "name")}


def _shows(mask: Mask, kind: str, value: str) -> bool:
    fields, number = _SHARED[kind]
    whole = all(mask.whole(("appeal", (field,))) for field in fields)
    return whole and number not in mask.identifiers and mask.text(value) == value


def _filled(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
