"""In-memory broker: the part of RabbitMQ that the bus needs, within one process."""

from appealbus.connectors.broker.memory.broker import MemoryBroker

__all__ = ["MemoryBroker"]
