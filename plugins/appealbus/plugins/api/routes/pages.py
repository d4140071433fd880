"""What anybody may see: whether the server is well, its documents, and pages that explain them."""

from functools import cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.plugins.api import documented, html
from appealbus.plugins.api.answers import JSON, as_json, of_bytes
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.openapi import document
from appealbus.plugins.api.problems import BY_NAME, DEFECT, NO_SUCH_PATH, UNAVAILABLE, Problem, unavailable

router = documented.router(tags=["about"])

HTML = "text/html; charset=utf-8"
_PUBLIC = {"cache-control": "public, max-age=300"}
"""Of what is the same for everybody, and says nothing of anybody."""


def _open(description: str, media_type: str, *kinds: Any) -> dict[str, Any]:
    schema = {"type": "object"} if media_type == JSON else {"type": "string"}
    responses: dict[Any, Any] = {200: {"description": description, "content": {media_type: {"schema": schema}}}}
    responses |= documented.problems((*kinds, DEFECT))
    return {"responses": responses, "response_model": None, "openapi_extra": {"security": []}}


@router.get("/healthz", summary="See whether it is well", **_open("It is.", JSON, UNAVAILABLE))
async def healthz(request: Request) -> Response:
    """Say whether the server answers, and its journal. Many may ask: the journal is asked once a second."""
    api = Api.of(request)
    try:
        await api.alive.get()
    except (JournalError, TimeoutError):
        raise unavailable("the journal does not answer") from None
    return as_json({"status": "draining" if api.draining.is_set() else "ok"})


@router.get("/openapi.json", summary="The API as a document", **_open("OpenAPI 3.1.", JSON))
async def openapi(request: Request) -> Response:
    """Give the document of this API."""
    return of_bytes(_written(request.app), JSON, headers=_PUBLIC)


@router.get("/asyncapi.json", summary="The queues as a document", **_open("AsyncAPI 3.", JSON))
async def asyncapi(request: Request) -> Response:
    """Give the document of all messages that go over queues; it names no host."""
    return of_bytes(Api.of(request).queues, JSON, headers=_PUBLIC)


@router.get("/docs", summary="The API as a page", **_open("A page without scripts.", HTML))
async def docs(request: Request) -> Response:
    """Show the document of this API to people."""
    return _page(_shown(request.app))


@router.get("/problems/{name}", summary="What a problem means", **_open("A page.", HTML, NO_SUCH_PATH))
async def problem(name: str) -> Response:
    """Explain a type of problem, and what to do about it."""
    kind = BY_NAME.get(name)
    if kind is None:
        raise Problem(NO_SUCH_PATH, "there is no such type of problem")
    return _page(html.of_problem(kind))


@cache
def _written(app: Any) -> bytes:
    return orjson.dumps(document(app))


@cache
def _shown(app: Any) -> bytes:
    return html.of_document(orjson.loads(_written(app)))


def _page(body: bytes) -> Response:
    return of_bytes(body, HTML, headers={**_PUBLIC, "content-security-policy": html.POLICY})
