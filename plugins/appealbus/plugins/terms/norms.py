"""Norms: legal terms as dated data."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field, model_validator

from appealbus.core import ConfigError
from appealbus.core.clocks import KAZAKHSTAN, day_of
from appealbus.plugins.terms.calendar import Calendar, named, raw_of, read
from appealbus.plugins.terms.citing import ActName, Amended, Cited, CitedPlace, cite, source
from appealbus.plugins.terms.words import Actor, Assumption, Duty
from appealbus.schemas import AppealKind
from appealbus.schemas.appeal import Addressee
from appealbus.schemas.base import Day, Model, Text

GENERAL = AppealKind.APPLICATION
"""Kind whose term applies if an appeal has no kind, or its kind has no norm: art. 76, unless a law says otherwise."""
_DIGEST = 8


class Unit(StrEnum):
    WORKING = "working"
    CALENDAR = "calendar"
    MONTHS = "months"


class Start(StrEnum):
    SAME_DAY = "same_day"
    NEXT_DAY = "next_day"
    BEFORE = "before"
    """None: counted back from the end of another term."""


class Norm(Model):
    """What one article gives a term."""

    id: Text
    what: Duty
    kinds: list[AppealKind] = Field(default_factory=list)
    """Of appeals; none: all."""
    level: Text = ""
    """Of the body: `central` or `local`; empty: any."""
    act: ActName | None = None
    cites: list[CitedPlace] = Field(default_factory=list)
    """Of the act: from these `article` and `source` follow in both languages."""
    amended: Amended | None = None
    article: Text = ""
    """As it is cited in Russian, of what is in no act that the bus knows."""
    article_kk: Text = ""
    source: Text = ""
    source_kk: Text = ""
    since: Day = Field(alias="from")
    until: Day | None = None
    """The last day of registration for which it counts; absent: it is in force."""
    days: int = Field(ge=1, le=366)
    unit: Unit
    start: Start
    extend_months: int | None = Field(default=None, ge=0, le=12)
    """How much longer a decision may make it; 0: none may; absent: that was not read."""
    least_term: int = 0
    """Of `preliminary`: the shortest term, in working days, that asks for it."""
    who: Actor = Actor.BODY
    assumed: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_cited(self) -> "Norm":
        sourced = bool(self.article and self.source)
        if bool(self.cites) != (self.act is not None) or bool(self.cites) == sourced or (self.cites and self.article):
            raise ValueError("a norm names an `act` with what it `cites`, or else its `article` and `source`")
        return self

    @cached_property
    def cited(self) -> Cited:
        if self.act is not None:
            return cite(self.act, self.cites)
        return Cited(self.article, self.article_kk)

    @cached_property
    def read_in(self) -> Cited:
        if self.act is not None:
            return source(self.act, self.amended)
        return Cited(self.source, self.source_kk)

    def counts(self, day: date, kind: AppealKind | None, level: str) -> bool:
        """Whether the norm applies to a kind of appeal, registered on a day by a body of a level."""
        in_force = self.since <= day and (self.until is None or day <= self.until)
        return in_force and (not self.kinds or kind in self.kinds) and self.level in ("", level)

    def last_day(self, first: date, calendar: Calendar) -> date:
        """Return the last day of a term that begins on a day, before it is moved to a working day."""
        match self.unit:
            case Unit.WORKING:
                return calendar.nth(first, self.days)
            case Unit.CALENDAR:
                return first + timedelta(days=self.days - 1)
            case Unit.MONTHS:
                return months_later(first - timedelta(days=1), self.days)

    def first_day(self, day: date) -> date:
        """Return the first counted day of a term after an event on a day."""
        return day + timedelta(days=1) if self.start is Start.NEXT_DAY else day


class Doubt(Model):
    """What is in doubt for all that was registered on some days."""

    since: Day = Field(alias="from")
    until: Day
    assumed: Text


class NormsFile(Model):
    """A file of norms."""

    version: Text
    day_ends: time
    day_ends_source: Text
    day_ends_assumed: Text = ""
    doubts: list[Doubt] = Field(default_factory=list)
    norms: list[Norm]


@dataclass(frozen=True)
class Norms:
    version: str
    day_ends: time
    """An appeal at or after this time is registered on the next working day."""
    day_ends_assumed: str
    norms: tuple[Norm, ...]
    doubts: tuple[Doubt, ...] = ()

    @cached_property
    def _by_kind(self) -> dict[tuple[Duty, AppealKind | None], list[Norm]]:
        kinds: list[AppealKind | None] = [*AppealKind, None]
        return {
            (what, kind): [norm for norm in self.norms if norm.what is what and (not norm.kinds or kind in norm.kinds)]
            for what in Duty
            for kind in kinds
        }

    def doubted(self, day: date) -> list[str]:
        return [doubt.assumed for doubt in self.doubts if doubt.since <= day <= doubt.until]

    def find(self, what: Duty, day: date, kind: AppealKind | None = None, level: str = "") -> Norm | None:
        for norm in self._by_kind.get((what, kind), ()):
            if norm.counts(day, kind, level):
                return norm
        return None

    def term(self, day: date, kind: AppealKind | None, level: str) -> tuple[Norm | None, str]:
        """Return the norm for the answer, and the assumption behind the choice."""
        norm = self.find(Duty.TERM, day, kind, level)
        if norm is not None:
            return norm, ""
        return self.find(Duty.TERM, day, GENERAL, level), Assumption.NO_KIND


@dataclass(frozen=True)
class Law:
    norms: Norms
    calendar: Calendar

    @property
    def hash(self) -> str:
        """Digest of norms, calendar and end of the working day, short enough to copy."""
        said = f"{self.norms.version}\n{self.norms.day_ends}\n{self.calendar.version}"
        return hashlib.sha256(said.encode()).hexdigest()[:_DIGEST]

    @cached_property
    def _due(self) -> Callable[[AppealKind | None, str, date], date | None]:
        @lru_cache(maxsize=4096)  # those who come together were registered on few days
        def due(kind: AppealKind | None, level: str, registered: date) -> date | None:
            norm, _ = self.norms.term(registered, kind, level)
            return None if norm is None else self.end_of(norm, registered)

        return due

    def due_of(self, kind: AppealKind | None, level: str, arrived: datetime) -> date | None:
        """Return the due date of an appeal known only by its arrival; None if no norm applies."""
        return self._due(kind, level, self.registered_on(arrived))

    def end_of(self, norm: Norm, day: date) -> date:
        """Return the last day of a duty after an event on a day (art. 76 ¶5)."""
        self.calendar.check(day)
        return self.calendar.next_working(norm.last_day(norm.first_day(day), self.calendar))

    def registered_on(self, moment: datetime) -> date:
        """Return the day of registration for a moment (art. 64 ¶3)."""
        try:
            late = moment.astimezone(KAZAKHSTAN).time() >= self.norms.day_ends
            day = day_of(moment) + timedelta(days=late)
        except OverflowError:
            day = day_of(moment)
        return self.calendar.next_working(day)


def level_of(addressee: Addressee | None) -> str:
    """Return `local` for a body with a territory, else `central`."""
    return "local" if addressee is not None and addressee.kato else "central"


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day if the month is shorter."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day.day, (following - timedelta(days=1)).day))


def load_norms(path: Path | None = None, day_ends: time | None = None) -> Norms:
    """Load norms, by default those that ship; raise ConfigError if they are unreadable or overlap.

    `day_ends` overrides the end of the working day in the file.
    """
    raw = raw_of(path, "norms.toml")
    file: NormsFile = read(NormsFile, raw, path)
    with named(path):
        _refuse_doubles(file.norms)
    version = f"{file.version} ({hashlib.sha256(raw).hexdigest()[:_DIGEST]})"
    assumed = file.day_ends_assumed if day_ends is None else ""
    return Norms(version, day_ends or file.day_ends, assumed, tuple(file.norms), tuple(file.doubts))


def _refuse_doubles(norms: Iterable[Norm]) -> None:
    seen: list[Norm] = []
    for norm in norms:
        for other in seen:
            apart = (other.until is not None and other.until < norm.since) or (
                norm.until is not None and norm.until < other.since
            )
            kinds = not norm.kinds or not other.kinds or set(norm.kinds) & set(other.kinds)
            levels = "" in (norm.level, other.level) or norm.level == other.level
            if norm.id == other.id or (norm.what is other.what and kinds and levels and not apart):
                raise ConfigError(f"the norms {other.id!r} and {norm.id!r} count at once; end one before the other")
        seen.append(norm)
