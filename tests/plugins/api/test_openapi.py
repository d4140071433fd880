"""The document of the API is true: what schemathesis makes of it is answered as it says, and tells nobody too much."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import Status, events, from_schema

from tests.plugins.api.world import World, world
from tests.services.forms import form

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409"]
FEED = ("GET /v1/feed", "GET /v1/feed/stream")
REPORT = "GET /v1/report"
INTAKE = ("POST /v1/appeals", "POST /v1/changes")
NOT_OF_SCHEMA = {
    "POST /v1/appeals/find": ("400",),
    REPORT: ("400",),
    **dict.fromkeys(INTAKE, ("400", "422")),
    **dict.fromkeys(FEED, ("400", "410")),
}
"""What is answered where a schema cannot say all: control digits, a change of no appeal, two ids, foreign cursors,
spans of no day."""
METHODS: dict[str, Any] = form({"unexpected-methods": ["DELETE"]}, {})
"""By which a path is asked that it does not know: one in the short form, for all are answered in one place."""
HIDDEN: dict[str, frozenset[bytes]] = {}
"""By the token of a client values that it may not see."""


@schemathesis.check
def nothing_hidden(context: CheckContext, response: Response, case: Case) -> None:
    """No answer to a client has a value that its mask hides, in whatever place."""
    shown = str(response.request.headers.get("Authorization", ""))
    told = response.content + repr(response.headers).encode()
    assert not [each for each in HIDDEN.get(shown, ()) if each in told], "a hidden value was told"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world with dossiers of two versions."""
    with world(tmp_path_factory.mktemp("world")) as made:
        HIDDEN[f"Bearer {made.tokens['desk']}"] = made.hidden
        yield made


def configured(world: World, client: str, *, covers: bool) -> SchemathesisConfig:
    """Return how a client tests; in the short form without those thousand cases that cover each field of an appeal."""
    operations: list[dict[str, Any]] = [
        {
            "include-name": name,
            "checks": {
                "positive_data_acceptance": {"expected-statuses": [*ACCEPTED, *more]},
                # It would have each event be a text; a document in OpenAPI 3.1 has no words for one.
                "response_schema_conformance": {"enabled": name != "GET /v1/feed/stream"},
                # Who asks for many different reports in a minute is sent away for a while.
                "not_a_server_error": {
                    "expected-statuses": [*(["503"] if name == REPORT else []), "2xx", "3xx", "4xx"]
                },
            },
            "phases": {"coverage": {"enabled": covers and (form(False, True) or name not in INTAKE), **METHODS}},
        }
        for name, more in NOT_OF_SCHEMA.items()
    ]
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {world.tokens[client]}", "Appealbus-Purpose": "a%20test"},
            "request-timeout": 20,
            "generation": {"max-examples": form(2, 20), "deterministic": True, "database": "none", "no-shrink": True},
            "phases": {"coverage": {"enabled": covers, **METHODS}, "stateful": {"max-steps": form(4, 8)}},
            "operations": operations,
        }
    )


def test_every_reference_leads_to_a_schema(served: World) -> None:
    """No answer, request or header of the document refers to what it does not have."""
    text = httpx.get(f"{served.url}/openapi.json").text
    components = json.loads(text)["components"]
    references = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text))
    assert ("schemas", "Repeats") in references
    assert not [(kind, name) for kind, name in references if name not in components[kind]]


@pytest.mark.proof
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("client", form(["desk", "portal"], ["register", "desk", "reviewer", "portal"]))
def test_it_is_as_the_document_says(served: World, client: str) -> None:
    """No 5xx, no answer that is not documented, none that breaks its schema, and nothing of what is hidden."""
    config = configured(served, client, covers=form(client == "desk", True))
    schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json", config=config)
    statuses: Counter[int] = Counter()
    failed: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failed.append(repr(event))
        if not isinstance(event, events.ScenarioFinished):
            continue
        for each in event.recorder.interactions.values():
            statuses[each.response.status_code if each.response else 0] += 1
        for checks in event.recorder.checks.values():
            failed += [_told(each) for each in checks if each.status is Status.FAILURE]
    assert not failed, "\n\n".join(failed[:10])
    assert statuses[200] + statuses[201] > form(3, 50), statuses
    assert not statuses[0]


def _told(check: Any) -> str:
    failure = check.failure_info
    return f"{check.name}: {failure.failure.title}\n{failure.failure.message[:500]}\n{failure.code_sample[:1000]}"
