"""From a number, or from somebody's identifier, to the ids under which appeals are asked for."""

from typing import Annotated, Any

import orjson
from fastapi import Header
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management import appeals, people
from appealbus.core.management.appeals import PARSES, Kind, ListPosition, Selection
from appealbus.core.management.viewing import Action
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import JSON, as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.bodies import MAX_SEARCH, media_type_of
from appealbus.plugins.api.callers import PURPOSE, Caller, may, purpose_of
from appealbus.plugins.api.models.appeals import ONE_OF, Search
from appealbus.plugins.api.problems import (
    NOT_ALLOWED,
    PURPOSE_MISSING,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_MEDIA_TYPE,
    Problem,
    invalid,
)
from appealbus.plugins.api.states import state_of
from appealbus.schemas.identifiers import IdentifierError

router = documented.router(tags=["out"])
_STEPS = 20
"""Of a thousand appeals each, through which a page looks for those within the client's scopes; then it comes short."""


@router.post(
    "/v1/appeals/find",
    summary="Find appeals",
    **documented.route(
        PURPOSE_MISSING,
        TOO_LARGE,
        TOO_SLOW,
        WRONG_MEDIA_TYPE,
        ok={200: {"description": "What was found and the client sees.", "content": documented.content("Found")}},
        body={"required": True, "content": documented.content("Search")},
        links=documented.links("$response.body#/appeals/0/id"),
    ),
)
async def find(
    request: Request,
    caller: Annotated[Caller, may(Action.FIND)],
    appealbus_purpose: Annotated[
        str | None, Header(description="What for; needed where somebody or something is named.")
    ] = None,
) -> Response:
    """Find appeals by number, by the message that they came by, or by whom or what they name.

    To look for a person, an organisation or a parcel needs a purpose, which is noted. A page may be short where more
    follow: `next` says so.
    """
    if media_type_of(request) != JSON:
        raise Problem(WRONG_MEDIA_TYPE, f"a search is {JSON}")
    async with Api.of(request).bodies.read(request, MAX_SEARCH) as raw:
        search = _search(raw)
    named = next((kind for kind in PARSES if getattr(search, kind) is not None), None)
    if named is not None:
        return await _by_name(caller, search, named, purpose_of(appealbus_purpose))
    row = await _by_number(caller, search)
    rows = [] if row is None else [await state_of(caller, row)]
    return as_json({"appeals": rows})


async def _by_number(caller: Caller, search: Search) -> AppealRow | None:
    mask = caller.viewer.mask
    hidden = mask.hides_numbers if search.number else not caller.viewer.knows_messages
    given = search.number or ""
    if search.channel and not caller.viewer.channel and mask.hidden(("appeal", ("channel",))):
        raise Problem(NOT_ALLOWED, "the client's mask hides channels")
    if hidden or (not caller.viewer.channel and mask.text(given) != given):
        raise Problem(NOT_ALLOWED, "the client's mask hides such numbers and ids")
    channel = caller.viewer.channel or search.channel
    row = await caller.journal.ask(appeals.appeal_by, search.number, search.message_id, channel)
    return row if row is not None and caller.viewer.sees(row) else None


async def _by_name(caller: Caller, search: Search, kind: Kind, purpose: str) -> Response:
    if not caller.viewer.may(Action.SEARCH) or not caller.viewer.mask.plain:
        # Whoever finds an appeal by what is hidden in it has learned that.
        raise Problem(NOT_ALLOWED, "the client may not look for persons, organisations or parcels")
    if not purpose:
        raise Problem(PURPOSE_MISSING, f"say what for, in the header {PURPOSE}")
    try:
        wanted = Selection(named=((kind, PARSES[kind](getattr(search, kind))),))
    except IdentifierError:
        raise _invalid(kind, f"it is no such number: {kind}") from None
    try:
        after = ListPosition.parse(search.after or "0")
        found = await caller.journal.find(wanted, after, search.limit, steps=_STEPS, sees=caller.viewer.sieve)
    except ValueError as error:
        raise _invalid("after", str(error)) from None
    rows = [await state_of(caller, row) for row in found.rows]
    await caller.journal.do(people.Look("appeals", purpose=purpose, about={"found": len(rows)}, by=caller.actor))
    return as_json({"appeals": rows} | ({} if found.next is None else {"next": str(found.next)}))


def _search(raw: bytes) -> Search:
    try:
        given: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _invalid("body", "it is not JSON") from None
    try:
        search = Search.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        known = first["loc"] and first["loc"][0] in Search.model_fields
        raise _invalid(str(first["loc"][0]) if known else "body", first["msg"]) from None
    if sum(getattr(search, name) is not None for name in ONE_OF) != 1:
        raise _invalid("body", f"write one of {', '.join(ONE_OF)}")
    return search


def _invalid(where: str, what: str) -> Problem:
    return invalid("the search is not well formed", where, what)
