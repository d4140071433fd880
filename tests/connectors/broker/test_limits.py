"""What becomes of messages that a queue cannot keep: limits, dead letters, alternate exchanges. On both brokers."""

import asyncio

import pytest

from appealbus.connectors.broker.broker import Argument, Broker, Delivered, Message, Properties, Published
from tests.services.taking import take


@pytest.fixture(params=["classic", "quorum"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def dead_lettering(broker: Broker, kind: str, **arguments: Argument) -> None:
    """Make a queue `source` whose dead letters arrive in `grave`."""
    await broker.declare_exchange("dead", "fanout")
    await broker.declare_queue("grave", {"x-queue-type": kind})
    await broker.bind_queue("grave", "dead", "")
    given = {name.replace("_", "-"): value for name, value in arguments.items()}
    await broker.declare_queue("source", {"x-queue-type": kind, "x-dead-letter-exchange": "dead", **given})


def to(queue: str, body: bytes, properties: Properties | None = None) -> Message:
    return Message(body, properties or Properties(), routing_key=queue)


async def test_a_full_queue_refuses(broker: Broker, kind: str) -> None:
    """A quorum queue takes a few more than its limit before it notices."""
    await broker.declare_queue("q", {"x-queue-type": kind, "x-max-length": 3, "x-overflow": "reject-publish"})
    results = [await broker.publish(to("q", b"x")) for _ in range(20)]
    assert results[:3] == [Published.CONFIRMED] * 3
    assert results[-10:] == [Published.REFUSED] * 10
    await take(broker, "q", 3)


async def test_a_queue_that_drops_keeps_the_newest(broker: Broker, kind: str) -> None:
    await broker.declare_queue("q", {"x-queue-type": kind, "x-max-length": 2, "x-overflow": "drop-head"})
    for body in (b"1", b"2", b"3", b"4"):
        assert await broker.publish(to("q", body)) is Published.CONFIRMED
    assert [each.body for each in await take(broker, "q", 2)] == [b"3", b"4"]


async def test_what_is_dropped_is_a_dead_letter(broker: Broker, kind: str) -> None:
    await dead_lettering(broker, kind, x_max_length=1, x_overflow="drop-head")
    for body in (b"1", b"2"):
        await broker.publish(to("source", body))
    (letter,) = await take(broker, "grave", 1)
    assert (letter.body, letter.properties.headers["x-first-death-reason"]) == (b"1", "maxlen")


async def test_a_rejected_message_tells_where_it_died(broker: Broker, kind: str) -> None:
    """Its properties, routing key and headers are as they were; three headers say why it is here."""
    await dead_lettering(broker, kind)

    async def reject(delivered: Delivered) -> None:
        assert delivered.reject()

    consumer = await broker.consume("source", reject, prefetch=1)
    properties = Properties(message_id="m-1", headers={"version": 2}, expiration=30)
    await broker.publish(to("source", b"poison", properties))
    (letter,) = await take(broker, "grave", 1)
    await consumer.stop()
    assert (letter.body, letter.exchange, letter.routing_key) == (b"poison", "dead", "source")
    assert (letter.properties.message_id, letter.properties.expiration) == ("m-1", None)
    headers = letter.properties.headers
    assert headers["version"] == 2
    assert [headers[f"x-first-death-{what}"] for what in ("reason", "queue", "exchange")] == ["rejected", "source", ""]


async def test_a_dead_letter_takes_the_routing_key_of_the_queue(broker: Broker, kind: str) -> None:
    await broker.declare_queue("grave")
    arguments = {"x-queue-type": kind, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "grave"}
    await broker.declare_queue("source", {**arguments, "x-message-ttl": 1})
    await broker.publish(to("source", b"old"))
    assert [each.routing_key for each in await take(broker, "grave", 1)] == ["grave"]


@pytest.mark.parametrize("by", ["queue", "message"])
async def test_an_expired_message_is_a_dead_letter(broker: Broker, kind: str, by: str) -> None:
    """Though nobody ever consumes from its queue."""
    await dead_lettering(broker, kind, **({"x_message_ttl": 20} if by == "queue" else {}))
    await broker.publish(to("source", b"old", Properties(expiration=0.02 if by == "message" else None)))
    (letter,) = await take(broker, "grave", 1)
    assert (letter.body, letter.properties.headers["x-first-death-reason"]) == (b"old", "expired")
    assert (await broker.declare_queue("source", passive=True)).messages == 0


async def test_a_message_that_always_comes_back_is_given_up(broker: Broker) -> None:
    """Only quorum queues count."""
    await dead_lettering(broker, "quorum", x_delivery_limit=2)
    seen: list[int] = []

    async def give_back(delivered: Delivered) -> None:
        seen.append(delivered.attempts)
        delivered.requeue()

    consumer = await broker.consume("source", give_back, prefetch=1)
    await broker.publish(to("source", b"poison"))
    (letter,) = await take(broker, "grave", 1)
    await consumer.stop()
    assert seen == [0, 1, 2]
    assert letter.properties.headers["x-first-death-reason"] == "delivery_limit"


async def test_dead_letters_do_not_go_round_for_ever(broker: Broker, kind: str) -> None:
    """A queue that is its own dead-letter queue drops what expires in it a second time."""
    arguments: dict[str, Argument] = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
    await broker.declare_queue("q", {"x-queue-type": kind, "x-message-ttl": 1, **arguments})
    await broker.publish(to("q", b"x"))
    end = asyncio.get_running_loop().time() + 60
    while (await broker.declare_queue("q", passive=True)).messages:
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.02)


async def test_what_no_queue_wants_goes_to_the_alternate_exchange(broker: Broker) -> None:
    await broker.declare_exchange("rest", "fanout")
    await broker.declare_exchange("in", "topic", {"alternate-exchange": "rest"})
    await broker.declare_queue("wanted")
    await broker.declare_queue("unwanted")
    await broker.bind_queue("wanted", "in", "appeal.#")
    await broker.bind_queue("unwanted", "rest", "")
    for key in ("appeal.portal", "apeal.portal"):
        assert await broker.publish(Message(key.encode(), exchange="in", routing_key=key)) is Published.CONFIRMED
    assert [each.body for each in await take(broker, "wanted", 1)] == [b"appeal.portal"]
    assert [each.exchange for each in await take(broker, "unwanted", 1)] == ["in"]


TOPICS = [
    ("dossier.complete.75", "dossier.complete.75", True),
    ("dossier.*.75", "dossier.complete.75", True),
    ("dossier.*", "dossier.complete.75", False),
    ("dossier.#", "dossier.complete.75", True),
    ("dossier.#", "dossier", True),
    ("#", "", True),
    ("*", "", False),
    ("#.75", "dossier.complete.75", True),
    ("#.75", "75", True),
    ("#.*.75", "75", False),
    ("a.#.b.#.c", "a.b.x.b.c", True),
    ("a.#.b.#.c", "a.x.c", False),
    ("*.#.*", "a", False),
    ("*.#.*", "a.b", True),
    ("a.*.c", "a..c", True),
]


async def test_topics_match(broker: Broker) -> None:
    """Words, `*` for one and `#` for any number."""
    await broker.declare_exchange("in", "topic")
    for number, (pattern, _, _) in enumerate(TOPICS):
        await broker.declare_queue(f"q{number}")
        await broker.bind_queue(f"q{number}", "in", pattern)
    for key in {key for _, key, _ in TOPICS}:
        await broker.publish(Message(key.encode(), exchange="in", routing_key=key))
    for number, (pattern, key, wanted) in enumerate(TOPICS):
        found = {each.body for each in await take_all(broker, f"q{number}")}
        assert (key.encode() in found) is wanted, (pattern, key)


async def take_all(broker: Broker, queue: str) -> list[Message]:
    return await take(broker, queue, (await broker.declare_queue(queue, passive=True)).messages)


async def test_two_bindings_make_one_message(broker: Broker) -> None:
    await broker.declare_exchange("in", "topic")
    await broker.declare_queue("q")
    await broker.bind_queue("q", "in", "a.*")
    await broker.bind_queue("q", "in", "#")
    await broker.publish(Message(b"x", exchange="in", routing_key="a.b"))
    assert (await broker.declare_queue("q", passive=True)).messages == 1
