"""An operation in words: action, selection, progress and failures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from appealbus.core import AppealState
from appealbus.core.management.operations import ItemResult, Operation, OperationRow
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.operations.carrying import Carrying
from appealbus.plugins.console.words import Words, said
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.signal import Severity

view = View("operations", "Operations", path="/operations", needs=Action.OPERATE)

_MOVES = timedelta(seconds=20)
"""An operation without progress for this long has no server: a part takes milliseconds."""
DOES: Mapping[str, str] = {
    Operation.RETRY: said("Ask again what is lacking"),
    Operation.REFRESH: said("Ask everything again"),
    Operation.ASSESS: said("Assess again"),
    Operation.HOLD: said("Hold"),
    Operation.RELEASE: said("Release"),
    Operation.RESEND: said("Deliver again"),
    Operation.HISTORY: said("Hand over earlier versions"),
}
OF_APPEALS = (Operation.RETRY, Operation.REFRESH, Operation.ASSESS, Operation.HOLD, Operation.RELEASE)
VERDICTS: Mapping[str, str] = {
    ItemResult.DONE: said("done"),
    ItemResult.IN_WORK: said("refused: a worker has it right now"),
    ItemResult.HELD: said("refused: it is held"),
    ItemResult.NOT_HELD: said("refused: it is not held"),
    ItemResult.NOTHING: said("nothing to do"),
    ItemResult.NEWER: said("left out: the receiver has a newer version"),
    ItemResult.GONE: said("gone meanwhile"),
}
_PARTS: Mapping[str, str] = {
    "state": said("State"),
    "kind": said("Kind"),
    "place": said("Place, by КАТО"),
    "body": said("Body, by БИН or КАТО"),
    "signal": said("Worst signal"),
    "receiver": said("Receiver"),
    "source": said("Waits for source"),
    "code": said("Code of an outcome"),
    "completeness": said("Dossier"),
    "lacking": said("a lookup is not loaded"),
    "unassessed": said("an assessor raised"),
    "misdated": said("a date is implausible or cannot be read"),
    "due_from": said("Due from"),
    "due_before": said("Due before"),
    "accepted_before": said("Accepted before"),
    "since": said("Confirmed from"),
    "until": said("Confirmed before"),
    "named": said("Name what was searched for"),
    "within": said("Within own places and kinds"),
}
_WORDS: Mapping[str, Any] = {"state": AppealState, "kind": AppealKind, "signal": Severity, "completeness": Completeness}


@dataclass(frozen=True, slots=True)
class OperationView:
    row: OperationRow
    state: str
    """`finished`, `stopped`, `moves` or `stands`."""

    @property
    def moves(self) -> bool:
        return self.state == "moves"

    @property
    def badge(self) -> tuple[str, str]:
        return {
            "finished": (said("finished"), "good"),
            "stopped": (said("stopped"), "warn"),
            "moves": (said("under way"), "calm"),
            "stands": (said("interrupted"), "bad"),
        }[self.state]

    @property
    def verdicts(self) -> list[tuple[ItemResult, str, int]]:
        return [
            (ItemResult(verdict), VERDICTS[verdict], self.row.verdicts[verdict])
            for verdict in VERDICTS
            if verdict in self.row.verdicts
        ]


def sight_of(page: Page, row: OperationRow) -> OperationView:
    if row.ended_at is not None:
        return OperationView(row, "finished")
    if row.stopped_by:
        return OperationView(row, "stopped")
    moves = Carrying.of(page).has(row.hash) or page.journal.now() - row.moved_at < _MOVES
    return OperationView(row, "moves" if moves else "stands")


def selected_by(words: Words, told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in _PARTS.items():
        if name in told:
            yield words.say(label), _value(words, name, str(told[name]))


def _value(words: Words, name: str, value: str) -> str:
    if name in _WORDS:
        return ", ".join(words.word(_WORDS[name](each)) for each in value.split(","))
    if name in ("due_from", "due_before"):
        return words.day(date.fromisoformat(value))
    if name in ("accepted_before", "since", "until"):
        return words.moment(datetime.fromisoformat(value), seconds=False)
    return words.say("yes") if name in ("lacking", "unassessed", "misdated", "named", "within") else value
