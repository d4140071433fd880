"""What the document of the API says of routes beside what their functions say: answers, headers, problems, links."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter

from appealbus.plugins.api.answers import CSV, HTML, JSON, XML
from appealbus.plugins.api.problems import (
    DAMAGED,
    DEFECT,
    DIFFERS,
    FOREIGN_CHANNEL,
    IDS_DIFFER,
    INVALID,
    MEDIA_TYPE,
    NOT_A_DAY,
    NOT_ACCEPTABLE,
    NOT_ALLOWED,
    OTHER_KIND,
    PURPOSE_MISSING,
    QUARANTINED,
    RATE_LIMITED,
    TOO_LARGE,
    TOO_MANY_ATTEMPTS,
    TOO_SLOW,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNKNOWN,
    WRONG_MEDIA_TYPE,
    ProblemType,
)

Json = dict[str, Any]

_EACH = (INVALID, UNAUTHENTICATED, NOT_ALLOWED, TOO_MANY_ATTEMPTS, RATE_LIMITED, UNAVAILABLE, DEFECT)
"""Problems that any route with credentials may have."""
LIMITS = ("RateLimit", "RateLimit-Policy")
HEADERS: dict[str, str] = {
    "ETag": "Tells whether what the client sees is the same: of the version and the client's mask.",
    "Location": "Where the appeal is.",
    "RateLimit": 'Requests that are left in this minute, as far as this server knows: `"minute";r=599;t=42`.',
    "RateLimit-Policy": 'Requests of a minute, over all servers: `"minute";q=600;w=60`.',
    "Retry-After": "Seconds after which it is worth trying again.",
    "Vary": "What of the request the answer depends on.",
    "WWW-Authenticate": "How credentials are shown.",
}


def router(**given: Any) -> APIRouter:
    """Return a router whose operations are called in the document as their functions are."""
    return APIRouter(generate_unique_id_function=lambda route: route.name, **given)


def route(
    *kinds: ProblemType, ok: Mapping[int, Json], body: Json | None = None, links: Mapping[str, Json] | None = None
) -> Json:
    """Return the arguments of a route's decorator.

    Args:
        kinds: problems that it may have beside those of every route.
        ok: its answers by status: `description`, `content`, and under `headers` names of them.
        body: what its document says of the body of the request.
        links: from its good answers to other routes.

    """
    answers: dict[int | str, Json] = {}
    for status, answer in ok.items():
        answers[status] = {**answer, "headers": headers((*LIMITS, *answer.get("headers", ())))}
        if links and "content" in answer:
            answers[status]["links"] = dict(links)
    for status, problem in problems((*_EACH, *kinds)).items():
        answers[status] = problem
    extra: Json = {"security": [{"token": []}, {"certificate": []}]}
    if body is not None:
        extra["requestBody"] = body
    return {"responses": answers, "openapi_extra": extra, "response_model": None}


def problems(kinds: Iterable[ProblemType]) -> dict[int, Json]:
    """Return answers that are problems, by status."""
    by_status: dict[int, list[ProblemType]] = {}
    for kind in dict.fromkeys(kinds):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _problem(of) for status, of in sorted(by_status.items())}


def _problem(kinds: list[ProblemType]) -> Json:
    text = "; ".join(f"[{kind.name}]({kind.uri}): {kind.title.lower()}" for kind in kinds)
    names = [name for kind in kinds for name in kind.headers]
    answer = {"description": text, "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}
    return {**answer, "headers": headers(dict.fromkeys(names))} if names else answer


def headers(names: Iterable[str]) -> Json:
    """Return headers of an answer by their names."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def ref(name: str) -> Json:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def content(name: str, *media_types: str) -> Json:
    """Return the content of an answer or a request: a schema in these media types, JSON by default."""
    return {kind: {"schema": ref(name) if kind == JSON else {"type": "string"}} for kind in media_types or (JSON,)}


def link(operation: str, parameter: str, expression: str) -> Json:
    """Return a link to an operation, whose parameter is taken from where the expression says."""
    return {"operationId": operation, "parameters": {parameter: expression}}


OF_APPEAL = {
    "state": "appeal_state",
    "dossier": "newest_dossier",
    "versions": "dossier_versions",
    "why": "why",
    "term": "term",
    "repeats": "repeats",
    "history": "history",
}
"""Operations to which whatever names an appeal links, by the name of the link."""


def links(expression: str) -> dict[str, Json]:
    """Return links to all that can be asked of an appeal whose id stands where the expression says."""
    return {name: link(operation, "id", expression) for name, operation in OF_APPEAL.items()}


def intake(kind: str) -> Json:
    """Return the arguments of a route that takes messages of a kind."""
    about = f"The {kind}, in at most 4 MiB. Who knows the XML finds its schema in the contract: `{kind}.xsd`."
    receipt = content("Receipt", JSON, XML)
    problems_ = (IDS_DIFFER, OTHER_KIND, FOREIGN_CHANNEL, NOT_ACCEPTABLE, TOO_SLOW, DIFFERS, TOO_LARGE)
    made = route(
        *problems_,
        WRONG_MEDIA_TYPE,
        QUARANTINED,
        ok={
            201: {"description": "It is on disk; its receipt.", "content": receipt, "headers": ("Location",)},
            200: {"description": "It came before: the receipt of then.", "content": receipt, "headers": ("Location",)},
        },
        body={"required": True, "description": about, "content": content(f"{kind.capitalize()}Message", JSON, XML)},
    )
    return {**made, "status_code": 201}


def reading(
    *kinds: ProblemType, schema: str, description: str = "What was asked for.", media: str = JSON, **more: Any
) -> Json:
    """Return the arguments of a route that shows something of an appeal to those who may see it."""
    ok: dict[int, Json] = {200: {"description": description, "content": {media: {"schema": ref(schema)}}}}
    return route(UNKNOWN, DAMAGED, *kinds, ok=ok, **more)


def looking(*kinds: ProblemType, **given: Any) -> Json:
    """Return the same of one that shows what it says, which is noted."""
    return reading(PURPOSE_MISSING, *kinds, **given)


def report() -> Json:
    """Return the arguments of the route that gives figures."""
    table = content("Report", JSON, CSV, HTML)
    ok: dict[int, Json] = {200: {"description": "The table.", "content": table, "headers": ("Vary",)}}
    return route(PURPOSE_MISSING, NOT_ACCEPTABLE, NOT_A_DAY, ok=ok)


def dossier() -> Json:
    """Return the arguments of a route that gives a version of a dossier."""
    tagged = ("ETag", "Vary")
    ok: dict[int, Json] = {
        200: {"description": "The version.", "content": content("AnyDossier", JSON, XML), "headers": tagged},
        304: {"description": "It is the one that the client has: nothing is noted.", "headers": tagged},
    }
    return route(UNKNOWN, DAMAGED, PURPOSE_MISSING, NOT_ACCEPTABLE, ok=ok)
