"""Setting policies through the management API, and exporting a topology for an administrator."""

from collections.abc import Callable
from typing import Any

from appealbus.connectors.amqp.topology.by_api import lacking
from appealbus.connectors.amqp.topology.management import Management, policies_of
from appealbus.connectors.amqp.topology.wanted import QUORUM, Queue, Wanted

_PRIORITY = 10
"""Above an administrator's policies for all queues; only one policy applies to each queue."""
_APPLY_TO = "quorum_queues"


async def set_policies(api: Management, wanted: Wanted, say: Callable[[str], None]) -> None:
    """Set the policies that are not in effect; those under other names stay. Raises ManagementFailed."""
    there = await policies_of(api)
    for queue in wanted.queues:
        short = lacking(queue, there)
        holds = there.holds(queue.name, QUORUM) or {}
        hidden = holds.get("name", queue.name) != queue.name and int(holds.get("priority", 0)) >= _PRIORITY
        if not short or hidden:
            continue
        before = there.named(queue.name) or {}
        definition = {**queue.policy, **before.get("definition", {}), **short}
        await api.put("policies", queue.name, body=_policy(queue, definition))
        say(f"set policy {queue.name}")


def definitions(wanted: Wanted, virtual_host: str) -> dict[str, Any]:
    """Return a topology in the format of `rabbitmqctl import_definitions` and the management API."""
    where = {"vhost": virtual_host}
    return {
        "exchanges": [
            {
                **where,
                "name": exchange.name,
                "type": exchange.kind,
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": dict(exchange.arguments),
            }
            for exchange in wanted.exchanges
        ],
        "queues": [
            {**where, "name": queue.name, "durable": True, "auto_delete": False, "arguments": dict(queue.arguments)}
            for queue in wanted.queues
        ],
        "bindings": [
            {
                **where,
                "source": binding.exchange,
                "destination": binding.queue,
                "destination_type": "queue",
                "routing_key": binding.key,
                "arguments": {},
            }
            for binding in wanted.bindings
        ],
        "policies": [{**where, "name": queue.name, **_policy(queue, dict(queue.policy))} for queue in wanted.queues],
    }


def _policy(queue: Queue, definition: dict[str, Any]) -> dict[str, Any]:
    return {"pattern": queue.pattern, "apply-to": _APPLY_TO, "priority": _PRIORITY, "definition": definition}
