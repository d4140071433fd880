"""What reading noticed of replies is counted for the source, and what a record lacks is named in its provenance."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from appealbus.core import AccessRow, Call, From, OutcomeKind, Query, Reply, ReplyCheck, Request
from appealbus.core.clocks import monotonic
from appealbus.core.guards.context import Bound, GuardServices
from appealbus.core.guards.guard import Guard
from appealbus.core.guards.question import Ended, Question
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.interfaces.notes import MOST_OF_A_SOURCE, OTHER, Notes
from appealbus.core.journal.workers import SOURCE
from appealbus.core.readings import At, Declared, Reading, Send, Take
from appealbus.core.testing import ScriptedWire, appeal
from appealbus.core.testing.asking import ask_all
from appealbus.schemas.base import Day, Text
from appealbus.schemas.record import Record

IIN = "750301100019"


class Permit(Record):
    type: Literal["notes.Permit"] = "notes.Permit"
    iin: Annotated[Text, At("Iin")]
    until: Annotated[Day | None, At("Until")] = None


class PermitQuery(Query):
    iin: Annotated[str, From("applicant.iin")]


class PermitByIin(Declared[PermitQuery, Permit]):
    name = "permits.permit"
    purpose = "a test"
    send = Send("{urn:p}Ask", {"Iin": "iin"})
    take = Take(Reading(Permit), "List/Permit", same=("iin",))


async def test_a_record_names_what_it_lacks() -> None:
    """The provenance has the path, and nothing where all could be read."""
    reply = f"<A><List><Permit><Iin>{IIN}</Iin><Until>soon</Until><New/></Permit></List></A>"
    good = reply.replace("soon", "2030-01-01")
    wire: Any = ScriptedWire([reply, good])
    for expected in (["List/Permit/Until"], None):
        (asked,) = await ask_all(PermitByIin(), appeal(applicant={"iin": IIN}), replies=wire)
        assert asked.outcome.kind is OutcomeKind.FOUND
        assert asked.provenance is not None
        assert asked.provenance.unreadable == expected


async def test_differences_are_counted_for_the_source() -> None:
    """Those that the wire found in an answer, whatever became of the question."""

    class Different(ScriptedWire):
        replies = ReplyCheck.LENIENT

        async def call(self, request: Request, call: Call) -> Reply:
            return replace(await super().call(request, call), differences={"List/*": 2})

    async def access(rows: Sequence[AccessRow]) -> None:
        pass

    wire = Different([f"<A><List><Permit><Iin>{IIN}</Iin></Permit></List></A>", "<A><List/></A>"])
    bound = Bound("permits", "x", wire, GuardSettings(attempts=1))
    guard = Guard(bound, GuardServices(access, lambda source, state: None))
    for number, kind in enumerate((OutcomeKind.FOUND, OutcomeKind.INVALID)):
        question = Question(
            PermitByIin(), PermitQuery(iin=IIN), f"key{number}", (), "N-1", "test", monotonic() + 5, "p", "0", "a test"
        )
        assert (await guard.ask(question)).outcome.kind is kind
    assert guard.state().differences == {"List/*": 4}


def test_paths_of_a_source_are_bounded() -> None:
    """Beyond the first hundred they are one."""
    total = Notes()
    for number in range(3):
        total.add(Notes(unread=Counter({f"path{number}.{i}": 2 for i in range(50)})))
    assert len(total.unread) == MOST_OF_A_SOURCE + 1
    assert total.unread[OTHER] == 100


async def test_what_usually_comes_is_learned_told_and_recalled() -> None:
    """A key that is renamed is unknown; so it is after a restart, and a share that falls is told with its line."""

    async def access(rows: Sequence[AccessRow]) -> None:
        pass

    def guard(replies: list[Any]) -> Guard:
        wire = ScriptedWire(replies)
        bound = Bound("permits", "x", wire, GuardSettings(attempts=1))
        return Guard(bound, GuardServices(access, lambda source, state: None))

    async def ask(guard: Guard, number: int) -> Ended:
        deadline = monotonic() + 5
        query = PermitQuery(iin=IIN)
        question = Question(PermitByIin(), query, f"key{number}", (), "N-1", "test", deadline, "p", "0", "a test")
        return await guard.ask(question)

    def reply(**more: str) -> dict[str, Any]:
        return {"List": {"Permit": [{"Iin": IIN, **more}]}}

    first = guard([reply(Until="2030-01-01")] * 125 + [reply(Till="2030-01-01")])
    for number in range(125):
        assert (await ask(first, number)).outcome.kind is OutcomeKind.FOUND
    ended = await ask(first, 125)
    assert ended.provenance is not None
    assert ended.provenance.unknown == ["until"]
    (drift,) = first.state().drifts.items()
    assert drift[0] == "permits.permit/until"
    assert drift[1].beside == ("List/Permit/Till",)
    assert re.fullmatch(r"guards/test_guard_notes.py:\d+", drift[1].at)
    second = guard([reply(Till="2030-01-01")] * 2)
    second.recall(SOURCE.read(SOURCE.write(first.state())), {"permits.permit"}, {})
    for number in range(2):
        ended = await ask(second, number)
        assert ended.provenance is not None
        assert ended.provenance.unknown == ["until"]
    third = guard([reply()] * 100)
    third.recall(first.state(), {"permits.permit"}, {})
    for number in range(100):
        assert (await ask(third, number)).outcome.kind is OutcomeKind.FOUND
    (fell,) = third.state().drifts.values()
    assert fell.share is not None
    assert (fell.share[1], fell.at) == (0, drift[1].at)
    # A plugin that is broken at one start must not make what began to come usual; nothing is told of it until then.
    broken = guard([])
    broken.recall(third.state(), set(), {})
    assert (broken.state().usual, broken.state().drifts) == (third.state().usual, {})
    renamed = guard([])
    renamed.recall(broken.state(), {"permits.new"}, {"permits.permit": "permits.new"})
    assert renamed.state().usual == {"permits.new": third.state().usual["permits.permit"]}
