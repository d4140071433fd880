"""Surges: what stands out, and the alarms, as far as a client sees the appeals behind them."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.management import appeals
from appealbus.core.management.viewing import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.problems import PURPOSE_MISSING, UNKNOWN, Problem, unavailable
from appealbus.plugins.surges.alarm import SurgeAlarms
from appealbus.plugins.surges.reading import Reading
from appealbus.plugins.surges.seen import alarms_seen, surges_seen

router = documented.router(prefix="/v1/surges", tags=["out"])

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
    return as_json({} if now is None else surges_seen(caller.viewer, now))


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
        page = await _reading(request).alarms(closed=closed, before=before, limit=limit)
    except ConfigError:
        raise _unreadable() from None
    seen = list(alarms_seen(caller.viewer, page))
    await caller.looks("surges", found=len(seen))
    return as_json(SurgeAlarms(alarms=seen, next=page[-1].id if len(page) == limit else None))


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
        kept = await _reading(request).alarm(alarm)
    except ConfigError:
        raise _unreadable() from None
    seen = next(alarms_seen(caller.viewer, [] if kept is None else [kept]), None)
    if kept is None or seen is None:
        raise Problem(UNKNOWN, "there is no such alarm")
    rows = [await caller.journal.ask(appeals.appeal_row, number) for number in kept.alarm.numbers]
    ids = [row.public_id for row in rows if row is not None and caller.viewer.sees(row)]
    await caller.looks("surges", alarm=alarm, found=len(ids))
    return as_json(seen.model_copy(update={"appeals": ids}))


def _reading(request: Request) -> Reading:
    return Reading.of(Api.of(request).host.shared("surges"))


def _unreadable() -> Problem:
    return unavailable("the file of surges cannot be read now")
