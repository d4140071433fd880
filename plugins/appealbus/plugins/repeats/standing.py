"""Status of an earlier appeal: body, result and date."""

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
class AppealResult:
    """Result of an appeal, as far as known.

    Attributes:
        came: result; `open`: none was reported.
        day: of the answer or of the end, in Kazakhstan.
        ground: the norm, as the register has it.
        reference: number or address of the answer.
    """

    came: Came
    day: date | None = None
    ground: str | None = None
    reference: str | None = None

    @property
    def decided(self) -> bool:
        return self.came in _DECIDED


def standing_of(other: Other) -> AppealResult:
    """Derive the status from the changes, for the same consideration as the term."""
    changes = other.changes or ()
    arrived = other.accepted_at or min((entry.dated_at for entry in changes), default=None)
    if arrived is None:
        return AppealResult(Came.OPEN)
    now = rebuild(arrived, Body.of(other.appeal.addressee), changes).last
    if now.decision is None:
        return AppealResult(Came.OPEN)
    day, change = now.decision
    return AppealResult(Came(now.outcome.value), day, change.ground, change.reference)


def body_of(appeal: Appeal) -> str | None:
    body = appeal.addressee
    return None if body is None else body.name or body.bin or None


def same_body(one: Appeal, other: Appeal) -> bool:
    """Whether both appeals are with the same body: by БИН, else by name."""
    ours, theirs = one.addressee or Addressee(), other.addressee or Addressee()
    if ours.bin and theirs.bin:
        return "".join(filter(str.isdigit, ours.bin)) == "".join(filter(str.isdigit, theirs.bin))
    return bool(ours.name) and normal(ours.name or "") == normal(theirs.name or "")
