"""What the tests of the real broker share."""

from appealbus.connectors.broker.broker import Broker, Delivered, Message
from appealbus.core import LinkState
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost
from tests.services.taking import until

__all__ = ["Taker", "link", "stall", "through", "to", "until"]


def through(proxy: FaultProxy, **more: object) -> dict[str, object]:
    """Return settings that lead through a proxy."""
    return {"hosts": [f"127.0.0.1:{proxy.port}"], **more}


def link(broker: Broker, which: str) -> LinkState:
    """Return the state of one of the two links."""
    return next(each for each in broker.links() if each.name == f"main.{which}")


def to(queue: str, body: bytes = b"x") -> Message:
    return Message(body, routing_key=queue)


class Taker:
    """A handler that takes all and remembers it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, delivered: Delivered) -> None:
        self.bodies.append(delivered.message.body)
        delivered.ack()


def stall(rabbit: Rabbit, vhost: Vhost, queue: str, seconds: float) -> None:
    """Let the leader of a quorum queue stand still, as when its disk does or a majority is away."""
    look = f"P = whereis('{vhost.name}_{queue}'), true = is_pid(P)"
    rest = f"spawn(fun() -> sys:suspend(P), timer:sleep({seconds * 1000:.0f}), sys:resume(P) end)"
    rabbit.eval(f"{look}, {rest}.")
