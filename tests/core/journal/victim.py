"""A process that works a journal until somebody kills it, and says on stdout what the journal has acknowledged."""

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from appealbus.core.domain.access import AccessRow, Served
from appealbus.core.domain.case import LookupState
from appealbus.core.journal import access, events, keeping, store
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def one(journal: Journal, message_id: str) -> None:
    now = datetime.now(UTC)
    appeal = Appeal(message_id=message_id, kind=AppealKind.REPORT, applicant=PersonApplicant())
    accepted = await journal.accept(NewAppeal(appeal, now, "victim"), owner="victim")
    number = accepted.receipt.number
    say("accepted", message_id, number)
    question = f"{message_id}-q"
    await journal.do(access.Asking([AccessRow(question, now, "a", "s", "x", "x.y", number, "p", "b", Served.SOURCE)]))
    say("access", question, number)
    for version in (1, 2):
        await journal.post(
            keeping.Keep(accepted.appeal_id, LookupState("x.y", str(version), OutcomeKind.NOT_FOUND, now))
        )
        await journal.conclude(
            Conclusion(
                accepted.appeal_id,
                dossier=f"{number}/{version}".encode(),
                version=version,
                completeness=Completeness.COMPLETE,
                receivers=["a", "b"],
                due_at=None,
            )
        )
        say("concluded", number, version)


async def place(journal: Journal) -> None:
    while True:
        await journal.do(events.Placing())
        await asyncio.sleep(0.01)


async def main(url: str, run: str, total: int) -> None:
    journal = await Journal.open(url)
    ids = count()

    async def worker() -> None:
        while (index := next(ids)) < total:
            await one(journal, f"{run}-{index}")

    placing = asyncio.create_task(place(journal))
    await asyncio.gather(*(worker() for _ in range(20)))
    placing.cancel()
    await journal.close()
    say("done")


store.UNNAMED_KEY = Path(sys.argv[4])  # that of the test
asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
