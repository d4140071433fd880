"""Receipts and refusals for senders."""

import asyncio
import hashlib
import re
from base64 import b64decode
from collections.abc import Collection
from fnmatch import fnmatchcase

import structlog

from appealbus.connectors.amqp.messages import JSON, XML, attributes, media_type_of
from appealbus.connectors.broker.broker import Broker, Message, Properties, Published
from appealbus.core import Quarantined, Taken
from appealbus.core.clocks import wall
from appealbus.schemas import Receipt, Refusal
from appealbus.schemas.xml import RECEIPT_NS, REFUSAL_NS, to_xml

log = structlog.get_logger(__name__)

_PSEUDO = "amq.rabbitmq."
_DIRECT = f"{_PSEUDO}reply-to."
_WELL_FORMED = re.compile(r"(g[A-Za-z0-9+/]+=*)\.[A-Za-z0-9+/]+=*")
_NODE = re.compile(rb"[A-Za-z0-9_.@-]+")
_PLACES = {b"X": 12, b"g": 9}
"""Bytes behind the node name, by the tag of the encoded process id."""
_LENGTHS = {b"v": 2, b"w": 1, b"d": 2, b"s": 1}
"""Bytes of the length of the node name, by the tag of the name."""
_TRIES = 3
"""Attempts, with pauses of one and two seconds: enough for a queue that is being moved."""
_WITHIN = 10.0
"""Seconds for the broker to confirm; the message itself is held for a minute at least."""


class Receipts:
    """Sends the receipts of one intake."""

    def __init__(self, intake: str, source: str, broker: Broker, allowed: "Allowed", counts: dict[str, int]) -> None:
        self._intake = intake
        self._source = source
        self._broker = broker
        self._allowed = allowed
        self._counts = counts
        self._told = False

    async def send(self, request: Message, result: Taken | Quarantined) -> bool:
        """Send a receipt if the sender asked for one. False if the broker did not say whether it has the receipt."""
        address = request.properties.reply_to
        if not address:
            return True
        if not self._allowed.may_go_to(address):
            self._refuse()
            return True
        direct = address.startswith(_DIRECT)
        reply = reply_to(request, result, self._intake, self._source)
        for attempt in range(_TRIES):
            await asyncio.sleep(attempt)
            # Until RabbitMQ 4.2 a direct reply-to counts as unroutable although it has arrived.
            match await self._broker.publish(reply, mandatory=not direct, within=_WITHIN):
                case Published.CONFIRMED:
                    self._counts["receipts"] += 1
                    return True
                case Published.UNROUTABLE | Published.REFUSED | Published.UNFIT as refusal:
                    return self._lost(refusal)
                case Published.INDETERMINATE as unsure if direct:
                    # It may be the address that broke the connection: not a second time.
                    return self._lost(unsure)
        return False

    def _lost(self, state: Published) -> bool:
        """Count a receipt whose queue is gone. The appeal is stored; a repeated message gets a receipt."""
        self._counts["receipts_unroutable"] += 1
        log.warning("amqp.receipt_unroutable", intake=self._intake, state=state.value)
        return True

    def _refuse(self) -> None:
        """Count an address that the settings forbid. Only the first is logged, as a sender may write thousands."""
        self._counts["receipts_refused"] += 1
        if not self._told:
            self._told = True
            log.warning("amqp.receipt_refused", intake=self._intake)


class Allowed:
    """Addresses that the receipts of an intake may go to.

    Args:
        prefix: prefix of the bus's own names, which are always forbidden.
        queues: other queues that the configuration names, also forbidden; may grow.
        patterns: allowed queue names, with `*` as wildcard.
        direct: whether direct reply-to is allowed.
    """

    def __init__(self, prefix: str, queues: Collection[str], patterns: Collection[str], *, direct: bool) -> None:
        self._prefix = prefix
        self._queues = queues
        self._patterns = patterns
        self._direct = direct

    def may_go_to(self, address: str) -> bool:
        """Whether a receipt may go to this address.

        RabbitMQ 4.0 closes the publisher's connection if a direct reply-to does not name an Erlang process.
        """
        if address.startswith(_DIRECT):
            return self._direct and _names_a_process(address.removeprefix(_DIRECT))
        if address.startswith((f"{self._prefix}.", _PSEUDO)) or address in self._queues:
            return False
        return any(fnmatchcase(address, pattern) for pattern in self._patterns)


def _names_a_process(address: str) -> bool:
    match = _WELL_FORMED.fullmatch(address)
    try:
        pid = b64decode(match[1], validate=True) if match else b""
    except ValueError:
        return False
    behind, length = _PLACES.get(pid[1:2]), _LENGTHS.get(pid[2:3])
    if behind is None or length is None:
        return False
    size = int.from_bytes(pid[3 : 3 + length])
    node = pid[3 + length : -behind]
    return len(node) == size and _NODE.fullmatch(node) is not None


def reply_to(request: Message, result: Taken | Quarantined, channel: str, source: str) -> Message:
    """Return the reply to a request, in the request's own format."""
    asked = request.properties
    now = wall()
    reply: Receipt | Refusal
    schema, happened = REFUSAL_NS, now
    if isinstance(result, Taken):
        reply = result.receipt
        schema, happened = RECEIPT_NS, reply.accepted_at
    else:
        reply = Refusal(code=result.code, reason=result.reason, quarantine_id=result.quarantine_id, channel=channel)
    in_xml = media_type_of(request) == XML
    body = to_xml(reply) if in_xml else reply.model_dump_json().encode()
    # The same receipt is the same event, and message ids may be anything, a person's number too.
    event_id = hashlib.sha256(body).hexdigest()[:32]
    properties = Properties(
        correlation_id=asked.correlation_id or asked.message_id,
        content_type=XML if in_xml else JSON,
        type=type(reply).__name__.lower(),
        app_id="appealbus",
        timestamp=now,
        headers=attributes(event_id, source, schema, happened),
    )
    return Message(body, properties, routing_key=asked.reply_to)
