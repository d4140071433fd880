"""The management API, which shows everything: comparing, setting policies, and exporting for an administrator."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from appealbus.connectors.amqp.topology.finding import APPLY, Finding, not_there
from appealbus.connectors.amqp.topology.management import Management, Policies, policies_of
from appealbus.connectors.amqp.topology.wanted import QUORUM, Binding, Exchange, Part, Queue, WantedTopology
from appealbus.connectors.broker.broker import Argument
from appealbus.connectors.broker.memory.queue import matches
from appealbus.schemas import Completeness

# What an administrator may set as the machine allows; it must only be set.
_FREE = frozenset({"max-length"})
# What makes a queue lose messages, and is nothing that this queue wants.
_LOSING = ("message-ttl", "expires", "max-length-bytes", "max-age")

_REGIONS = [f"{number:02}" for number in range(100)]

_PRIORITY = 10
"""Above an administrator's policies for all queues; only one policy applies to each queue."""
_APPLY_TO = "quorum_queues"


async def look(api: Management, wanted: WantedTopology) -> list[Finding]:
    """Compare the required topology with the broker's. Raises ManagementFailed if the API gives no answer."""
    findings: list[Finding] = []
    missing: set[str] = set()
    policies = await policies_of(api)
    for part in wanted.parts:
        if (there := await api.get(_kind(part), part.name)) is None:
            findings.append(Finding(f"{part.about} is missing", APPLY, by_declaring=True))
            missing.add(part.name)
        else:
            findings += _exchange(part, there) if isinstance(part, Exchange) else _queue(part, there, policies)
    for binding in wanted.bindings:
        if not missing & {binding.exchange, binding.queue}:
            there = await api.get("bindings", "e", binding.exchange, "q", binding.queue)
            findings += _binding(binding, there or [])
    for name in wanted.outlets:
        if (there := await api.get("exchanges", name)) is not None:
            bindings = await api.get("exchanges", name, "bindings", "source")
            findings += _outlet(name, str(there.get("type")), bindings or [])
    for foreign in wanted.foreign:
        if await api.get(_kind(foreign.part), foreign.part.name) is None:
            findings.append(not_there(foreign))
    return findings


def lacking(queue: Queue, policies: Policies) -> dict[str, Argument]:
    """Return the settings of a queue's policy that are not in effect on the broker."""
    holds = policies.effective(queue.name, QUORUM)
    return {
        key: value
        for key, value in queue.policy.items()
        if (key not in holds if key in _FREE else holds.get(key) != value)
    }


def _kind(part: Part) -> str:
    return "exchanges" if isinstance(part, Exchange) else "queues"


def _exchange(exchange: Exchange, there: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = {"type": exchange.kind, "durable": True, "auto_delete": False, "internal": False}
    yield from _differences(exchange.about, wanted, there, exchange.arguments, there.get("arguments"))


def _queue(queue: Queue, there: Mapping[str, Any], policies: Policies) -> Iterator[Finding]:
    about, kind = queue.about, queue.arguments["x-queue-type"]
    wanted = {"type": kind, "durable": True, "auto_delete": False, "exclusive": False}
    # The broker writes the type down as an argument, or not, as its version and the virtual host have it.
    ours = {key: value for key, value in queue.arguments.items() if key != "x-queue-type"}
    theirs = {key: value for key, value in _mapping(there.get("arguments")).items() if key != "x-queue-type"}
    yield from _differences(about, wanted, there, ours, theirs)
    if there.get("type", kind) != kind:
        return
    if short := lacking(queue, policies):
        policy = (policies.holds(queue.name, QUORUM) or {}).get("name")
        stands = f"the policy {policy} stands for it, and does not set" if policy else "no policy sets"
        yield Finding(f"{about}: {stands} {in_words(short)}", _todo(queue, policy))
    for key in _LOSING:
        if (value := policies.effective(queue.name, QUORUM).get(key)) is not None:
            yield Finding(
                f"{about}: a policy sets {key} = {value}, by which it loses messages", f"take {key} out of that policy"
            )


def _todo(queue: Queue, policy: str | None) -> str:
    if policy in (None, queue.name):
        return f"{APPLY}, or set the policy that `appealbus topology export` shows"
    return f"add that to the policy {policy}, or give it less priority than the policy {queue.name} has"


def _binding(binding: Binding, there: list[Mapping[str, Any]]) -> Iterator[Finding]:
    keys = {row.get("routing_key") for row in there}
    # A fanout takes any key.
    if binding.key not in keys and not (binding.key == "" and keys):
        key = f" by {binding.key}" if binding.key else ""
        text = f"exchange {binding.exchange} does not lead{key} to the queue {binding.queue}"
        yield Finding(text, APPLY, by_declaring=True)


def _outlet(exchange: str, kind: str, there: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """Report the dossiers that no receiver's queue is bound for."""
    keys = [str(row.get("routing_key", "")) for row in there]
    for state in Completeness:
        taken = [
            region for region in _REGIONS if any(_takes(kind, key, f"dossier.{state.value}.{region}") for key in keys)
        ]
        todo = "have the receiver's queue made and bound; until then these dossiers stay in the outbox"
        if not taken:
            yield Finding(f"exchange {exchange}: no queue takes what is published with dossier.{state.value}.*", todo)
        elif _REGIONS[0] not in taken:
            # Regions that nobody wants may be ones that no appeal is of; but any appeal may be of none.
            text = f"exchange {exchange}: no queue takes dossier.{state.value}.00, dossiers whose region is not known"
            yield Finding(text, todo, is_problem=False)


def _takes(kind: str, bound: str, key: str) -> bool:
    if kind == "topic":
        return matches(bound.split("."), key.split("."))
    return kind != "direct" or bound == key


def _differences(
    about: str, wanted: Mapping[str, Any], there: Mapping[str, Any], ours: Mapping[str, Any], theirs: Any
) -> Iterator[Finding]:
    arguments = _mapping(theirs)
    differs = [f"{key} is {there.get(key)}, not {value}" for key, value in wanted.items() if there.get(key) != value]
    for key in sorted({*ours, *arguments}):
        if ours.get(key) != arguments.get(key):
            differs.append(f"{key} is {_said(arguments.get(key))}, not {_said(ours.get(key))}")
    if differs:
        yield Finding(f"{about} is declared otherwise: {', '.join(differs)}", otherwise(about))


def otherwise(about: str) -> str:
    """Return the advice for an exchange or a queue declared with other arguments."""
    empty = "empty and delete" if about.startswith("queue") else "delete"
    return f"if nobody else needs it, {empty} it and {APPLY}, else choose another plugins.amqp.prefix"


def in_words(policy: Mapping[str, Argument]) -> str:
    return ", ".join(f"{key} = {value if value != '' else '(empty)'}" for key, value in sorted(policy.items()))


def _mapping(value: Any) -> Mapping[str, Any]:
    # The API writes an empty mapping as an empty list.
    return value if isinstance(value, dict) else {}


def _said(value: Any) -> str:
    return "not set" if value is None else str(value)


async def set_policies(api: Management, wanted: WantedTopology, say: Callable[[str], None]) -> None:
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


def definitions(wanted: WantedTopology, virtual_host: str) -> dict[str, Any]:
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
