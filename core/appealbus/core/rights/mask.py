"""Masks: which fields of a dossier somebody sees, and which numbers in its texts."""

import pickle
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

from appealbus.core.rights import identifiers
from appealbus.core.rights.fields import number_fields
from appealbus.core.rights.identifiers import Effort
from appealbus.core.rights.paths import PARTS, Path, Pattern, Rules, Steps, remember, steps_of

_ALL = Pattern.parse("*")
_LEAST = 10**8
"""What a number of somebody is at least, without its first zeros: its second two digits are a month."""


@dataclass(frozen=True)
class Mask:
    """A mask, as a policy declares it.

    Attributes:
        name: of the mask.
        shows: paths that are shown; all others are hidden.
        hides: paths that are hidden; they count more.
        identifiers: kinds of numbers (`iin`, `bin`, `cadastral_number`) that are hidden wherever they stand.
        process: whether it is shown how questions ended that rest on hidden fields, and when, and which hidden fields
            have warnings: from that may be concluded whether a hidden field has a value, and when it changed.
        comparing: assessors whose signals are hidden, since they tell of other appeals.

    """

    name: str
    shows: Sequence[Pattern] = (_ALL,)
    hides: Sequence[Pattern] = ()
    identifiers: Sequence[str] = ()
    process: bool = False
    comparing: Sequence[str] = ()

    @cached_property
    def rules(self) -> Rules:
        """Its paths, with what follows from them."""
        return Rules(tuple(self.shows), (*self.hides, *number_fields(frozenset(self.identifiers))))

    @cached_property
    def _named(self) -> frozenset[str]:
        """All steps that its paths name."""
        return frozenset({"", *(step for each in (*self.rules.shows, *self.rules.hides) for step in each.rest)})

    @cached_property
    def written(self) -> bytes:
        """All of it as bytes: two masks that differ in anything have others."""
        return pickle.dumps(replace(self))  # without what is cached

    @property
    def plain(self) -> bool:
        """Whether it hides nothing."""
        return (
            not self.hides
            and not self.identifiers
            and not self.comparing
            and any(each.text == "*" for each in self.shows)
        )

    @cached_property
    def hidden_rules(self) -> list[str]:
        """What it hides, for whoever sees what is left: the rules, which are the same for all dossiers."""
        shown = [each.text for each in self.shows]
        besides = [] if "*" in shown else [f"all but {', '.join(shown)}" if shown else "all"]
        return [
            *besides,
            *(each.text for each in self.hides),
            *(f"each {kind}" for kind in self.identifiers),
            *(f"signals of {name}" for name in self.comparing),
        ]

    def hidden(self, path: Path) -> bool:
        """Whether nothing at the path is shown."""
        known = self._hidden.get(path)
        if known is None:
            numbers = bool(self.identifiers) and identifiers.is_one(path[1], self.identifiers)
            known = numbers or self.rules.hidden(path) or (path[0] == "completeness" and not self._shows_completeness)
            remember(self._hidden, path, known)
        return known

    def whole(self, path: Path) -> bool:
        """Whether all is shown that stands at the path and below it, but for numbers in texts."""
        known = self._whole.get(path)
        if known is None:
            known = self.rules.whole(path) and not self.hidden(path)
            remember(self._whole, path, known)
        return known

    def shows_value(self, path: Path) -> bool:
        """Whether a single value at the path is shown, whatever numbers are in it: not where a rule goes deeper."""
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
        """Whether it is shown that a lookup was asked, and how that ended."""
        return not self.hidden((lookup, ()))

    def hides_of(self, lookup: str) -> bool:
        """Whether a record of the lookup may have something that is hidden."""
        return bool(self.identifiers) or not self.whole((lookup, ()))

    @cached_property
    def hides_of_appeal(self) -> bool:
        """Whether an appeal may have something that is hidden."""
        return bool(self.identifiers) or not self.whole(("appeal", ()))

    @cached_property
    def hides_values(self) -> bool:
        """Whether anything is hidden from which questions take their inputs."""
        of_records = any(each.text.partition(".")[0] not in PARTS for each in self.hides)
        return self.hides_of_appeal or of_records or "*" not in [each.text for each in self.shows]

    @cached_property
    def shows_plan(self) -> bool:
        """Whether it is shown what an appeal of its kind needs."""
        return self.process or not self.hidden(("appeal", ("kind",)))

    @cached_property
    def shows_lookups(self) -> bool:
        """Whether no lookup is hidden as if it were not there: how the work went as a whole would tell of it."""
        hidden = any(not each.rest and each.text.partition(".")[0] not in PARTS for each in self.hides)
        return not hidden and any(each.text in ("*", "*.*") for each in self.shows)

    @property
    def _shows_completeness(self) -> bool:
        """Whether all is shown that it follows from: what an appeal of its kind needs, and how each lookup ended."""
        return self.process or (self.shows_plan and self.shows_lookups)

    def is_number(self, steps: Steps, value: Any) -> bool:
        """Whether a value is, by its name or by what it looks like, a number that is hidden wherever it stands."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not self.identifiers or isinstance(value, float):
            return False
        if identifiers.is_one(steps, self.identifiers):
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
        """Return the number of an appeal as it is seen; empty where it is hidden, or there is none."""
        return "" if self.hides_numbers else self.text(number or "")

    def text(self, text: str) -> str:
        """Return a text without the numbers that are hidden wherever they stand."""
        if not self.identifiers or len(text) < identifiers.FEWEST:  # most are so short
            return text
        return identifiers.without(text, self.identifiers, self.__dict__.get("effort"))

    def for_a_version(self, effort: Effort | None = None) -> "Mask":
        """Return the same mask, with one bound on what all texts together cost from now on, or with that one."""
        _ = self._named, self._hidden, self._whole, self._values  # what both share
        bounded = copy(self)
        bounded.__dict__["effort"] = effort or Effort()
        return bounded

    def kept(self, value: Any, path: Path) -> Any:
        """Return what is shown of a value at the path; None where nothing is. What is left empty goes as well."""
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
                members = ((name, self.kept(each, self._below(path, name))) for name, each in looked_at)
                value = {self._name(name, effort): each for name, each in members if each is not None} or None
            case list():
                kept = (self.kept(each, path) for each in takewhile(lambda _: effort.parts > 0, value))
                value = [each for each in kept if each is not None] or None
            case _ if not shown:
                value = None
            case str() if head not in PARTS or not steps or steps[-1] not in identifiers.IDS:
                value = self.text(value)
            case int() | float() if self.is_number((), value):
                value = None
        return value

    def _below(self, path: Path, name: str) -> Path:
        """Return the path of a member: in a record, all names that no rule names are alike, however many there are."""
        head, steps = path
        own = steps_of(name)
        if head not in PARTS:
            known, kinds = self._named, self.identifiers
            own = tuple([each if each in known or identifiers.is_one((each,), kinds) else "?" for each in own])
        return head, (*steps, *own)

    def _name(self, name: str, effort: Effort) -> str:
        """Return the name of a member as it is shown; a new one costs more than a value."""
        if self.identifiers and name not in effort.names:
            effort.parts -= 3 + name.count(".")
            effort.names[name] = self.text(name)
        return effort.names.get(name, name)
