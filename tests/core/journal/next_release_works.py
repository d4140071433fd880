"""What the next release does to a journal, run with its code: `next_release_works.py FOLDER URL [stays]`.

It works one appeal, leaves another, and says `done`. Where it stays, it works on beside others until its input ends.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import structlog

from appealbus.core import Assessor, found
from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal import events
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.schemas import Appeal, Outcome, OutcomeKind, Person, Severity, Signal
from tests.core.kit import Receiver, lookup, message, running_bus

CODED = {"code": "1", "name_ru": "один"}
PERSON = {"iin": "120101500013", "birth_date": "1912-01-01"} | dict.fromkeys(
    ("gender", "citizenship", "life_status"), CODED
)


async def person(query, source):
    return found(Person(**PERSON, tax_residence={"code": "KZ"}))


async def consent(query, source):
    return Outcome(OutcomeKind.WITHDRAWN, code="consent.withdrawn", reason="The consent was withdrawn.")


async def queued(query, source):
    return Outcome(OutcomeKind.QUEUED, code="queue.long", reason="There are many before it.")


class Urgent(Assessor):
    """Finds everything urgent."""

    name = "urgent"

    def assess(self, dossier):
        yield Signal(
            assessor=self.name,
            code="urgent.all",
            severity=Severity.URGENT,
            message_ru="срочно",
            message_kk="шұғыл",
            fields=["appeal.kind"],
        )


def letter(number):
    """Return one of its letters."""
    return message(f"m-{number}", kind="manifesto", tone="angry", text="Хат")


def seal(connection, items):
    """Write an entry of the log that only the next release knows."""
    events.note(connection, [Event(EventType.SEALED, 1, "sealer:seal", "chain", {"hash": "00ff", "of": [1, 2]})])
    return [None for _ in items]


async def main(folder, url, stays):
    lookups = [lookup("a.person", person, Person), lookup("b.consent", consent), lookup("c.queued", queued)]
    tables = {
        "bus": {"journal": url, "grace": 1, "key": str(folder / "journal.db.key")},
        "retry": {"first": "1h", "max": "1h"},
        "deliveries": {"out": {"kind": "receiver"}},
    }
    Receiver.broken.add("out")
    async with running_bus(folder, *lookups, assessors=[Urgent()], **tables) as bus:
        await bus.accept(letter(1))
        await bus.settle()
        await bus.journal._write.submit(seal, None)
    async with await Journal.open(url, key=folder / "journal.db.key") as journal:
        appeal = Appeal.model_validate_json(letter(2).raw).model_copy(update={"channel": "test"})
        await journal.accept(NewAppeal(appeal, datetime.now(UTC), "next"))
    if not stays:
        print("done", flush=True)
        return
    Receiver.broken.clear()
    async with running_bus(folder, *lookups, assessors=[Urgent()], **tables) as bus:
        print("done", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(json.dumps([one.message_id for each in Receiver.got.values() for one in each]), flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], "stays" in sys.argv))
