"""How an earlier appeal stands: who considers or considered it, what came of it, and when."""

from dataclasses import dataclass
from datetime import date

from appealbus.core import Other
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.texts import normal
from appealbus.plugins.repeats.words import Came
from appealbus.schemas.appeal import Addressee, Appeal
from appealbus.schemas.change import AnswerResult, ChangeKind

_GOES_ON = (ChangeKind.DUE, ChangeKind.EXTENDED, ChangeKind.REDIRECTED)
DECIDED = frozenset({Came.SATISFIED, Came.PARTLY_SATISFIED, Came.REFUSED, Came.EXPLAINED, Came.TAKEN_NOTE})
"""It was answered on the matter."""
_CAME = {each.value: each for each in Came}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the end of an appeal.

    Attributes:
        came: what came of it; `open`: nothing yet, as far as the bus was told.
        day: of the answer, or of its end; in Kazakhstan.
        ground: the norm, as the register says it.
        reference: number or address of the answer.

    """

    came: Came
    day: date | None = None
    ground: str | None = None
    reference: str | None = None

    @property
    def decided(self) -> bool:
        """Whether it was answered, or the procedure terminated."""
        return self.came in DECIDED or self.came in (Came.TERMINATED, Came.ANSWERED)


def standing_of(other: Other) -> Standing:
    """Return how it stands by its changes, in the order in which they happened."""
    now = Standing(Came.OPEN)
    for kept in other.changes or ():
        change = kept.change
        day = change.answered_on or kept.dated_at.astimezone(KAZAKHSTAN).date()
        match change.kind:
            case ChangeKind.ANSWERED:
                now = Standing(_came(change.result), day, change.ground, change.reference)
            case ChangeKind.WITHDRAWN:
                now = Standing(Came.WITHDRAWN, day)
            case ChangeKind.CLOSED if now.came is Came.OPEN:  # else that is how the answered one is filed away
                now = Standing(Came.CLOSED, day)
            case kind if kind in _GOES_ON and not change.part:  # of a part it is another procedure
                now = Standing(Came.OPEN)
    return now


def _came(result: AnswerResult | None) -> Came:
    # An answer of which nobody says what it was, or a word of another release.
    return _CAME.get("" if result is None else result.value, Came.ANSWERED)


def body_of(appeal: Appeal) -> str | None:
    """Return the body that has it now, as its register calls it."""
    body = appeal.addressee
    return None if body is None else body.name or body.bin or None


def same_body(one: Appeal, other: Appeal) -> bool:
    """Whether two appeals are with the same body, by БИН, or else by its name."""
    mine, theirs = one.addressee or Addressee(), other.addressee or Addressee()
    if mine.bin and theirs.bin:
        return "".join(filter(str.isdigit, mine.bin)) == "".join(filter(str.isdigit, theirs.bin))
    return bool(mine.name) and normal(mine.name or "") == normal(theirs.name or "")
