"""Learns the usual contents of a lookup's replies, to detect new or vanishing elements."""

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

ENOUGH = 20
"""Replies after which an unseen element counts as new. With less, rare elements look new."""
_MOST = 500
"""Most elements per lookup; beyond that, elements are never reported as new."""
_LOOK = 25
_BLOCK = 100
"""Replies compared with earlier ones, of which there must be as many."""
_LONG = 1000
"""Replies that a share remembers: older ones count half."""
_EXPECTED = 20
"""Expected occurrences that a fall requires; rarer fields may be absent by chance."""
_FALLEN = 10
"""A share has fallen if divided by this or more."""


@dataclass(slots=True)
class Fell:
    """A field in far fewer replies than before. `was` and `now` are percentages."""

    since: datetime
    replies: int
    was: int
    now: int
    at: str = ""


@dataclass(slots=True)
class Shares:
    """Frequencies of optional fields in replies to one kind of question.

    Attributes:
        replies: in the current block.
        told: occurrences in it, by field.
        newest: occurrences since the last check, by field.
        before: earlier replies and occurrences, by field.
    """

    replies: int = 0
    told: dict[str, int] = field(default_factory=dict)
    since: datetime | None = None
    newest: dict[str, int] = field(default_factory=dict)
    newest_since: datetime | None = None
    before: dict[str, tuple[int, int]] = field(default_factory=dict)
    fell: dict[str, Fell] = field(default_factory=dict)

    def count(self, names: Iterable[str], fields: Collection[str], now: datetime) -> None:
        self.since, self.newest_since = self.since or now, self.newest_since or now
        self.replies += 1
        for name in names:
            self.told[name] = self.told.get(name, 0) + 1
            self.newest[name] = self.newest.get(name, 0) + 1
        if not self.replies % _LOOK:
            self._look(fields, self.since, self.newest_since)
            self.newest, self.newest_since = {}, None

    def _look(self, fields: Collection[str], block_since: datetime, newest_since: datetime) -> None:
        """Check the newest replies alone if there are enough: a block's good start would hide a fall."""
        is_over = self.replies >= _BLOCK
        before: dict[str, tuple[int, int]] = {}
        for name in fields:
            of, had = before[name] = self.before.get(name, (0, 0))
            replies, count, since = self.replies, self.told.get(name, 0), block_since
            if _LOOK * had >= _EXPECTED * of:
                replies, count, since = _LOOK, self.newest.get(name, 0), newest_since
            begun = self.fell.get(name)
            if begun is not None:
                begun.replies += _LOOK
            if of >= _BLOCK and replies * had >= _EXPECTED * of:
                if _FALLEN * count * of > replies * had:
                    self.fell.pop(name, None)
                elif begun is None:
                    self.fell[name] = Fell(since, replies, 100 * had // of, 100 * count // replies)
                else:
                    begun.now = 100 * count // replies
            if is_over and name not in self.fell:
                of, had = of + self.replies, had + self.told.get(name, 0)
                before[name] = (of // 2, had // 2) if of > _LONG else (of, had)
        self.fell = {name: fell for name, fell in self.fell.items() if name in before}
        self.before = before
        if is_over:
            self.replies, self.told, self.since = 0, {}, None


@dataclass(slots=True)
class Usual:
    """Usual contents of a lookup's replies.

    Attributes:
        beside: undeclared paths, with declared names seen beside them.
        new: paths that appeared after many replies.
    """

    replies: int = 0
    beside: dict[str, frozenset[str]] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    shares: dict[str, Shares] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return self.replies >= ENOUGH

    def is_new(self, path: str) -> bool:
        return self.is_known and (path in self.new or path not in self.beside)

    def may_be_new(self, path: str) -> bool:
        """Whether it is new, or unknown for lack of replies."""
        return self.is_new(path) or not self.is_known

    def learn(self, beside: Mapping[str, set[str]]) -> None:
        more = {path: self.beside[path] | names for path, names in beside.items() if path in self.beside}
        more = {path: names for path, names in more.items() if names != self.beside[path]}
        first = islice((path for path in beside if path not in self.beside), max(_MOST - len(self.beside), 0))
        came = {path: frozenset(beside[path]) for path in first}
        if more or came:  # what snapshots have stays as it was
            self.beside = self.beside | more | came
        if came and self.is_known:
            self.new = self.new.union(came)
        self.replies += 1

    def snapshot(self) -> "Usual":
        """Return a snapshot; the elements, maybe many, are shared instead of copied."""
        return replace(self, shares=deepcopy(self.shares))

    def __add__(self, other: "Usual") -> "Usual":
        """Merge the data of two workers: both share a history, so the one with more replies wins."""
        most = max(self, other, key=lambda usual: usual.replies)
        paths = self.beside.keys() | other.beside.keys()
        none = frozenset[str]()
        beside = {path: self.beside.get(path, none) | other.beside.get(path, none) for path in sorted(paths)[:_MOST]}
        return Usual(most.replies, beside, self.new | other.new, most.shares)
