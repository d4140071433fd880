"""Answers in the forms that this API has: JSON, XML, and problems."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from appealbus.plugins.api.problems import MEDIA_TYPE, NOT_ACCEPTABLE, Problem

JSON = "application/json"
XML = "application/xml"
CSV = "text/csv"
HTML = "text/html"


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as JSON; fields of models that are None are left out."""
    return of_bytes(orjson.dumps(value, default=_fields), JSON, status, headers)


def _fields(value: object) -> dict[str, Any]:
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    raise TypeError


def of_bytes(body: bytes, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a document as it is."""
    return Response(body, status, headers=dict(headers or {}), media_type=media_type)


def of_problem(problem: Problem) -> Response:
    """Return the answer that a problem is."""
    return of_bytes(orjson.dumps(problem.as_json()), MEDIA_TYPE, problem.kind.status, problem.headers)


def negotiated(request: Request, offered: Sequence[str]) -> str:
    """Return the media type of those offered that the client likes best, the first among equals.

    Raises:
        Problem: it likes none of them.

    """
    asked = ",".join(request.headers.getlist("accept")) or "*/*"
    ranges = [_range(each) for each in asked.split(",")[:_RANGES] if each.strip()]
    best = max(offered, key=lambda offer: _liking(offer, ranges))
    if _liking(best, ranges) <= 0:
        raise Problem(NOT_ACCEPTABLE, f"offered: {', '.join(offered)}")
    return best


_RANGES = 50
"""Media ranges that are read of a header: a browser sends eight."""


def _range(text: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return name, 0.0
    return name, 1.0


def _liking(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return how much a media type is liked: the most specific range counts."""
    for wanted in (offer, f"{offer.partition('/')[0]}/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0
