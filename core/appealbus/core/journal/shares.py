"""What the workers of one journal tell each other about a source, and how a limit is divided among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

_STANDING = 8
_SILENT = timedelta(seconds=4)


class Probe(StrEnum):
    """Who finds out whether a source is back."""

    NOBODY = "nobody"
    MINE = "mine"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Need:
    """What one worker has and wants of a limit.

    Attributes:
        limit: what all workers may have together.
        held: until it hears more, the worker uses no more than this, or than `used` where that is more.
        used: what it uses now.
        wanted: what it could use.
        turn: seconds that it may keep what it has, where the limit is smaller than the number of those who want.

    """

    limit: int
    held: int
    used: int
    wanted: int
    turn: float


@dataclass(frozen=True, slots=True)
class BreakerNews:
    """What one worker has seen of a source since its last report.

    Attributes:
        era: the state that this is about; news of an earlier one says nothing about the source as it is now.
        failures: system failures since the last answer.
        succeeded: whether there was an answer, before those failures.
        asks: whether a question stands ready to be the probe.
        dropped: whether its probe ended without a verdict.

    """

    era: int = 0
    failures: int = 0
    succeeded: bool = False
    asks: bool = False
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How one worker stands with a source.

    Attributes:
        source: its name.
        lease: seconds until the others may have what this worker holds, if it is not heard of.
        calls: its need of calls in flight.
        parts: its need of the rate, in parts: each is a bucket for one token, `burst` of them together are the rate.
        rate: tokens a second of all parts together.
        returned: tokens that it had and gave up.
        news: for the breaker.
        breaker_failures: failures in a row that open the breaker.
        breaker_open: seconds for which it refuses.

    """

    source: str
    lease: float
    calls: Need
    parts: Need | None
    rate: float
    returned: float
    news: BreakerNews
    breaker_failures: int
    breaker_open: float


@dataclass(frozen=True, slots=True)
class Share:
    """What a worker may use of a limit.

    Attributes:
        usable: so much from now on.
        recorded: what the others count as its own.
        owed: whether others still hold what is to be this worker's.
        owes: whether others wait for what this worker still holds.
        anew: whether nothing was counted as its own before.

    """

    usable: int
    recorded: int
    owed: bool
    owes: bool
    anew: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a source stands for one worker, after its report.

    Attributes:
        calls: its share of the calls in flight.
        parts: its share of the rate.
        tokens: that come with it.
        era: grows with each change of the breaker.
        failures: system failures in a row.
        opens_in: seconds until a probe may pass, 0 or less if it may now; None while the breaker is closed.
        probe: who probes.
        lease: seconds until the others may have what it holds.

    """

    calls: Share
    parts: Share | None
    tokens: float
    era: int
    failures: int
    opens_in: float | None
    probe: Probe
    lease: float


@dataclass(slots=True)
class Holding:
    """What the journal knows of one worker and a limit."""

    wanted: int
    held: int
    since: datetime
    """When it began to hold something, or to hold nothing."""
    until: datetime


@dataclass(slots=True)
class Division:
    """One limit and the workers that share it."""

    limit: int
    turn: timedelta
    now: datetime
    lease: timedelta
    holdings: dict[str, Holding] = field(default_factory=dict)

    def targets(self) -> dict[str, int]:
        """Return what each worker should have; together that is never more than the limit.

        Who has not been heard of for a while gets nothing more; what it holds is free once its lease ends, and till
        then the others divide the rest: or one of them would have it all, and who came for the dead one nothing.
        """
        heard = {name: each for name, each in self.holdings.items() if each.until > self.now + self.lease - _SILENT}
        left = max(0, self.limit - sum(each.held for name, each in self.holdings.items() if name not in heard))
        wanting = sum(each.wanted > 0 for each in heard.values())
        rank = self._by_turn if wanting > left else _by_possession
        wants = {name: heard[name].wanted for name in sorted(heard, key=lambda name: rank(name, heard[name]))}
        return dict.fromkeys(self.holdings, 0) | divide(left, wants)

    def _by_turn(self, name: str, holding: Holding) -> tuple[int, datetime, str]:
        if not holding.held:
            return 1, holding.since, name
        return 0 if self.now - holding.since < self.turn else 2, holding.since, name

    def settle(self, me: str, need: Need) -> Share:
        """Take a worker's need into account and return its share."""
        mine = self.holdings.get(me)
        anew = mine is None
        if mine is None:
            mine = self.holdings[me] = Holding(0, 0, self.now, self.now + self.lease)
        promised = need.used if anew else max(need.held, need.used)
        mine.wanted = need.wanted
        targets = self.targets()
        free = self.limit - sum(each.held for name, each in self.holdings.items() if name != me)
        usable = max(0, min(targets[me], free))
        held = max(promised, usable)
        if (held > 0) != (mine.held > 0):
            mine.since = self.now
        mine.held = held
        others = (name for name in self.holdings if name != me)
        lacking = any(self.holdings[name].held < targets[name] for name in others)
        owed = need.wanted > 0 and (usable < targets[me] or not usable)
        return Share(usable, held, owed, owes=lacking and held > targets[me], anew=anew)


def _by_possession(name: str, holding: Holding) -> tuple[int, str]:
    return -holding.held, name


def divide(limit: int, wants: Mapping[str, int]) -> dict[str, int]:
    """Divide a limit so that nobody could have more of what it wants without one that has less having less still.

    What nobody wants stands ready in equal parts, and so does up to an eighth of the limit with those who want
    nothing now: their first call need not wait. Where it does not come out even, the first ones have one more.
    """
    shares = dict.fromkeys(wants, 0)
    if not wants:
        return shares
    standing = limit // (_STANDING * len(wants))
    least = {name: max(wanted, standing) for name, wanted in wants.items()}
    left = limit
    while left and (lacking := [name for name in wants if shares[name] < least[name]]):
        each, more = divmod(left, len(lacking))
        for place, name in enumerate(lacking):
            part = min(each + (not each and place < more), least[name] - shares[name])
            shares[name] += part
            left -= part
    each, more = divmod(left, len(wants))
    return {name: share + each + (place < more) for place, (name, share) in enumerate(shares.items())}
