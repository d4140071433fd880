"""The figures of a period: the table of `appealbus report`, as far as the client may see it."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core.language import ReaderLanguage
from appealbus.core.management.viewing import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import CSV, HTML, JSON, negotiated, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.days import Day
from appealbus.plugins.api.problems import INVALID, Problem
from appealbus.plugins.api.reports import ask_of
from appealbus.plugins.api.security import STYLED
from appealbus.plugins.report.asking import ReportFormat, ReportOrder
from appealbus.plugins.report.formatting import STYLE_HASH
from appealbus.plugins.report.words import By

router = documented.router(tags=["figures"])

_PARAMETERS = {"since", "until", "by", "place", "lang", "round", "public"}
_FORMS = {JSON: ReportFormat.JSON, CSV: ReportFormat.CSV, HTML: ReportFormat.HTML}


@router.get("/v1/report", summary="Read the figures of a period", **documented.report())
async def report(
    request: Request,
    caller: Annotated[Caller, may_read(Action.REPORT)],
    *,
    since: Annotated[Day | None, Query(description="The first day of registration; 1 January.")] = None,
    until: Annotated[Day | None, Query(description="The last day of it; today.")] = None,
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
    if request.query_params.keys() - _PARAMETERS:  # else the figures would be of another period than was meant
        raise Problem(INVALID, f"query: a report has {', '.join(sorted(_PARAMETERS))} alone")
    form = _FORMS[media_type := negotiated(request, tuple(_FORMS))]
    ask = ask_of(caller.client, caller.viewer, (since, until), by, place, public=public)
    body = await Api.of(request).reports.made(ReportOrder(ask, form, lang, rounds))
    if not ask.public:
        await caller.looks("report")
    more = {"content-security-policy": STYLED.format(STYLE_HASH)} if form is ReportFormat.HTML else {}
    return of_bytes(body, media_type, headers={"Vary": "Accept, Authorization", **more})
