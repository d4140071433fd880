"""Exchanges, queues, bindings and policies of a bus: the required topology, comparing it, and creating it."""

from appealbus.connectors.amqp.topology.wanted import Wanted, answers_of, bus_of

__all__ = ["Wanted", "answers_of", "bus_of"]
