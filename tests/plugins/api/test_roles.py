"""Every role against every route: one table, and nothing between the routes and it."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from appealbus.core.domain.client import Role
from appealbus.core.journal.appeals import lists
from appealbus.core.rights.viewer import MAY, Action
from appealbus.plugins.api.problems import all_types
from tests.core.kit import message, running_bus
from tests.plugins.api.serving import JSON, Served, kind_of, letter, served

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
PURPOSE = {"Appealbus-Purpose": "%D0%BF%D1%80%D0%BE%D0%B2%D0%B5%D1%80%D0%BA%D0%B0"}

ROUTES: dict[tuple[str, str], Action | None] = {
    ("POST", "/v1/appeals"): Action.SUBMIT,
    ("POST", "/v1/changes"): Action.CHANGE,
    ("POST", "/v1/appeals/find"): Action.FIND,
    ("GET", "/v1/appeals/{id}"): Action.STATE,
    ("GET", "/v1/appeals/{id}/dossier"): Action.DOSSIER,
    ("GET", "/v1/appeals/{id}/versions"): Action.VERSIONS,
    ("GET", "/v1/appeals/{id}/versions/{version}"): Action.DOSSIER,
    ("GET", "/v1/appeals/{id}/versions/{version}/difference"): Action.DIFFERENCE,
    ("GET", "/v1/appeals/{id}/why"): Action.WHY,
    ("GET", "/v1/appeals/{id}/explain"): Action.EXPLAIN,
    ("GET", "/v1/appeals/{id}/term"): Action.TERM,
    ("GET", "/v1/appeals/{id}/repeats"): Action.REPEATS,
    ("GET", "/v1/appeals/{id}/history"): Action.HISTORY,
    ("GET", "/v1/terms"): Action.TERM,
    ("GET", "/v1/surges"): Action.SURGES,
    ("GET", "/v1/surges/alarms"): Action.SURGES,
    ("GET", "/v1/surges/alarms/{alarm}"): Action.SURGES,
    ("GET", "/v1/feed"): Action.FEED,
    ("GET", "/v1/feed/stream"): Action.FEED,
    ("GET", "/v1/feed/readers"): Action.READERS,
    ("GET", "/v1/report"): Action.REPORT,
    ("GET", "/v1/me"): None,
}
OPEN = {"/healthz", "/openapi.json", "/asyncapi.json", "/docs", "/problems/{name}"}
QUERIES = {"difference": {"from": 1}, "explain": {"field": "appeal.kind"}}


async def routes(server: Served) -> set[tuple[str, str]]:
    document = (await server.speaking().get("/openapi.json")).json()
    return {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}


async def ask(client: httpx.AsyncClient, method: str, path: str, id: str, number: str, **headers: str) -> int:
    query: Any = QUERIES.get(path.rpartition("/")[2], {})
    filled = path.replace("{id}", id).replace("{version}", "1").replace("{alarm}", "1")
    body = {"/v1/appeals": letter("m-1"), "/v1/appeals/find": b'{"number": "%s"}' % number.encode()}.get(path)
    if path == "/v1/changes":
        body = b'{"type": "change", "message_id": "c-1", "kind": "withdrawn", "number": "%s"}' % number.encode()
    given = {**JSON, **headers} if body is not None else headers
    async with client.stream(method, filled, params=query, content=body, headers=given) as answer:
        if answer.status_code >= 400:
            await answer.aread()
            if answer.status_code == 403:
                kind = kind_of(answer)
                if kind == "field-hidden" and path == "/v1/terms":  # it may, and its mask hides what has ended
                    return 200
                assert kind == "not-allowed", (path, answer.text)
            if answer.status_code == 404 and path.endswith("{alarm}"):  # it may, and there is none
                return 200
        return answer.status_code


@pytest.mark.proof
async def test_each_role_may_do_what_the_table_says(tmp_path: Path) -> None:
    """Each route is for those whose role has its action; all others get 403 and nothing of it."""
    (tmp_path / "policy.toml").write_text('[roles.registry]\nchanges = ["withdrawn"]\n')
    async with running_bus(tmp_path) as bus:
        await bus.accept(message())
        await bus.settle()
        given = {"changes_from": ["registry"], "policy": "policy.toml"}
        async with served(f"sqlite:///{tmp_path / 'journal.db'}", tmp_path, bus=given) as server:
            (row,) = await bus.journal.ask(lists.appeals)
            assert await routes(server) - {("GET", path) for path in OPEN} == ROUTES.keys()
            for role in Role:
                client = await server.client(role)
                for (method, path), action in ROUTES.items():
                    allowed = action is None or action in MAY[role]
                    status = await ask(client, method, path, row.public_id, row.number, **PURPOSE)
                    assert (status < 300) if allowed else status == 403, (role, method, path, status)


async def test_nobody_gets_in_without_credentials(server: Served) -> None:
    """Each route asks for them, but those that are for everybody."""
    nobody = server.speaking()
    for method, path in ROUTES:
        answer = await nobody.request(
            method, path.replace("{id}", "x").replace("{version}", "1").replace("{alarm}", "1")
        )
        assert (answer.status_code, kind_of(answer)) == (401, "unauthenticated"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for path in OPEN:
        assert (await nobody.get(path.replace("{name}", "unknown"))).status_code == 200, path


def test_the_page_has_the_table() -> None:
    """docs/api.md says of each role and action what holds, names every route, and every problem with its status."""
    table = re.search(r"<!-- roles -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert table is not None
    head, _, *rows = [[cell.strip(" `") for cell in line.strip("|\n").split("|")] for line in table[1].splitlines()]
    told = {(row[0], role): cell == "yes" for row in rows for role, cell in zip(head[1:], row[1:], strict=True)}
    assert told == {(action.value, role.value): action in MAY[role] for role in Role for action in Action}
    for method, path in ROUTES:
        assert f"`{method} {path}`" in PAGE, path
    kinds = {name: int(status) for name, status in re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)}
    assert kinds == {kind.name: kind.status for kind in all_types()}


def test_routes_are_functions_of_their_own_names() -> None:
    """The document links operations by these names."""
    from appealbus.plugins.api.routes import (
        about,
        appeals,
        dossiers,
        feed,
        figures,
        finding,
        pages,
        stream,
        surges,
        terms,
    )

    names = [
        route.name
        for part in (about, appeals, dossiers, feed, figures, finding, pages, stream, surges, terms)
        for route in part.router.routes
        if isinstance(route, APIRoute)
    ]
    assert len(names) == len(set(names))
