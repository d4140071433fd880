"""What the workers of one journal tell each other about a source, and how a limit is divided among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from appealbus.core.domain.limits import Need, Share

_STANDING = 8
_SILENT = timedelta(seconds=4)


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
