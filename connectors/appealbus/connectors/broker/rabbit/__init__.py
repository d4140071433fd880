"""RabbitMQ through pika's asynchronous connection."""

from appealbus.connectors.broker.rabbit.broker import RabbitBroker

__all__ = ["RabbitBroker"]
