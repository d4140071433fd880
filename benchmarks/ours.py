"""The bus as it ships, with everything on."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import orjson
from contract import write_wsdl
from harness import in_window, measure

from appealbus.core.bus import Bus
from appealbus.core.config.loading import from_document
from appealbus.core.intake import Inbound, Taken
from appealbus.core.journal.journal import Journal
from appealbus.core.logs import configure
from appealbus.core.parts import build, load_plugins
from appealbus.core.process import relieve_collector

URL, COUNT, WINDOW = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def run(folder: Path) -> None:
    loaded = from_document(
        {
            "bus": {
                "journal": f"sqlite:///{folder / 'journal.db'}",
                "plugins": [str(Path(__file__).parent / "plugin.py")],
                "disabled": ["demo", "simulator", "gbdfl", "gbdul", "egkn"],
                "concurrency": WINDOW,
            },
            "sources": {
                "agency": {
                    "connector": "soap",
                    "wsdl": str(write_wsdl(folder, URL)),
                    "guard": {"concurrency": WINDOW * 2},
                }
            },
            "deliveries": {"out": {"kind": "telling"}},
            "log": {"level": "info", "format": "json"},
        },
        folder,
    )
    with Path(os.devnull).open("w") as nowhere:  # noqa: ASYNC230 - before anything is measured
        configure(loaded.settings.log, nowhere)
        journal = await Journal.open(loaded.settings.bus.journal)
        await journal.hold_run_lock()
        bus = Bus(loaded, build(loaded, load_plugins(loaded)), journal)
        await bus.start()
        relieve_collector()
        arrived: dict[str, asyncio.Event] = sys.modules["appealbus_inline_plugin"].arrived

        async def one(appeal: dict[str, object]) -> None:
            taken = await bus.accept(Inbound("benchmark", "memory", orjson.dumps(appeal)))
            assert isinstance(taken, Taken)
            event = arrived[taken.receipt.number] = asyncio.Event()
            await event.wait()

        await measure(lambda items, window: in_window(items, window, one), COUNT, WINDOW)
        await bus.settle()
        await bus.stop()
        await journal.close()


with tempfile.TemporaryDirectory() as scratch:
    asyncio.run(run(Path(scratch)))
