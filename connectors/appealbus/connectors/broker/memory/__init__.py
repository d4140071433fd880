"""The broker in memory: what the bus needs of RabbitMQ, for a process that has none."""

from appealbus.connectors.broker.memory.broker import MemoryBroker

__all__ = ["MemoryBroker"]
