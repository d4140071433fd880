"""What the API's JSON has; it is generated. What is hidden from the client, or unknown, is absent."""

from typing import Any, NotRequired, TypedDict


class State(TypedDict):
    """How an appeal stands."""

    id: str
    number: NotRequired[str]
    channel: NotRequired[str]
    message_id: NotRequired[str]
    accepted_at: str
    state: str
    changed_at: NotRequired[str]
    asked_again_at: NotRequired[str]
    version: int
    completeness: NotRequired[str]
    kind: NotRequired[str]
    place: NotRequired[str]
    body: NotRequired[str]
    due_on: NotRequired[str]
    closed: NotRequired[str]
    held_by: NotRequired[str]
    held_reason: NotRequired[str]
    waits_for: NotRequired[list[str]]
    lacks: NotRequired[list[str]]
    signal: NotRequired[str]
    counted_on: NotRequired[str | None]


class Version(TypedDict):
    """A version of a dossier in a list."""

    version: int
    created_at: str
    completeness: NotRequired[str]


class Gap(TypedDict):
    """What a dossier lacks, and why."""

    lookup: str
    outcome: NotRequired[str]
    code: NotRequired[str]
    reason: NotRequired[str]
    next_attempt_at: NotRequired[str]


class Held(TypedDict):
    """Who holds an appeal."""

    by: NotRequired[str]
    reason: NotRequired[str]
    since: str


class Why(TypedDict):
    """What the newest version lacks."""

    number: NotRequired[str]
    version: NotRequired[int]
    completeness: NotRequired[str]
    gaps: list[Gap]
    held: NotRequired[Held | None]


class Explained(TypedDict):
    """A field with its trail."""

    path: str
    value: str | int | float | bool | None
    trail: dict[str, str]


class CountedTerm(TypedDict):
    """What one of those who count terms has to show."""

    name: str
    proof: dict[str, Any] | None


class Term(TypedDict):
    """Until when an appeal has to be answered, and why."""

    number: NotRequired[str]
    due_on: NotRequired[str]
    terms: NotRequired[list[CountedTerm]]


class Compared(TypedDict):
    """What one of those who compare appeals has to show."""

    name: str
    comparison: dict[str, Any] | None


class Repeats(TypedDict):
    """Which other appeals are about the same, and what is new beside them."""

    number: NotRequired[str]
    compared: list[Compared]


class Happened(TypedDict):
    """An entry of the log."""

    position: int | None
    at: str
    what: str
    actor: str
    about: str
    detail: dict[str, Any]


class Reader(TypedDict):
    """Up to where a client has read the feed."""

    client: str
    cursor: str
    at: str
    lag: int


class Operation(TypedDict):
    """A step of a patch."""

    op: str
    path: str
    value: NotRequired[Any]


class SurgePart(TypedDict):
    """A series that stands out, too, since it may count the same appeals."""

    category: str
    place: str
    observed: int
    expected: float
    probability: float


class SharedBy(TypedDict):
    """What at least three of the appeals have in common."""

    kind: str
    value: str
    appeals: int


class Surge(TypedDict):
    """More appeals than the past of their series explains."""

    monday: str
    category: str
    name: str
    place: str
    observed: int
    expected: float
    bound: float
    probability: float
    method: str
    weeks: int
    compared: list[list[Any]]
    tested: int
    limit: float
    rate: float
    lasts: int
    also: list[SurgePart]
    shared: list[SharedBy]


class SurgeAlarm(Surge):
    """A surge of a week that is over, and what people did about it."""

    id: int
    raised_at: str
    told_at: NotRequired[str]
    taken_at: NotRequired[str]
    taken_by: NotRequired[str]
    taken_until: NotRequired[str]
    closed_at: NotRequired[str]
    closed_by: NotRequired[str]
    verdict: NotRequired[str]
    done: NotRequired[str]
    appeals: NotRequired[list[str]]


class SurgeWeek(TypedDict):
    """The last week that was judged."""

    monday: str
    tested: int
    limit: float
    alarms: list[SurgeAlarm]


class SurgeDay(TypedDict):
    """What is possible in the week that is under way; no alarm."""

    day: str
    passed: float
    calendar: str
    tested: int
    limit: float
    possible: list[Surge]


class SurgeRecord(TypedDict):
    """How alarms have turned out."""

    raised: int
    open: int
    closed: dict[str, int]
    precision: NotRequired[float]
    hours_to_react: NotRequired[float]


class Surges(TypedDict):
    """Of what more is written than its past explains. What is not watched, or not looked at yet, is absent."""

    week: NotRequired[SurgeWeek]
    day: NotRequired[SurgeDay]
    record: NotRequired[SurgeRecord]


class Limit(TypedDict):
    """How much the client may do."""

    requests_per_minute: int
    waiting: int


class Me(TypedDict):
    """The client itself."""

    name: str
    role: str
    actions: list[str]
    channel: NotRequired[str]
    places: list[str]
    kinds: list[str]
    mask: str
    hidden: list[str]
    purpose_needed: bool
    limits: Limit
