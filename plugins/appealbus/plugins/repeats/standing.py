"""How an earlier appeal stands: who considers or considered it, what came of it, and when."""

from dataclasses import dataclass
from datetime import date

from appealbus.core import Other
from appealbus.core.texts import normal
from appealbus.plugins.repeats.words import Came
from appealbus.plugins.terms.story import Body, rebuild
from appealbus.schemas.appeal import Addressee, Appeal

_DECIDED = frozenset(
    {
        *(Came.SATISFIED, Came.PARTLY_SATISFIED, Came.REFUSED, Came.EXPLAINED, Came.TAKEN_NOTE),
        *(Came.TERMINATED, Came.ANSWERED),
    }
)


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
        return self.came in _DECIDED


def standing_of(other: Other) -> Standing:
    """Return how it stands by its changes: in the consideration that counts now, as its term is counted."""
    changes = other.changes or ()
    arrived = other.accepted_at or min((each.dated_at for each in changes), default=None)
    if arrived is None:
        return Standing(Came.OPEN)
    now = rebuild(arrived, Body.of(other.appeal.addressee), changes).last
    if now.decision is None:
        return Standing(Came.OPEN)
    day, change = now.decision
    return Standing(Came(now.outcome.value), day, change.ground, change.reference)


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
