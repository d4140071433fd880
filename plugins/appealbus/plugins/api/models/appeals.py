"""What answers say of one appeal, and of appeals that are looked for."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

from appealbus.schemas.base import Model

_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL has no such character, and would not say whether it has such a text."""
ONE_OF = ("number", "message_id", "iin", "bin", "cadastral_number")
"""What a search has one of."""


class State(Model):
    """How an appeal stands."""

    id: str
    """By which it is asked for: opaque, and nobody can guess one."""
    number: str | None = None
    """Its registration number."""
    channel: str | None = None
    message_id: str | None = None
    """Of the message that it came by."""
    accepted_at: datetime
    state: str
    """`ready`, `in_work`, `parked`, `idle`, `suspect`, `held`."""
    changed_at: datetime | None = None
    """When it began to be so."""
    asked_again_at: datetime | None = None
    """When a parked one is worked on again."""
    version: int
    """Of the newest dossier that the client sees; 0: there is none yet."""
    completeness: str | None = None
    """Of that: `partial`, `complete` or `settled`."""
    kind: str | None = None
    place: str | None = None
    """By КАТО."""
    body: str | None = None
    """That it is written to: its БИН, else the КАТО of its territory."""
    due_on: date | None = None
    """The day set by law."""
    closed: str | None = None
    """With what kind of change it ended."""
    held_by: str | None = None
    held_reason: str | None = None
    waits_for: list[str] = Field(default_factory=list)
    """Sources that a parked one asks again."""
    lacks: list[str] = Field(default_factory=list)
    """Lookups that its contract wants and that are not loaded."""
    signal: str | None = None
    """The worst severity of its signals."""


class OneVersion(Model):
    """A version of a dossier in a list."""

    version: int
    created_at: datetime
    completeness: str | None = None


class Versions(Model):
    """The versions of a dossier that the client sees, oldest first."""

    versions: list[OneVersion]


class Operation(BaseModel):
    """A step of a patch."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: str
    value: Any = None
    from_: str | None = Field(default=None, alias="from")


class Patch(RootModel[list[Operation]]):
    """A JSON Patch (RFC 6902)."""


class Held(Model):
    """Who holds an appeal."""

    by: str | None = None
    reason: str | None = None
    since: datetime


class Missing(BaseModel):
    """What a dossier lacks, and why."""

    lookup: str
    outcome: str | None = None
    code: str | None = None
    reason: str | None = None
    next_attempt_at: datetime | None = None
    """Absent: nobody asks again by itself."""


class Why(Model):
    """What the newest version lacks."""

    number: str | None = None
    version: int | None = None
    completeness: str | None = None
    gaps: list[Missing]
    held: Held | None = None


class ExplainedField(Model):
    """A field with its trail."""

    path: str
    value: str | int | float | bool | None
    trail: dict[str, str]
    """Source, message, times, plugin, purpose, legal basis; of a gap its cause."""


class Explained(Model):
    """Where a field comes from, once for each record that has it."""

    fields: list[ExplainedField]


class CountedTerm(Model):
    """What one of those who count terms has to show."""

    name: str
    """`law` is the legal clock that ships."""
    proof: dict[str, Any] | None
    """As `appealbus term NUMBER --json` shows it; None: it has none."""


class Term(Model):
    """Until when an appeal has to be answered, and why."""

    number: str | None = None
    due_on: date | None = None
    """The day that the bus goes by: the register's own, else the earliest that is counted. Absent: nothing says so."""
    terms: list[CountedTerm] | None = None
    """Absent where the client's mask hides something that a term follows from."""


class Due(State):
    """An open appeal in a list of what falls due."""

    counted_on: date | None = None
    """Of one that moves: the day that is counted now; null: nothing says until when."""


class FallsDue(Model):
    """A page of open appeals, the most urgent first; those without a day come last."""

    appeals: list[Due]
    next: str | None = None
    """Where the next page begins; absent: this is the last one."""


class Compared(Model):
    """What one of those who compare appeals has to show."""

    name: str
    """`repeats` is the one that ships."""
    comparison: dict[str, Any] | None
    """As `appealbus repeats NUMBER --json` shows it, of what the client sees; None: it failed."""


class Repeats(Model):
    """Which other appeals are about the same, and what is new beside them."""

    number: str | None = None
    compared: list[Compared]
    """Empty where nobody compares."""


class Happened(Model):
    """An entry of the log."""

    position: int | None
    """None: it has none yet."""
    at: datetime
    what: str
    actor: str
    about: str
    """A lookup, a receiver, a channel or a source."""
    detail: dict[str, Any]


class History(Model):
    """What happened to an appeal."""

    entries: list[Happened]
    next: int | None = None
    """Where the next page begins; absent: this is the last one."""


class Search(Model):
    """What is looked for: one of `number`, `message_id`, `iin`, `bin` and `cadastral_number`."""

    number: str | None = Field(default=None, min_length=1, max_length=100, pattern=_NO_NUL)
    message_id: str | None = Field(default=None, min_length=1, max_length=200, pattern=_NO_NUL)
    channel: str | None = Field(default=None, min_length=1, max_length=100, pattern=_NO_NUL)
    """With `message_id`: the channel that it came by."""
    iin: str | None = Field(default=None, min_length=1, max_length=50)
    bin: str | None = Field(default=None, min_length=1, max_length=50)
    cadastral_number: str | None = Field(default=None, min_length=1, max_length=50)
    after: str | None = Field(default=None, min_length=1, max_length=100)
    """The `next` of the page before."""
    limit: int = Field(default=100, ge=1, le=100)
    """The most appeals."""


class Found(Model):
    """A page of appeals."""

    appeals: list[State]
    next: str | None = None
    """Where the next page begins; absent: this is the last one."""
