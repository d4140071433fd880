"""How one limit is divided among the workers that share it: arithmetic over what the journal has noted of each.

A place passes on in two steps. First its holder is told that it may use less; then, once it has said that it uses
less, the place is free and another one is told that it may use more. In between nobody uses it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from appealbus.core.domain.limits import Need, Share

_READY_PART = 8
"""An eighth of a limit stands ready with those who want nothing: a first call seldom needs more, and the busy hardly
miss it. Below eight for each worker it is nothing."""
_SILENT = timedelta(seconds=4)
"""Who has not renewed its lease for so long is dead or cut off: an idle worker does after three seconds at the latest,
and a second is left for an exchange that is slow."""


@dataclass(slots=True)
class Holding:
    """What the journal knows of one worker and a limit."""

    wanted: int
    held: int
    since: datetime
    """When it began to hold something, or to hold nothing."""
    until: datetime
    """When its lease ends."""


@dataclass(slots=True)
class Division:
    """One limit and the workers that share it."""

    limit: int
    turn: timedelta
    now: datetime
    lease: timedelta
    holdings: dict[str, Holding] = field(default_factory=dict)

    def settle(self, me: str, need: Need) -> Share:
        """Take a worker's need into account and return its share.

        What it may use is never more than what the others do not hold. What it holds is never less than what it may
        use by now and what it uses still.
        """
        mine = self.holdings.get(me)
        is_new = mine is None
        if mine is None:
            mine = self.holdings[me] = Holding(0, 0, self.now, self.now + self.lease)
        others = [name for name in self.holdings if name != me]
        mine.wanted = need.wanted
        targets = self.targets()
        free = self.limit - sum(self.holdings[name].held for name in others)
        usable = max(0, min(targets[me], free))
        held = max(usable, need.used if is_new else max(need.held, need.used))
        if (held > 0) != (mine.held > 0):
            mine.since = self.now
        mine.held = held
        lacking = any(self.holdings[name].held < targets[name] for name in others)
        return Share(
            usable=usable,
            counted=held,
            more_to_come=need.wanted > 0 and (usable < targets[me] or not usable),
            others_wait=lacking and held > targets[me],
            is_new=is_new,
        )

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
        """Rank first whose turn has not ended, then who has had nothing for longest, then those whose turn has."""
        if not holding.held:
            return 1, holding.since, name
        return 0 if self.now - holding.since < self.turn else 2, holding.since, name


def _by_possession(name: str, holding: Holding) -> tuple[int, str]:
    """Rank first who has most: where it does not come out even, what is left over stays where it is."""
    return -holding.held, name


def divide(limit: int, wants: Mapping[str, int]) -> dict[str, int]:
    """Divide a limit so that nobody could have more of what it wants without one that has less having less still.

    What nobody wants stands ready in equal parts, and so does up to an eighth of the limit with those who want
    nothing now: their first call need not wait. Where it does not come out even, the first ones have one more.
    """
    if not wants:
        return {}
    ready = limit // (_READY_PART * len(wants))
    least = {name: max(wanted, ready) for name, wanted in wants.items()}
    shares = dict.fromkeys(wants, 0)
    left = limit
    while left and (lacking := [name for name in wants if shares[name] < least[name]]):
        each, more = divmod(left, len(lacking))
        for place, name in enumerate(lacking):
            part = min(each + (not each and place < more), least[name] - shares[name])
            shares[name] += part
            left -= part
    each, more = divmod(left, len(wants))
    return {name: share + each + (place < more) for place, (name, share) in enumerate(shares.items())}
