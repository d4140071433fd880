"""RabbitMQ behind pika's asynchronous connection."""

from appealbus.connectors.amqp.rabbit.broker import RabbitBroker

__all__ = ["RabbitBroker"]
