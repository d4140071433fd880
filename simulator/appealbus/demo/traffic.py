"""Endless synthetic letters at a gentle rate, and their changes, over the channels of the bus."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

from appealbus.connectors.broker.broker import Broker, Message, Properties
from appealbus.core import JournalError
from appealbus.core.clocks import KAZAKHSTAN, day_of, wall
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import access
from appealbus.core.journal.appeals import lists, suspects
from appealbus.core.journal.journal import Journal
from appealbus.demo.oversight import RESULTS, neighbour
from appealbus.demo.setting import RECEPTION
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change, ChangeKind
from appealbus.simulator.appeals import write
from appealbus.simulator.population import Population

FIRST = 200
"""Letters sent at once."""
_CHANGED, _LOOKS = 25, 6
"""Changes to them, and accesses by colleagues."""
_PAUSE = (5.0, 15.0)
"""Seconds between two messages: 26,000 in the three days until deletion, some 200 MB."""
_OPEN = 200
"""Letters remembered for later changes."""
_DAYS = 21
"""Maximum number of days since the arrival of a letter at the counter, so that due dates spread over all days."""
_HELD = 4
"""Appeals held at the same time."""
_STEP = 20
"""Every n-th appeal is accessed by a colleague."""
_KINDS = {
    ChangeKind.ANSWERED: 60,
    ChangeKind.REDIRECTED: 15,
    ChangeKind.EXTENDED: 12,
    ChangeKind.PRELIMINARY: 8,
    ChangeKind.COMPLAINED: 5,
}
"""Percent of each change."""
_INTAKE = "appealbus.intake"
ADDED = "Обращаюсь повторно. С тех пор приезжала комиссия, но акт осмотра мне не выдали."
"""New sentence of a repeat."""
_WHY_HELD = ("заявитель везёт недостающие документы", "ждём решения суда", "уточняется территория")
_WHY_LOOKED = ("готовлю ответ заявителю", "проверка жалобы", "запрос прокуратуры")
_BROKEN = (
    b'{"message_id": "broken-{}", "kind": "complaint", "text": "\xd0\x9f\xd1\x80\xd0\xbe\xd1\x88\xd1\x83',
    b"<appeal xmlns='urn:example:other'><text>{}</text></appeal>",
    b'{"type": "change", "message_id": "change-{}", "kind": "answered"}',
    b'{"message_id": {}, "kind": "complaint"}',
    b"\xff\xfe{} is no text",
    b"Subject: {}\n\nNo appeal at all",
)
"""Malformed messages; the braces are replaced by a number."""


class Traffic:
    """Letters to the channels' `broker`, changes, malformed messages, and colleagues who use the journal."""

    def __init__(self, broker: Broker, journal: Journal, population: Population) -> None:
        self._broker, self._journal, self._population = broker, journal, population
        self._random = Random(20)  # noqa: S311 - the same letters each time
        self._letters = count()
        self._open: deque[tuple[str, Appeal]] = deque(maxlen=_OPEN)
        self._looked = 0
        # What was sent before the program was started again is another message.
        # In letters: among so many digits a mask finds numbers of parcels.
        self._run = f"{self._journal.now():%m%d%H%M%S}".translate(str.maketrans("0123456789", "abcdefghij"))
        self._serial = count(1)

    async def begin(self) -> None:
        for _ in range(FIRST):
            await self._letter()
        once = ((len(_BROKEN), self._broken), (2, self._repeat), (_CHANGED, self._change), (_LOOKS, self._look))
        for often, step in once:
            for _ in range(often):
                await step()

    async def go_on(self) -> None:
        await self.hold_some()
        while True:
            await asyncio.sleep(self._random.uniform(*_PAUSE))
            with suppress(JournalError):  # somebody at the console was quicker, or the server ends over it
                await self._one()

    async def hold_some(self) -> None:
        for _ in range(_HELD):
            await self._hold()

    async def _one(self) -> None:
        things: list[tuple[int, Callable[[], Any]]] = [
            (62, self._letter),
            (5, self._repeat),
            (4, self._neighbour),
            (18, self._change),
            (4, self._broken),
            (4, self._look),
            (3, self._hold),
        ]
        (thing,) = self._random.choices([act for _, act in things], [weight for weight, _ in things])
        await thing()

    async def _letter(self) -> None:
        letter = write(self._population, next(self._letters)).appeal
        now, late = wall(), timedelta(0)
        channel = RECEPTION if self._random.random() < 0.3 else "portal"
        if channel == RECEPTION:
            late = timedelta(days=self._random.uniform(0, _DAYS))
        await self._send(channel, letter, now - late)

    async def _repeat(self) -> None:
        """Send a second letter of the same person about the same matter."""
        if self._open:
            channel, before = self._random.choice(self._open)
            await self._send(channel, before.model_copy(update={"text": f"{before.text}\n{ADDED}"}), wall())

    async def _neighbour(self) -> None:
        await self._send("portal", neighbour(), wall())

    async def _send(self, channel: str, letter: Appeal, received_at: datetime) -> None:
        new = {"message_id": f"{uuid4()}", "channel": channel, "number": None, "due_on": None}
        sent = letter.model_copy(update=new | {"received_at": received_at.astimezone(KAZAKHSTAN)})
        self._open.append((channel, sent))
        await self._publish(channel, sent.model_dump_json(exclude_none=True).encode(), sent.message_id)

    async def _change(self) -> None:
        if not self._open:
            return
        channel, letter = self._random.choice(self._open)
        given = _became(self._random, wall())
        of = {"message_id": f"{self._run}-{next(self._serial)}", "appeal_message_id": letter.message_id}
        change = Change.model_validate(of | {"channel": channel} | given)
        await self._publish(channel, change.model_dump_json(exclude_none=True).encode(), change.message_id)

    async def _broken(self) -> None:
        which = next(self._serial)
        body = _BROKEN[which % len(_BROKEN)].replace(b"{}", f"{self._run}-{which}".encode())
        await self._publish(self._random.choice(("portal", RECEPTION)), body, f"broken-{self._run}-{which}")

    async def _publish(self, channel: str, body: bytes, message_id: str) -> None:
        queue = RECEPTION if channel == RECEPTION else _INTAKE
        await self._broker.publish_all([Message(body, Properties(message_id=message_id), "", queue)])

    async def _look(self) -> None:
        """Access an applicant's data as a colleague, logged as in the console."""
        rows = await self._journal.ask(lists.appeals, self._looked, _STEP)
        self._looked = rows[-1].appeal_id if rows else 0
        if rows:
            dana = self._journal.acting("person:dana")
            purpose = self._random.choice(_WHY_LOOKED)
            await dana.do(access.Look("dossier", number=self._random.choice(rows).number, purpose=purpose))

    async def _hold(self) -> None:
        """Hold a waiting appeal as a colleague, and release the one held for longest."""
        aigul = self._journal.acting("person:aigul")
        for row in await self._journal.ask(lists.appeals, state=AppealState.PARKED, limit=1):
            await aigul.do(suspects.Hold(row.number, by="aigul", reason=self._random.choice(_WHY_HELD)))
        for row in (await self._journal.ask(lists.appeals, state=AppealState.HELD))[:-_HELD]:
            await aigul.do(suspects.Releasing(row.number, reason="документы поступили"))


def _became(random: Random, now: datetime) -> dict[str, Any]:
    (kind,) = random.choices(list(_KINDS), list(_KINDS.values()))
    given: dict[str, Any] = {"kind": kind, "dated_at": now}
    match kind:
        case ChangeKind.ANSWERED:
            (result,) = random.choices(list(RESULTS), list(RESULTS.values()))
            return given | {"result": result, "answered_on": day_of(now)}
        case ChangeKind.REDIRECTED:
            return given | {"to": {"name": "Министерство сельского хозяйства", "bin": "240840014331"}}
        case ChangeKind.EXTENDED:
            later = day_of(now) + timedelta(days=45)
            return given | {"due_on": later, "reason": "нужны сведения других органов"}
        case _:
            return given
