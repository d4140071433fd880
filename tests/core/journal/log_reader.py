"""A process that reads a log until it is killed, and keeps what it has read beside its cursor, in one file."""

import asyncio
import sqlite3
import sys

from appealbus.core.domain.event import Cursor
from appealbus.core.journal import log
from appealbus.core.journal.journal import Journal

PAGE = 20


async def main(url: str, file: str, to_the_end: bool) -> None:
    """Go on from the cursor that the last life left."""
    kept = sqlite3.connect(file, isolation_level=None)
    kept.execute("CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY, cursor TEXT)")
    kept.execute("CREATE TABLE IF NOT EXISTS seen (position INTEGER, mark TEXT)")
    row = kept.execute("SELECT cursor FROM cursor").fetchone()
    after = None if row is None else Cursor.parse(row[0])
    async with await Journal.open(url, read_only=True) as journal:
        print("reads", flush=True)
        while True:
            page = await journal.ask(log.page, after, PAGE)
            kept.execute("BEGIN")
            kept.executemany("INSERT INTO seen VALUES (?, ?)", [(each.position, each.about) for each in page.entries])
            kept.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", [str(page.next)])
            kept.execute("COMMIT")
            after = page.next
            if to_the_end and not page.lag:
                return
            if not page.entries:
                await asyncio.sleep(0.005)


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "end"))
