"""Days in queries, wherever the document of the API has one: they are written as days, or refused."""

from typing import Any

import pytest

from tests.plugins.api.serving import Served, kind_of

NONE = [
    *("0", "1", "-1", "1e9", "1765238400", "1765238400000", "0.0", "2026-11-24T00:00", "2026-11-24T00:00:00Z"),
    *("2026-02-30", "0000-01-01", "2026-1-1", "20261124", "2026-W01-1", "+2026-11-24", " 2026-11-24", "today", ""),
    *("\u0662\u0660\u0662\u0666-11-24", "2026-11-24\n", "24.11.2026", "true", "null", "9" * 5_000),
]


async def test_what_is_no_day_is_refused_everywhere(server: Served) -> None:
    """With 422, also what pydantic would read as seconds or as the midnight of a day; the value is not repeated."""
    client = await server.client("registry")
    document: dict[str, Any] = (await client.get("/openapi.json")).json()
    days = [
        (path, each["name"])
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for each in operation.get("parameters", ())
        if str(each["schema"].get("format", "")).startswith("date")
    ]
    assert sorted(days) == [
        ("/v1/report", "since"),
        ("/v1/report", "until"),
        ("/v1/terms", "from"),
        ("/v1/terms", "until"),
    ]
    for path, name in days:
        for text in NONE:
            answer = await client.get(path, params={name: text})
            assert (answer.status_code, kind_of(answer)) == (422, "not-a-day"), (path, name, text)
            assert len(answer.content) < 500
        problem = document["paths"][path]["get"]["responses"]["422"]
        assert list(problem["content"]) == ["application/problem+json"]
    assert all(process._child is None for process in server.api.figures)


@pytest.mark.parametrize("query", ["from=0001-01-01", "until=9999-12-31", "from=2028-02-29&until=2028-02-29"])
async def test_days_are_taken(server: Served, query: str) -> None:
    """Those at the ends of the calendar, too."""
    client = await server.client("registry")
    assert (await client.get(f"/v1/terms?{query}")).status_code == 200


async def test_a_report_of_another_period_than_was_meant_is_none(server: Served) -> None:
    """A parameter that it does not have, `from`, is refused, and not passed over."""
    client = await server.client("registry")
    answer = await client.get("/v1/report?from=0")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid")
