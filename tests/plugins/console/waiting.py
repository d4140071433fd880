"""More for a console to show than eight appeals bring: what waits for a source, and a worker that tells of it."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import date, timedelta
from typing import Any

from appealbus.core.clocks import day_of
from appealbus.core.domain.case import LookupState
from appealbus.core.domain.source_state import CertificateState, SourceState
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal import documents, keeping, workers
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.workers import WorkerState
from appealbus.schemas.appeal import Appeal, AppealKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.outcome import OutcomeKind

_LAST = "http.502: the source cannot answer now (HTTP 502)"


async def some_dossier(journal: Journal) -> bytes:
    """Return the dossier of an appeal that the bus has worked."""
    made = [await journal.ask(documents.whole, row.number or "") for row in await journal.ask(lists.appeals)]
    return next(each for each in made if each is not None)


def park(
    days: Sequence[int], source: str = "egkn", body: str = "", name: str = "p"
) -> Callable[[Journal], Coroutine[Any, Any, list[date]]]:
    """Return what parks an appeal for a source, and to a body, for each of these days, due so many days from today."""
    to = {"addressee": {"bin": body}} if body else {}

    async def work(journal: Journal) -> list[date]:
        now, whole = journal.now(), await some_dossier(journal)
        dues = [day_of(now) + timedelta(n) for n in days]
        for n, due in enumerate(dues):
            told = {"message_id": f"{name}{n}{body}", "channel": "parked", "due_on": due, "text": "Жер", **to}
            appeal = Appeal.model_validate({**told, "kind": AppealKind.COMPLAINT})
            new = await journal.accept(NewAppeal(appeal, now, "appealbus"))
            away = LookupState(f"{source}.parcel", "k", OutcomeKind.UNAVAILABLE, now, code="http.503", reason="away")
            await journal.post(keeping.Keep(new.appeal_id, away))
            given = {"dossier": whole, "version": 1, "completeness": Completeness.PARTIAL}
            again = now + timedelta(minutes=n)
            await journal.conclude(Conclusion(new.appeal_id, waits_for=(source,), due_at=again, **given))
        return dues

    return work


async def work_goes_on(journal: Journal) -> None:
    """Have a worker live for ten minutes, whose sources and links are not as they should be."""
    now = journal.now()
    ends = CertificateState("sign.p12", "signs our questions", "", now - timedelta(300), now + timedelta(5))
    links = (
        LinkState("main.consume", LinkStatus.UP, since=now, messages={"appeals.v1": 12}),
        LinkState("main.publish", LinkStatus.BLOCKED, "the broker is short of memory", now, 3, {"published": 5000}),
    )
    worker = WorkerState("0123456789abcdef", "node-1", 4711, now - timedelta(2), 3, 1200, links)
    failed, unread = {"found": 900, "unavailable": 31}, {"persons/person/removed": 7}
    states = [
        SourceState("egkn", "shep", "open", 0, 4, 0.2, failed, 0.12, 2.5, last_error=_LAST, certificates=(ends,)),
        SourceState("gbdfl", "shep", "closed", 2, 0, 3.5, {"found": 2000}, 0.05, 0.2, unread=unread),
        SourceState("gbdul", "shep", "closed", 0, 0, 0.1, {"found": 20}, 0.05, 0.2, differences={"Response/date": 2}),
    ]
    await journal.do(workers.Beat(worker, states, 600))
