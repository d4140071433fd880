"""Which records are still about whom the appeal names, where changes have made it another.

A record is about whom was asked. Once the appeal names somebody else, what is known of the one before is no part of its
dossier any more, nor is what followed from that. The journal keeps it, as the versions before told it.
"""

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from pydantic import BaseModel

from appealbus.core.domain.case import LookupState
from appealbus.core.planning.paths import PathError, parse_path, values
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.dossier import Input

States: TypeAlias = Mapping[tuple[str, str], LookupState]
_SPARE = re.compile(r"\W")


def still_named(carried: States, now: States, appeal: Appeal) -> States:
    """Return those of the states that earlier runs left whose inputs the appeal still gives, itself or by a record.

    Args:
        carried: states of questions that the plan does not put now.
        now: how the questions stand that it does put.
        appeal: the appeal as it is by now.

    """
    kept = dict(carried)
    while True:
        known = _Values(appeal, [*now.values(), *kept.values()])
        gone = [key for key, state in kept.items() if not all(map(known.has, state.inputs))]
        if not gone:
            return kept
        for key in gone:
            del kept[key]


class _Values:
    """What the appeal and the records at hand say at the ends of paths."""

    def __init__(self, appeal: Appeal, states: Iterable[LookupState]) -> None:
        self._roots: dict[str | None, list[BaseModel]] = {None: [appeal]}
        for state in states:
            if state.record is not None:
                self._roots.setdefault(state.lookup, []).append(state.record)
        self._said: dict[str, set[str]] = {}

    def has(self, given: Input) -> bool:
        """Say whether the value of an input still stands where it was taken from."""
        if given.path not in self._said:
            self._said[given.path] = self._at(given.path)
        return _bare(given.value) in self._said[given.path]

    def _at(self, text: str) -> set[str]:
        try:
            path = parse_path(text)
        except PathError:
            return set()
        return {_bare(str(each.value)) for root in self._roots.get(path.lookup, ()) for each in values(path, root)}


def _bare(value: str) -> str:
    """Return a value without what people put between digits: identifiers are asked for without it."""
    return _SPARE.sub("", value).casefold()
