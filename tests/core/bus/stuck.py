"""A process whose loop a plugin holds. Arguments: its file, lease, seconds of holding the loop, grace, leaked tasks."""

import asyncio
import sys

import structlog

from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.loading.host import Host


async def main(plugin: str, lease: float, seconds: float, grace: float, tasks: int) -> None:
    """Ask the plugin's lookup once, under a watchdog."""
    host = Host(lambda name, model: model())
    host.load([plugin], ())
    (node,) = [node for node in host.nodes("") if node.plugin == "holds"]
    watchdog = Watchdog(host, lease)
    watchdog.start()
    await asyncio.sleep(0.3)
    watchdog.end_within(grace)
    print("asking", flush=True)
    leaked = [asyncio.create_task(crawl()) for _ in range(tasks)]
    await node.lookup.ask(node.query_model(seconds=seconds), None)
    await asyncio.sleep(0.6 + len(leaked))
    print({plugin: round(seconds) for plugin, seconds in watchdog.seconds.items()}, flush=True)


async def crawl() -> None:
    """Have the loop do something all the time."""
    while True:
        await asyncio.sleep(0)


structlog.configure(processors=[structlog.processors.JSONRenderer()])
asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
