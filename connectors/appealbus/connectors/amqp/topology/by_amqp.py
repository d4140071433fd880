"""Comparing and declaring over AMQP, which shows exchanges and queues, but neither bindings nor policies."""

from collections.abc import Callable

from appealbus.connectors.amqp.topology.by_api import otherwise
from appealbus.connectors.amqp.topology.finding import APPLY, Finding, not_there
from appealbus.connectors.amqp.topology.wanted import Exchange, Part, WantedTopology
from appealbus.connectors.broker.broker import Broker, BrokerRefused

UNSEEN = Finding(
    "bindings, limits and dead-lettering cannot be seen over AMQP",
    "set `management` of this broker, or have an administrator compare with `appealbus topology export`",
    is_problem=False,
)


async def look(broker: Broker, wanted: WantedTopology) -> list[Finding]:
    """Compare exchanges and queues with the required topology, without changes. Raises BrokerUnreachable."""
    findings: list[Finding] = []
    for part in wanted.parts:
        if await _is_there(broker, part):
            # What is there already is not made by a declaration, only compared.
            findings += await _compared(broker, part)
        else:
            findings.append(Finding(f"{part.about} is missing", APPLY, by_declaring=True))
    return findings + [not_there(foreign) for foreign in wanted.foreign if not await _is_there(broker, foreign.part)]


async def declare(broker: Broker, wanted: WantedTopology, say: Callable[[str], None]) -> list[Finding]:
    """Create missing exchanges, queues and bindings, and report each to `told`. Existing ones are never changed."""
    findings: list[Finding] = []
    for part in wanted.parts:
        if await _is_there(broker, part):
            findings += await _compared(broker, part)
            continue
        refused = await _declared(broker, part)
        if refused is None:
            say(f"made {part.about}")
        else:
            findings.append(_refused(part.about, refused))
    for binding in wanted.bindings:
        try:
            await broker.bind_queue(binding.queue, binding.exchange, binding.key)
        except BrokerRefused as refusal:
            findings.append(
                Finding(
                    f"exchange {binding.exchange} cannot be led to the queue {binding.queue}: {refusal}",
                    "make what is missing, or have an administrator import `appealbus topology export`",
                )
            )
    return findings


async def declare_in_memory(broker: Broker, wanted: WantedTopology) -> None:
    """Create a topology on a broker without policies: their content becomes arguments of the queues."""
    for exchange in wanted.exchanges:
        await broker.declare_exchange(exchange.name, exchange.kind, exchange.arguments)
    for queue in wanted.queues:
        await broker.declare_queue(queue.name, queue.all_arguments)
    for binding in wanted.bindings:
        await broker.bind_queue(binding.queue, binding.exchange, binding.key)


async def _is_there(broker: Broker, part: Part) -> bool:
    refusal = await _declared(broker, part, passive=True)
    return refusal is None or refusal.code != 404


async def _declared(broker: Broker, part: Part, *, passive: bool = False) -> BrokerRefused | None:
    arguments = None if passive else part.arguments
    try:
        if isinstance(part, Exchange):
            await broker.declare_exchange(part.name, part.kind, arguments, passive=passive)
        else:
            await broker.declare_queue(part.name, arguments, passive=passive)
    except BrokerRefused as refusal:
        return refusal
    return None


async def _compared(broker: Broker, part: Part) -> list[Finding]:
    refusal = await _declared(broker, part)
    if refusal is None:
        return []
    if refusal.code == 403:
        text = f"{part.about} is there; it cannot be compared, since this user has no right to configure it"
        return [Finding(text, "have an administrator compare it with `appealbus topology export`", is_problem=False)]
    return [_refused(part.about, refusal)]


def _refused(about: str, refusal: BrokerRefused) -> Finding:
    match refusal.code:
        case 406:
            return Finding(f"{about} is declared otherwise ({refusal})", otherwise(about))
        case 403:
            return Finding(
                f"{about} cannot be declared: this user has no right to configure it",
                "give it that right, or have an administrator import `appealbus topology export`",
            )
        case _:
            return Finding(f"{about} is refused ({refusal})", "see the log of the broker")
