"""What replies to a lookup usually hold, learned from those that came: what begins or ceases to come is news."""

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

ENOUGH = 20
"""Replies after which an element that has not come yet is new. With less, what comes seldom would be taken for new."""
_MOST = 500
"""Elements of one lookup that are remembered; of more nobody knows whether they are usual, so they are not."""
_LOOK = 25
"""Replies after which shares are looked at."""
_BLOCK = 100
"""Replies that are compared with those before them; as many must have come before."""
_LONG = 1000
"""Replies of which a share is remembered: older ones count half."""
_EXPECTED = 20
"""Times that a field must have been expected: what is told more seldom may be absent that long by chance."""
_FALLEN = 10
"""A share has fallen that is this part of what it was, or less."""


@dataclass(slots=True)
class Fell:
    """That a field is told far more seldom than before.

    Attributes:
        since: when the first of the replies came that were compared.
        replies: how many have come since.
        was: percent of the replies that told it before.
        now: percent that do now.
        at: where the plugin declares it.

    """

    since: datetime
    replies: int
    was: int
    now: int
    at: str = ""


@dataclass(slots=True)
class Shares:
    """How often replies to one kind of question tell each optional field.

    Attributes:
        replies: of the block that is being counted.
        told: by field, how many of them told it.
        since: when its first came.
        newest: by field, how many replies told it since shares were last looked at.
        newest_since: when the first of these came.
        before: by field, replies before it, and how many told it.
        fell: fields whose share has fallen.

    """

    replies: int = 0
    told: dict[str, int] = field(default_factory=dict)
    since: datetime | None = None
    newest: dict[str, int] = field(default_factory=dict)
    newest_since: datetime | None = None
    before: dict[str, tuple[int, int]] = field(default_factory=dict)
    fell: dict[str, Fell] = field(default_factory=dict)

    def count(self, told: Iterable[str], fields: Collection[str], now: datetime) -> None:
        """Count a reply that told these of the fields."""
        self.since, self.newest_since = self.since or now, self.newest_since or now
        self.replies += 1
        for name in told:
            self.told[name] = self.told.get(name, 0) + 1
            self.newest[name] = self.newest.get(name, 0) + 1
        if not self.replies % _LOOK:
            self._look(fields, self.since, self.newest_since)
            self.newest, self.newest_since = {}, None

    def _look(self, fields: Collection[str], block_since: datetime, newest_since: datetime) -> None:
        """Look at the newest replies alone where they are enough: a block that began well would hide a fall."""
        is_over = self.replies >= _BLOCK
        before: dict[str, tuple[int, int]] = {}
        for name in fields:
            of, had = before[name] = self.before.get(name, (0, 0))
            replies, told, since = self.replies, self.told.get(name, 0), block_since
            if _LOOK * had >= _EXPECTED * of:
                replies, told, since = _LOOK, self.newest.get(name, 0), newest_since
            begun = self.fell.get(name)
            if begun is not None:
                begun.replies += _LOOK
            if of >= _BLOCK and replies * had >= _EXPECTED * of:
                if _FALLEN * told * of > replies * had:
                    self.fell.pop(name, None)
                elif begun is None:
                    self.fell[name] = Fell(since, replies, 100 * had // of, 100 * told // replies)
                else:
                    begun.now = 100 * told // replies
            if is_over and name not in self.fell:
                of, had = of + self.replies, had + self.told.get(name, 0)
                before[name] = (of // 2, had // 2) if of > _LONG else (of, had)
        self.fell = {name: each for name, each in self.fell.items() if name in before}
        self.before = before
        if is_over:
            self.replies, self.told, self.since = 0, {}, None


@dataclass(slots=True)
class Usual:
    """What replies to one lookup usually hold.

    Attributes:
        replies: how many there were.
        beside: by path of an element that nobody declares, names of declared ones that were told beside it.
        new: paths of those that began to come when many replies were there.
        shares: by kind of question, how often fields are told.

    """

    replies: int = 0
    beside: dict[str, frozenset[str]] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    shares: dict[str, Shares] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether enough replies have come to say what usually does."""
        return self.replies >= ENOUGH

    def is_new(self, path: str) -> bool:
        """Say whether an element that nobody declares has begun to come."""
        return self.is_known and (path in self.new or path not in self.beside)

    def may_be_new(self, path: str) -> bool:
        """Say whether it has begun to come, or nobody knows yet."""
        return self.is_new(path) or not self.is_known

    def learn(self, beside: Mapping[str, set[str]]) -> None:
        """Take in what a reply held."""
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
        """Return what is known now: of the elements, of which there may be many, no copy is made."""
        return replace(self, shares=deepcopy(self.shares))

    def __add__(self, other: "Usual") -> "Usual":
        """Return what two workers know: both went on from the same, so the one with more replies counts."""
        most = max(self, other, key=lambda each: each.replies)
        paths = self.beside.keys() | other.beside.keys()
        none = frozenset[str]()
        beside = {path: self.beside.get(path, none) | other.beside.get(path, none) for path in sorted(paths)[:_MOST]}
        return Usual(most.replies, beside, self.new | other.new, most.shares)
