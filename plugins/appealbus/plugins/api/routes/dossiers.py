"""Out: how an appeal stands, its dossier in every version, and why something in it is missing."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Path, Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.clocks import day_of, wall
from appealbus.core.management.viewing import Action, FieldError, FieldHidden, MaskedVersion, etag
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import JSON, XML, as_json, negotiated, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may, may_read, reader
from appealbus.plugins.api.damage import readable
from appealbus.plugins.api.problems import FIELD_HIDDEN, UNKNOWN, Problem, unavailable
from appealbus.plugins.api.states import state_of
from appealbus.plugins.repeats import comparing
from appealbus.schemas.maskedxml import masked_to_xml
from appealbus.schemas.stored import DOSSIER
from appealbus.schemas.xml import to_xml

router = documented.router(prefix="/v1/appeals/{id}", tags=["out"])
T = TypeVar("T")

PATCH = "application/json-patch+json"
_LARGE = 64 * 1024
"""Bytes of two dossiers that are compared in a thread: it takes tens of milliseconds."""

Id = Annotated[str, Path(description="The appeal's, as `Location`, the feed and `find` tell it.")]
Number = Annotated[int, Path(ge=1, le=1_000_000, description="Of the version; numbers may skip.")]


@router.get(
    "",
    summary="See how an appeal stands",
    **documented.reading(schema="State", description="How it stands.", links=documented.links("$response.body#/id")),
)
async def appeal_state(id: Id, caller: Annotated[Caller, may(Action.STATE)]) -> Response:
    """Tell how an appeal stands, and which version is the newest."""
    return as_json(await state_of(caller, await caller.appeal(id), alone=True))


class _Hot(APIRoute):
    """The route that is asked most: FastAPI documents it, its parameters are taken here, for a third of the cost."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            caller = await reader(request, Action.DOSSIER)
            return await newest_dossier(request.path_params["id"], request, caller)

        return handle


hot = documented.router(prefix=router.prefix, tags=["out"], route_class=_Hot)


@hot.get("/dossier", summary="Read the newest dossier", **documented.dossier())
async def newest_dossier(id: Id, request: Request, caller: Annotated[Caller, may_read(Action.DOSSIER)]) -> Response:
    """Give the newest version that the client sees. `If-None-Match` saves reading it again, and noting that."""
    if "if-none-match" in request.headers:
        return await _dossier(request, caller, await caller.appeal(id))
    row, raw = await caller.dossier(id)
    return await _dossier(request, caller, row, raw=raw)


@router.get("/versions", summary="List versions", **documented.reading(schema="Versions", description="Oldest first."))
async def dossier_versions(id: Id, caller: Annotated[Caller, may(Action.VERSIONS)]) -> Response:
    """List the versions that the client sees. Where nothing changed that it sees, there is no version: numbers skip."""
    rows = await caller.views.versions(await caller.appeal(id))
    told = [{"version": row.version, "created_at": row.created_at, "completeness": row.completeness} for row in rows]
    return as_json({"versions": [{name: value for name, value in each.items() if value} for each in told]})


@router.get("/versions/{version}", summary="Read one version", **documented.dossier())
async def one_version(
    id: Id, version: Number, request: Request, caller: Annotated[Caller, may_read(Action.DOSSIER)]
) -> Response:
    """Give a version. Of those that look the same to the client it is the first."""
    return await _dossier(request, caller, await caller.appeal(id), version)


@router.get(
    "/versions/{version}/difference", summary="Compare two versions", **documented.looking(schema="Patch", media=PATCH)
)
async def difference(
    id: Id,
    version: Number,
    request: Request,
    caller: Annotated[Caller, may_read(Action.DIFFERENCE)],
    earlier: Annotated[int, Query(alias="from", ge=1, le=1_000_000, description="The version to begin with.")],
) -> Response:
    """Tell what makes one version of another, as both look to the client: a JSON Patch (RFC 6902)."""
    row = await caller.appeal(id)
    first, second = await version_of(caller, row, earlier), await version_of(caller, row, version)
    with readable(row):
        if len(first.raw) + len(second.raw) > _LARGE:
            patch = await _compared(Api.of(request), lambda: asyncio.to_thread(_patch, first, second))
        else:
            patch = _patch(first, second)
    await caller.looks("difference", row, version=second.version)
    return of_bytes(orjson.dumps(patch), PATCH)


@router.get("/why", summary="See what is missing, and why", **documented.looking(schema="Why"))
async def why(id: Id, caller: Annotated[Caller, may_read(Action.WHY)]) -> Response:
    """Tell each gap of the newest version with its one cause and the time of the next attempt; and who holds it."""
    row = await caller.appeal(id)
    with readable(row):
        told = await caller.views.why(row)
    if told is None:
        raise _no_version()
    await caller.looks("why", row, version=told["version"])
    return as_json(told)


@router.get("/explain", summary="See where a field comes from", **documented.looking(FIELD_HIDDEN, schema="Explained"))
async def explain(
    id: Id,
    caller: Annotated[Caller, may_read(Action.EXPLAIN)],
    field: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description="Its path, as signals write it.",
            examples=["gbdfl.person/surname", "appeal.applicant.iin"],
        ),
    ],
    version: Annotated[int | None, Query(ge=1, le=1_000_000, description="Left out: the newest.")] = None,
) -> Response:
    """Tell source, message, times, plugin, purpose and legal basis of a field, once for each record that has it."""
    row = await caller.appeal(id)
    try:
        with readable(row):
            found = await caller.views.explain(row, field, version)
    except FieldHidden:
        raise Problem(FIELD_HIDDEN, "the client's mask hides this field, whether it is there or not") from None
    except FieldError as error:  # it tells which fields there are
        await caller.looks("explain", row, version=version or row.version)
        raise Problem(UNKNOWN, str(error)) from None
    if found is None:
        raise _no_version()
    await caller.looks("explain", row, version=version or row.version)
    return as_json({"fields": [each.as_json() for each in found]})


@router.get("/term", summary="See until when it has to be answered, and why", **documented.looking(schema="Term"))
async def term(id: Id, request: Request, caller: Annotated[Caller, may_read(Action.TERM)]) -> Response:
    """Tell the day that counts, and of each plugin that counts terms its proof as of today."""
    row = await caller.appeal(id)
    today = day_of(wall())
    told = await caller.views.term(row, lambda case: Api.of(request).host.counting.proofs(case, today))
    await caller.looks("term", row)
    return as_json(told)


@router.get("/repeats", summary="See what it repeats, and what is new", **documented.looking(schema="Repeats"))
async def repeats(id: Id, request: Request, caller: Annotated[Caller, may_read(Action.REPEATS)]) -> Response:
    """Tell which other appeals are about the same, how they ended, and what is new here beside each, as of now."""
    row, api = await caller.appeal(id), Api.of(request)
    told, numbers = await _compared(api, lambda: comparing.compared(caller.views, row, api.host))
    await caller.looks("repeats", row)
    await caller.looks_at_others("repeats", numbers)
    return as_json(told)


@router.get("/history", summary="See what happened", **documented.reading(schema="History", description="A page."))
async def history(
    id: Id,
    caller: Annotated[Caller, may(Action.HISTORY)],
    after: Annotated[int, Query(ge=0, le=10**17, description="The `next` of the page before.")] = 0,
    limit: Annotated[
        int, Query(ge=1, le=500, description="The most entries; those that the mask hides do not count.")
    ] = 100,
) -> Response:
    """Tell what happened to an appeal, oldest first, as far as the client sees it. Go on while there is a `next`."""
    page = await caller.views.history(await caller.appeal(id), after, limit)
    told: list[dict[str, Any]] = [
        {"position": entry.position, "at": entry.at, "what": entry.what, "actor": entry.actor, "about": entry.about}
        | {"detail": dict(entry.detail)}
        for entry in page.entries
    ]
    return as_json({"entries": told} | ({} if page.next is None else {"next": page.next}))


async def _compared(api: Api, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Compare letters or versions, in turn with other clients."""
    try:
        return await api.comparing.take(work)
    except TimeoutError:
        raise unavailable("to compare these letters takes too long, or others have some compared", 30) from None


async def version_of(
    caller: Caller, row: AppealRow, version: int | None = None, raw: bytes | None = None
) -> MaskedVersion:
    """Return a version as the client sees it, the newest by default; raise Problem where there is none."""
    with readable(row):
        found = await caller.views.dossier(row, version, raw)
    if found is None:
        raise _no_version()
    return found


async def _dossier(
    request: Request, caller: Caller, row: AppealRow, version: int | None = None, raw: bytes | None = None
) -> Response:
    media_type = negotiated(request, (JSON, XML))
    given = request.headers.getlist("if-none-match")
    # What a version looks like does not change: who has it already is told so without a look at it.
    tags, this = Api.of(request).tags, (f"{media_type}\n{caller.views.eyes}", row.number, version or row.version)
    known = tags.of(*this) if given else None
    if known is not None and _is_known(given, known.decode()):
        return _unchanged(known.decode())
    found = await version_of(caller, row, version, raw)
    tag = etag(row.public_id, found.raw, media_type)
    if found.version == this[2]:
        tags.remember(*this, tag.encode())
    if given and _is_known(given, tag):
        return _unchanged(tag)
    with readable(row):
        body = found.raw if media_type == JSON else _xml(caller, found)
    await caller.looks("dossier", row, version=found.version)
    return of_bytes(body, media_type, headers=_tagged(tag))


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers=_tagged(tag))


def _tagged(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Vary": "Accept, Authorization"}


def _xml(caller: Caller, found: MaskedVersion) -> bytes:
    """Return a version in XML; where something is hidden it is no dossier of the contract, and says what is hidden."""
    return to_xml(DOSSIER.read(found.raw)) if caller.viewer.mask.plain else masked_to_xml(found.document)


def _is_known(given: list[str], tag: str) -> bool:
    tags = {each.strip().removeprefix("W/") for each in ",".join(given).split(",")}
    return tag in tags or "*" in tags


def _patch(first: MaskedVersion, second: MaskedVersion) -> Any:
    import jsonpatch

    return jsonpatch.make_patch(first.document, second.document).patch


def _no_version() -> Problem:
    return Problem(UNKNOWN, "there is no such version; a new appeal has none until it was worked")
