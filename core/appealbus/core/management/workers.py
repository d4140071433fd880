"""Workers and their links."""

from appealbus.core.journal.workers import WorkerState, heartbeats, workers

__all__ = ["WorkerState", "heartbeats", "workers"]
