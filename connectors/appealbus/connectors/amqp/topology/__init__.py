"""Exchanges, queues, bindings and policies of a bus: the required topology, comparing it, and creating it."""

from appealbus.connectors.amqp.topology.wanted import WantedTopology, answers_of, bus_of

__all__ = ["WantedTopology", "answers_of", "bus_of"]
