"""The figures of a period: the table of `appealbus report`, as far as the client may see it."""

from datetime import date, timedelta
from typing import Annotated

import structlog
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import ConfigError
from appealbus.core.clocks import day_of, wall
from appealbus.core.domain.client import Client
from appealbus.core.language import ReaderLanguage
from appealbus.core.rights.actions import Action
from appealbus.core.rights.viewer import Viewer
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import CSV, HTML, JSON, negotiated, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.problems import Problem, invalid, unavailable
from appealbus.plugins.api.security import STYLED
from appealbus.plugins.report.asking import Ask, Form, Wanted
from appealbus.plugins.report.listing import Cell
from appealbus.plugins.report.row import Span
from appealbus.plugins.report.telling import STYLE_HASH
from appealbus.plugins.report.words import By

log = structlog.get_logger(__name__)
router = documented.router(tags=["figures"])

_FORMS = {JSON: Form.JSON, CSV: Form.CSV, HTML: Form.HTML}
_RETRY_AFTER = 30
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
    ask = ask_of(caller.client, caller.viewer, (since, until), by, place, public=public)
    body = await made(Api.of(request), Wanted(ask, form, lang, rounds))
    if not ask.public:
        await caller.looks("report")
    more = {"content-security-policy": STYLED.format(STYLE_HASH)} if form is Form.HTML else {}
    return of_bytes(body, media_type, headers={"Vary": "Accept, Authorization", **more})


def ask_of(
    client: Client, viewer: Viewer, days: tuple[date | None, date | None], by: By, place: str, *, public: bool
) -> Ask:
    """Return what a client asks for, within its scopes.

    Args:
        client: who asks.
        viewer: what it sees: whose mask hides anything gets the public form alone, of quarters that are over.
        days: the first and the last one; None: what is usual.
        by: what a row is.
        place: the beginning of КАТО of the places; empty: all.
        public: whether the public form is wanted.

    Raises:
        Problem: there is no such report, or not for this client.

    """
    today, plain = day_of(wall()), viewer.mask.plain
    first, last = _default(today, plain=plain)
    since, until = days
    last = until or last
    first = since or (date(last.year, 1, 1) if plain else first)
    _check(first, last)
    if not plain and (by is not By.BODY or place or not _is_quarter(first, last) or last >= today):
        raise _invalid("since", "the client sees whole quarters that are over, by body, and all places together")
    return Ask(Span(first, last, place, client.places, client.kinds), by, today, public=public or not plain)


async def made(api: Api, wanted: Wanted | Cell) -> bytes:
    """Return a report, or a list of what it counts, made once for all who ask for the same.

    Raises:
        Problem: it takes too long, too many others are wanted, or the server cannot count.

    """
    try:
        return await api.reports.get(wanted)
    except TimeoutError:
        text = "it is being counted, and others wait as well; the first time takes as long as reading each appeal once"
        raise unavailable(text, _RETRY_AFTER) from None
    except ConfigError as error:
        log.warning("report.failed", reason=str(error))
        raise unavailable("the server cannot count; its log says why", _RETRY_AFTER) from None


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
    return invalid("there is no such report", f"query {name}", what)
