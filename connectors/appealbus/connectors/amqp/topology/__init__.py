"""The exchanges, queues, bindings and policies of a bus: what is wanted, what is there, and how to get it."""

from appealbus.connectors.amqp.topology.wanted import Wanted, answers_of, bus_of

__all__ = ["Wanted", "answers_of", "bus_of"]
