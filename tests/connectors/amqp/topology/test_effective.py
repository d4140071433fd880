"""Which policy holds: as RabbitMQ itself decides, and where it cannot be asked."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from appealbus.connectors.amqp.topology.management import Management, ManagementFailed, Policies, policies_of
from appealbus.connectors.broker.settings import BrokerSettings
from appealbus.core import ConfigError, Secret
from tests.services.rabbitmq import Vhost
from tests.services.taking import settings_of

POLICIES: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "all": (".*", "all", 0, {"max-length": 9, "overflow": "reject-publish"}),
    "weak": ("^q", "queues", -1, {"message-ttl": 1}),
    "quorum": ("^q[12]$", "quorum_queues", 5, {"max-length": 50, "delivery-limit": 7}),
    "classic": ("q", "classic_queues", 99, {"expires": 100_000}),
    "exchanges": ("q", "exchanges", 99, {"alternate-exchange": "x"}),
    "part": ("2", "queues", 6, {"max-length-bytes": 10}),
}
OPERATORS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "few": ("1", "queues", 0, {"max-length": 20, "delivery-limit": 9, "max-length-bytes": 1000}),
}


@pytest.mark.proof
async def test_it_is_what_the_broker_says(vhost: Vhost) -> None:
    """The broker says it late, and then the same: priorities, kinds of queues, and the operator's limits."""
    queues = {"q1": "quorum", "q2": "quorum", "q3": "quorum", "q4": "classic", "z": "quorum"}
    with vhost.channel() as channel:
        for name, kind in queues.items():
            channel.queue_declare(name, durable=True, arguments={"x-queue-type": kind})
    for path, policies in (("policies", POLICIES), ("operator-policies", OPERATORS)):
        for name, (pattern, kinds, priority, definition) in policies.items():
            body = {"pattern": pattern, "apply-to": kinds, "priority": priority, "definition": definition}
            vhost.api("PUT", f"{path}/{name}", body)
    settings = settings_of(vhost, management=f"http://127.0.0.1:{vhost.rabbit.management}")
    async with Management("main", settings) as api:
        found = await policies_of(api)
    ours = {name: found.effective(name, kind) for name, kind in queues.items()}
    assert ours["q1"] == {"max-length": 20, "delivery-limit": 7, "max-length-bytes": 1000}
    end = time.monotonic() + 60
    while (theirs := {name: told(vhost, name) for name in queues}) != ours:
        assert time.monotonic() < end, theirs
        await asyncio.sleep(0.5)


def told(vhost: Vhost, name: str) -> dict[str, Any]:
    return dict(vhost.api("GET", f"queues/{name}").get("effective_policy_definition") or {})


def test_a_pattern_that_only_erlang_reads_matches_nothing() -> None:
    policies = Policies([{"name": "odd", "pattern": "(?|q)(", "definition": {"max-length": 1}}], [])
    assert policies.effective("q", "quorum") == {}


@pytest.mark.parametrize(
    ("management", "told"),
    [
        ("rabbit:15672", "is no URL of a management API"),
        ("ftp://rabbit", "is no URL of a management API"),
        ("http://guest:guest@rabbit:15672", "must not hold a password"),
        ("http://rabbit:15672", "plugins.amqp.brokers.main.password is missing"),
    ],
)
def test_settings_that_cannot_work_are_told(management: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        Management("main", BrokerSettings(hosts=["rabbit"], management=management))
    assert "guest:guest" not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, b"<html>"), "answers no JSON"),
        ((200, b" " * 5_000_000), "more than 4194304 bytes"),
        ((302, b""), "refuses with status 302"),
        ((404, b"{}"), "no such virtual host"),
    ],
)
async def test_an_api_that_is_none_is_told(peer: Any, answer: tuple[int, bytes], told: str) -> None:
    peer.answer = web.Response(status=answer[0], body=answer[1])
    password = Secret(env="PASSWORD", environ={"PASSWORD": "guest"})
    async with Management("main", BrokerSettings(hosts=["rabbit"], password=password, management=peer.url)) as api:
        with pytest.raises(ManagementFailed, match=told):
            await policies_of(api)
    assert peer.seen[0][0].rel_url.raw_path == "/api/policies/%2F"
