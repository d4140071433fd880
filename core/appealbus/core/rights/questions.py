"""Masking of questions: facts, outcomes and gaps of a dossier, and what they would disclose of hidden fields.

A question may have hidden inputs, and its record hidden fields. Then times and ids disclose when it was asked again,
hashes disclose the answer, and keys the inputs. They are hidden, unless the mask shows the process.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from appealbus.core.planning.contract import NOT_LOADED
from appealbus.core.rights.fields import leads_in
from appealbus.core.rights.mask import Mask
from appealbus.core.rights.paths import Path, input_path, path_of

Json: TypeAlias = dict[str, Any]
_ORIGIN = ("source", "plugin", "purpose", "legal_basis")
"""Parts of a provenance that do not depend on answer and time."""
_TRAIL = (
    *("source", "connector", "plugin", "plugin_version", "purpose", "legal_basis", "question_id", "message_id"),
    *("session_id", "asked_at", "observed_at", "fresh_until", "reread_at"),
)
_ENDED = ("attempts", "asked_at", "ended_at", "next_attempt_at")
_SOURCES = frozenset({"refused", "unavailable", "timed_out", "awaiting"})
"""Outcomes whose code and reason concern the source alone, not question or answer."""


class Questions:
    """The masked questions of one dossier; `keys` has the displayed keys by lookup and key of a question."""

    def __init__(self, mask: Mask, document: Mapping[str, Any]) -> None:
        self._mask = mask
        self._document = document
        outcomes, facts, gaps = (list(document.get(name) or []) for name in ("outcomes", "facts", "gaps"))
        if not mask.shows_plan:  # which lookups there would have to be says what kind of appeal it is
            outcomes, gaps = ([row for row in rows if row.get("code") != NOT_LOADED] for rows in (outcomes, gaps))
        self._asked_for_hidden = {outcome["lookup"] for outcome in outcomes if self._rests_on_hidden(outcome)}
        parts = (
            [(outcome, self._outcome(outcome)) for outcome in outcomes if mask.shows_lookup(outcome["lookup"])],
            [(fact, self._fact(fact)) for fact in facts if mask.shows_lookup(fact["lookup"])],
            [(gap, self._gap(gap)) for gap in gaps if mask.shows_lookup(gap["lookup"])],
        )
        self.keys = self._numbered(parts)
        self.outcomes, self.facts, self.gaps = (self._in_order(part) for part in parts)

    def is_dated(self, lookup: str) -> bool:
        """Whether times and ids of the lookup's questions are visible."""
        return self._mask.process or not (lookup in self._asked_for_hidden or self._mask.hides_of(lookup))

    def _rests_on_hidden(self, outcome: Json) -> bool:
        """Whether a question has a hidden input. Without inputs it may lack just the hidden one."""
        inputs = outcome.get("inputs") or []
        return any(map(self._hides_input, inputs)) if inputs else self._mask.hides_values

    def _hides_input(self, given: Json) -> bool:
        head, steps = input_path(given["path"])
        named = (*steps, given["name"])
        if not self._mask.shows_value((head, steps)) or not leads_in(self._document, (head, steps)):
            return True
        if any(self._mask.text(step) != step for step in steps):
            return True
        return self._mask.is_number(named, given["value"])

    def _outcome(self, row: Json) -> Json:
        lookup = row["lookup"]
        shown = {"lookup": lookup, "key": "", "outcome": row["outcome"], **self._cause(row)}
        shown["inputs"] = [self._input(given) for given in row.get("inputs") or [] if not self._hides_input(given)]
        if self.is_dated(lookup):
            shown |= _of(row, _ENDED)
        return shown

    def _input(self, given: Json) -> Json:
        span = _of(given, ("span",)) if self._mask.whole(("appeal", ("text",))) else {}
        return _of(given, ("name", "value", "path")) | span

    def _cause(self, row: Json) -> Json:
        lookup, telling = row["lookup"], row["outcome"] in _SOURCES
        if self._mask.process or telling or self.is_dated(lookup):
            return {name: self._mask.text(value) for name, value in _of(row, ("code", "reason")).items()}
        return {}

    def _gap(self, row: Json) -> Json:
        needed = _of(row, ("required",)) if self._mask.shows_plan else {}
        shown = {"lookup": row["lookup"], "key": "", **needed, "outcome": row["outcome"], **self._cause(row)}
        return shown | (_of(row, ("next_attempt_at",)) if self.is_dated(row["lookup"]) else {})

    def _fact(self, row: Json) -> Json:
        lookup = row["lookup"]
        shown: Json = {"lookup": lookup, "key": ""}
        record = self._mask.kept(row["record"], (lookup, ()))
        if record is not None:
            shown["record"] = record
        shown["provenance"] = self._provenance(lookup, row["provenance"])
        if row.get("not_asked_now") is not None and self.is_dated(lookup):
            shown["not_asked_now"] = row["not_asked_now"]
        return shown

    def _provenance(self, lookup: str, trail: Json) -> Json:
        if not self.is_dated(lookup):
            return _of(trail, _ORIGIN) | self._unsure(lookup, trail)
        if self._mask.hides_of(lookup):
            # Of a short answer the hash tells the answer to whoever tries all.
            return _of(trail, _TRAIL) | self._unsure(lookup, trail)
        return trail

    def _unsure(self, lookup: str, trail: Json) -> Json:
        """Return which fields that are shown are unknown or unchecked: else what is absent would pass for a fact."""
        shown = {
            "unknown": [field for field in trail.get("unknown") or () if not self._mask.hidden(_path(lookup, field))],
            "unchecked": [field for field in trail.get("unchecked") or () if self._mask.whole(_path(lookup, field))],
        }
        return {name: fields for name, fields in shown.items() if fields}

    def _numbered(self, parts: Sequence[Sequence[tuple[Json, Json]]]) -> dict[tuple[str, str], str]:
        """Replace each key derived from hidden content, numbered in the visible order."""
        shown: defaultdict[tuple[str, str], list[bytes]] = defaultdict(list)
        for at, part in enumerate(parts):
            for row, masked in part:
                shown[row["lookup"], row["key"]].append(
                    b"%d%b" % (at, orjson.dumps(masked, option=orjson.OPT_SORT_KEYS))
                )
        keys: dict[tuple[str, str], str] = {}
        counts: defaultdict[str, int] = defaultdict(int)
        for lookup, key in sorted(shown, key=lambda question: (question[0], shown[question])):
            counts[lookup] += 1
            plain = lookup not in self._asked_for_hidden and not self._mask.hides_of(lookup)
            keys[lookup, key] = key if plain else str(counts[lookup])
        return keys

    def _in_order(self, part: Sequence[tuple[Json, Json]]) -> list[Json]:
        rows = [masked | {"key": self.keys[row["lookup"], row["key"]]} for row, masked in part]
        return sorted(rows, key=lambda row: (row["lookup"], len(row["key"]), row["key"]))


def _path(lookup: str, field: str) -> Path:
    return path_of(f"{lookup}/{field}")


def _of(row: Json, names: Sequence[str]) -> Json:
    return {name: row[name] for name in names if name in row}
