"""The figures of a period: the table of `appealbus report`, as far as the client may see it."""

from datetime import date, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.clocks import KAZAKHSTAN, wall
from appealbus.core.language import ReaderLanguage
from appealbus.core.rights.actions import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import CSV, HTML, JSON, negotiated, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.problems import INVALID, UNAVAILABLE, Problem
from appealbus.plugins.api.security import STYLED
from appealbus.plugins.report.asking import Ask, Form, Wanted
from appealbus.plugins.report.row import Span
from appealbus.plugins.report.telling import STYLE_HASH
from appealbus.plugins.report.words import By

log = structlog.get_logger(__name__)
router = APIRouter(tags=["figures"])

_FORMS = {JSON: Form.JSON, CSV: Form.CSV, HTML: Form.HTML}
_RETRY_AFTER = "30"
_FIRST_YEAR = 2
"""The year before the first one has no number."""


@router.get("/v1/report", summary="Read the figures of a period", **documented.report())
async def report(
    request: Request,
    caller: Annotated[Caller, may_read(Action.REPORT)],
    *,
    since: Annotated[date | None, Query(description="The first day of registration; 1 January.")] = None,
    until: Annotated[date | None, Query(description="The last day of it; today.")] = None,
    by: Annotated[By, Query(description="What a row is.")] = By.BODY,
    place: Annotated[
        str, Query(pattern="^[0-9]{0,9}$", max_length=9, description="Only of places whose КАТО begins so.")
    ] = "",
    lang: Annotated[ReaderLanguage, Query(description="Of names, and of what people read.")] = ReaderLanguage.ENGLISH,
    rounds: Annotated[bool, Query(alias="round", description="Round shares; else they are cut.")] = False,
    public: Annotated[bool, Query(description="Hide small numbers, and what they follow from.")] = False,
) -> Response:
    """Tell how many appeals there were in the client's scopes, and what became of them.

    Whose mask hides anything gets the public form alone, of quarters that are over and by body: from tables that
    overlap, what is hidden in one could be concluded. The other form is noted as a read.
    """
    form = _FORMS[media_type := negotiated(request, tuple(_FORMS))]
    today, plain = wall().astimezone(KAZAKHSTAN).date(), caller.viewer.mask.plain
    first, last = _default(today, plain=plain)
    last = until or last
    first = since or (date(last.year, 1, 1) if plain else first)
    _check(first, last)
    if not plain and (by is not By.BODY or place or not _is_quarter(first, last) or last >= today):
        raise _invalid("since", "the client sees whole quarters that are over, by body, and all places together")
    client = caller.client
    span = Span(first, last, place, client.places, client.kinds)
    ask = Ask(span, by, today, public=public or not plain)
    try:
        body = await Api.of(request).reports.get(Wanted(ask, form, lang, rounds))
    except TimeoutError:
        text = "it is being counted, and others wait as well; the first time takes as long as reading each appeal once"
        raise Problem(UNAVAILABLE, text, headers={"Retry-After": _RETRY_AFTER}) from None
    except ConfigError as error:
        log.warning("report.failed", reason=str(error))
        text = "the server cannot count; its log says why"
        raise Problem(UNAVAILABLE, text, headers={"Retry-After": _RETRY_AFTER}) from None
    if not ask.public:
        await caller.looks("report")
    more = {"content-security-policy": STYLED.format(STYLE_HASH)} if form is Form.HTML else {}
    return of_bytes(body, media_type, headers={"Vary": "Accept, Authorization", **more})


def _default(today: date, *, plain: bool) -> tuple[date, date]:
    """Return this year up to today; for whom sees the public form alone, the quarter before this one."""
    if plain:
        return date(today.year, 1, 1), today
    last = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1) - timedelta(days=1)
    return date(last.year, last.month - 2, 1), last


def _is_quarter(first: date, last: date) -> bool:
    after = last + timedelta(days=1) if last < date.max else date.min
    starts = first.day == 1 and first.month % 3 == 1
    return starts and after.day == 1 and 12 * (after.year - first.year) + after.month - first.month == 3


def _check(first: date, last: date) -> None:
    if first > last:
        raise _invalid("until", "the last day is before the first one")
    if first.year < _FIRST_YEAR:
        raise _invalid("since", "the year before has no number")


def _invalid(name: str, what: str) -> Problem:
    return Problem(INVALID, "there is no such report", errors=[{"where": f"query {name}", "what": what}])
