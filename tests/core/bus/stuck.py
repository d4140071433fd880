"""A process whose loop a plugin holds. Arguments: its file, lease, seconds of holding the loop."""

import asyncio
import sys

import structlog

from appealbus.core.bus.watchdog import Watchdog
from appealbus.core.host import Host


async def main(plugin: str, lease: float, seconds: float) -> None:
    """Ask the plugin's lookup once, under a watchdog."""
    host = Host(lambda name, model: model())
    host.load([plugin], ())
    (node,) = [node for node in host.nodes("") if node.plugin == "holds"]
    watchdog = Watchdog(host, lease)
    watchdog.start()
    await asyncio.sleep(0.3)
    print("asking", flush=True)
    await node.lookup.ask(node.query_model(seconds=seconds), None)
    await asyncio.sleep(0.6)
    print({plugin: round(seconds) for plugin, seconds in watchdog.seconds.items()}, flush=True)


structlog.configure(processors=[structlog.processors.JSONRenderer()])
asyncio.run(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3])))
