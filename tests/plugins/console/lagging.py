"""Receivers for a console to show: one that lags and refuses, one that nobody configures any more, and a reader."""

from datetime import timedelta

from appealbus.core.domain.event import Cursor
from appealbus.core.journal import clients, events
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind
from appealbus.schemas.dossier import Completeness
from tests.plugins.console.waiting import some_dossier


async def lag(journal: Journal) -> list[int]:
    """Have versions wait for `out` and `old`; return those of `out`.

    The first and the second were refused, of the first the receiver has a newer version; the third has failed, and the
    fourth and the fifth were not tried yet.
    """
    now, whole = journal.now(), await some_dossier(journal)
    for n in range(5):
        appeal = Appeal(message_id=f"l{n}", channel="lagging", kind=AppealKind.COMPLAINT, text="Жер")
        new = await journal.accept(NewAppeal(appeal, now, "appealbus"))
        for version in range(1, 3 if n == 0 else 2):
            given = {"version": version, "completeness": Completeness.COMPLETE}
            await journal.conclude(Conclusion(new.appeal_id, dossier=whole, receivers=["out", "old"][: n + 1], **given))
    found = [
        each.delivery_id for each in await journal.ask(deliveries.undelivered, "out", now + timedelta(hours=1), 10)
    ]
    await journal.do(
        delivering.GivenUp([(each, code) for each, code in zip(found, ("unfit", "mask.failed"), strict=False)])
    )
    (newer,) = {
        each.delivery_id for each in await journal.ask(deliveries.undelivered, "out", now + timedelta(hours=1), 10)
    } - {*found}
    await journal.do(delivering.Confirmed([newer]))
    await journal.do(delivering.Failed([(found[2], "unreachable", now + timedelta(hours=1))]))
    while await journal.do(events.Placing()):
        pass
    await journal.do(clients.Read("registry", Cursor(1, 3)))
    return found
