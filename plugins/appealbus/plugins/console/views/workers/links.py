"""Links of live workers, faulty ones first, and their queues."""

from collections.abc import Iterable

from appealbus.core import LinkState, LinkStatus
from appealbus.core.management.workers import WorkerState


def links_of(workers: Iterable[WorkerState]) -> list[tuple[WorkerState, LinkState]]:
    found = [(worker, link) for worker in workers for link in worker.links]
    return sorted(
        found, key=lambda one: (one[1].status is LinkStatus.UP and not one[1].warning, one[1].name, one[0].host)
    )


def queues_of(links: Iterable[LinkState]) -> list[tuple[str, int]]:
    """Return the messages by queue, each counted once: all workers report the same queues."""
    queues: dict[str, int] = {}
    for link in links:
        for name, depth in link.messages.items():
            queues[name] = max(depth, queues.get(name, 0))
    return sorted(queues.items())
