"""Links of workers that are alive: those first that are not as they should be, and the queues that they tell of."""

from collections.abc import Iterable

from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.workers import WorkerState


def links_of(workers: Iterable[WorkerState]) -> list[tuple[WorkerState, LinkState]]:
    """Return their links, what is wrong first."""
    found = [(worker, link) for worker in workers for link in worker.links]
    return sorted(
        found, key=lambda one: (one[1].status is LinkStatus.UP and not one[1].warning, one[1].name, one[0].host)
    )


def queues_of(links: Iterable[LinkState]) -> list[tuple[str, int]]:
    """Return how many messages lie in each queue: all workers look at the same queues."""
    queues: dict[str, int] = {}
    for link in links:
        for name, depth in link.messages.items():
            queues[name] = max(depth, queues.get(name, 0))
    return sorted(queues.items())
