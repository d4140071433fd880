"""Masks: the visible fields of a dossier, the numbers hidden in its texts, and the defaults of roles."""

import pickle
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

from appealbus.core.domain.client import Role
from appealbus.core.rights import identifiers
from appealbus.core.rights.fields import number_fields
from appealbus.core.rights.identifiers import KINDS, Effort
from appealbus.core.rights.paths import PARTS, Path, Pattern, Rules, Steps, is_one, remember, steps_of

_ALL = Pattern.parse("*")
_LEAST = 10**8
"""Smallest value of a personal number without leading zeros: its third and fourth digits are a month."""


@dataclass(frozen=True)
class Mask:
    """A mask, as declared in a policy.

    Attributes:
        shows: visible paths; all others are hidden.
        hides: hidden paths; they take precedence.
        identifiers: kinds of numbers (`iin`, `bin`, `cadastral_number`) hidden in any place.
        process: whether to show the outcomes and times of questions that rest on hidden fields, and the hidden fields
            with warnings. They can disclose whether a hidden field has a value, and when it changed.
        comparing: assessors whose signals are hidden, since they disclose other appeals.
    """

    name: str
    shows: Sequence[Pattern] = (_ALL,)
    hides: Sequence[Pattern] = ()
    identifiers: Sequence[str] = ()
    process: bool = False
    comparing: Sequence[str] = ()

    @cached_property
    def rules(self) -> Rules:
        return Rules(tuple(self.shows), (*self.hides, *number_fields(frozenset(self.identifiers))))

    @cached_property
    def _named(self) -> frozenset[str]:
        """All steps in its paths."""
        return frozenset({"", *(step for rule in (*self.rules.shows, *self.rules.hides) for step in rule.rest)})

    @cached_property
    def written(self) -> bytes:
        """A serialized form that is unique for each mask."""
        return pickle.dumps(replace(self))  # without what is cached

    @property
    def plain(self) -> bool:
        """Whether it hides nothing."""
        return (
            not self.hides
            and not self.identifiers
            and not self.comparing
            and any(show.text == "*" for show in self.shows)
        )

    @cached_property
    def hidden_rules(self) -> list[str]:
        """The hiding rules, for viewers. They are the same for all dossiers."""
        shown = [show.text for show in self.shows]
        besides = [] if "*" in shown else [f"all but {', '.join(shown)}" if shown else "all"]
        return [
            *besides,
            *(hide.text for hide in self.hides),
            *(f"each {kind}" for kind in self.identifiers),
            *(f"signals of {name}" for name in self.comparing),
        ]

    def hidden(self, path: Path) -> bool:
        """Whether the whole path is hidden."""
        known = self._hidden.get(path)
        if known is None:
            numbers = bool(self.identifiers) and is_one(path[1], self.identifiers)
            known = numbers or self.rules.hidden(path) or (path[0] == "completeness" and not self._shows_completeness)
            remember(self._hidden, path, known)
        return known

    def whole(self, path: Path) -> bool:
        """Whether the path and everything below it are visible, except for numbers in texts."""
        known = self._whole.get(path)
        if known is None:
            known = self.rules.whole(path) and not self.hidden(path)
            remember(self._whole, path, known)
        return known

    def shows_value(self, path: Path) -> bool:
        """Whether a single value at the path is visible, regardless of numbers in it; False if a rule goes deeper."""
        known = self._values.get(path)
        if known is None:
            known = Rules(self.shows, self.hides).whole(path) and not self.hidden(path)
            remember(self._values, path, known)
        return known

    @cached_property
    def _hidden(self) -> dict[Path, bool]:
        return {}

    @cached_property
    def _whole(self) -> dict[Path, bool]:
        return {}

    @cached_property
    def _values(self) -> dict[Path, bool]:
        return {}

    def shows_lookup(self, lookup: str) -> bool:
        """Whether the questions of a lookup and their outcomes are visible."""
        return not self.hidden((lookup, ()))

    def hides_of(self, lookup: str) -> bool:
        """Whether any part of the lookup's records may be hidden."""
        return bool(self.identifiers) or not self.whole((lookup, ()))

    @cached_property
    def hides_of_appeal(self) -> bool:
        """Whether any part of an appeal may be hidden."""
        return bool(self.identifiers) or not self.whole(("appeal", ()))

    @cached_property
    def hides_values(self) -> bool:
        """Whether any input of questions is hidden."""
        of_records = any(hide.text.partition(".")[0] not in PARTS for hide in self.hides)
        return self.hides_of_appeal or of_records or "*" not in [show.text for show in self.shows]

    @cached_property
    def shows_plan(self) -> bool:
        """Whether the plan for the kind of appeal is visible."""
        return self.process or not self.hidden(("appeal", ("kind",)))

    @cached_property
    def shows_lookups(self) -> bool:
        """Whether no lookup is completely hidden: overall progress would disclose it."""
        hidden = any(not hide.rest and hide.text.partition(".")[0] not in PARTS for hide in self.hides)
        return not hidden and any(show.text in ("*", "*.*") for show in self.shows)

    @property
    def _shows_completeness(self) -> bool:
        """Whether everything that completeness derives from is visible: the plan, and the outcome of each lookup."""
        return self.process or (self.shows_plan and self.shows_lookups)

    def is_number(self, steps: Steps, value: Any) -> bool:
        """Whether a value is a hidden number, by its name or its form."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not self.identifiers or isinstance(value, float):
            return False
        if is_one(steps, self.identifiers):
            return True
        if isinstance(value, int) and abs(value) < _LEAST:
            return False
        # As a number it has lost its first zeros.
        text = f"{value:012}" if isinstance(value, int) else str(value)
        return self.text(text) != text

    @property
    def hides_numbers(self) -> bool:
        """Whether numbers of appeals are hidden."""
        return self.hidden(("number", ()))

    def number(self, number: str | None) -> str:
        """Return the visible number of an appeal; empty if it is hidden or missing."""
        return "" if self.hides_numbers else self.text(number or "")

    def text(self, text: str) -> str:
        """Replace the hidden numbers in a text."""
        if not self.identifiers or len(text) < identifiers.FEWEST:  # most are so short
            return text
        return identifiers.without(text, self.identifiers, self.__dict__.get("effort"))

    def for_a_version(self, effort: Effort | None = None) -> "Mask":
        """Return the same mask with a common effort limit for all texts of a version."""
        _ = self._named, self._hidden, self._whole, self._values  # what both share
        bounded = copy(self)
        bounded.__dict__["effort"] = effort or Effort()
        return bounded

    def kept(self, value: Any, path: Path) -> Any:
        """Return the visible part of a value; None if there is none. Emptied containers are dropped."""
        if self.hidden(path):
            return None
        if not self.identifiers and self.whole(path):
            return value
        return self._part(value, path)

    def _part(self, value: Any, path: Path) -> Any:
        head, steps = path
        effort: Effort = self.__dict__.get("effort") or Effort()
        shown = self.shows_value(path)
        effort.parts -= shown  # no more for what is hidden: that would tell of it
        match value:
            case dict():
                looked_at = takewhile(lambda _: effort.parts > 0, value.items())
                members = ((name, self.kept(part, self._below(path, name))) for name, part in looked_at)
                value = {self._name(name, effort): part for name, part in members if part is not None} or None
            case list():
                kept = (self.kept(part, path) for part in takewhile(lambda _: effort.parts > 0, value))
                value = [part for part in kept if part is not None] or None
            case _ if not shown:
                value = None
            case str() if head not in PARTS or not steps or steps[-1] not in identifiers.IDS:
                value = self.text(value)
            case int() | float() if self.is_number((), value):
                value = None
        return value

    def _below(self, path: Path, name: str) -> Path:
        """Return the path of a member. Names in records that no rule mentions share one path, to bound the cache."""
        head, steps = path
        own = steps_of(name)
        if head not in PARTS:
            known, kinds = self._named, self.identifiers
            own = tuple([step if step in known or is_one((step,), kinds) else "?" for step in own])
        return head, (*steps, *own)

    def _name(self, name: str, effort: Effort) -> str:
        """Return the visible name of a member; a new name costs more than a value."""
        if self.identifiers and name not in effort.names:
            effort.parts -= 3 + name.count(".")
            effort.names[name] = self.text(name)
        return effort.names.get(name, name)


EVERYTHING = Mask("everything")
"""Hides nothing."""

_TECHNICAL = (
    *("number", "completeness", "outcomes", "gaps", "plan", "not_carried", "unassessed"),
    *("receipt.number", "receipt.accepted_at", "receipt.channel"),
    *("appeal.schema_version", "appeal.number", "appeal.channel", "appeal.kind", "appeal.form", "appeal.language"),
    *("appeal.received_at", "appeal.due_on", "appeal.warnings"),
    *("changes.kind", "changes.dated_at", "changes.channel", "*.*"),
)
TECHNICAL = Mask(
    "technical",
    shows=tuple(map(Pattern.parse, _TECHNICAL)),
    hides=(Pattern.parse("*/*"),),
    identifiers=KINDS,
    process=True,
)
"""Shows no personal data and no content from citizens or registers: only outcomes, sources and times of questions."""

MASKS = {mask.name: mask for mask in (EVERYTHING, TECHNICAL)}
ROLES: dict[Role, tuple[Mask, bool]] = {
    Role.CHANNEL: (TECHNICAL, False),
    Role.REGISTRY: (EVERYTHING, False),
    Role.REVIEWER: (EVERYTHING, True),
    Role.INTEGRATOR: (TECHNICAL, False),
    Role.OPS: (TECHNICAL, False),
    Role.AUDITOR: (TECHNICAL, False),
}
"""By role its mask, and whether each read needs a purpose."""
