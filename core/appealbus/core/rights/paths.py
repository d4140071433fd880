"""Paths in a policy: the dossier fields of a rule, in the notation of `explain`."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TypeAlias

Steps: TypeAlias = tuple[str, ...]
Path: TypeAlias = tuple[str, Steps]
"""A part of the dossier or a lookup, and the steps from there, without indexes."""

PARTS = (
    "appeal",
    "receipt",
    "changes",
    "outcomes",
    "gaps",
    "signals",
    "unassessed",
    "plan",
    "not_carried",
    "completeness",
    "number",
)
"""The parts of a dossier that a rule may name. Any other head is a lookup."""
_SYNTAX = re.compile(r"[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+)*(?:/[A-Za-z0-9_*-]+(?:\.[A-Za-z0-9_*-]+)*)?")
_INDEX = re.compile(r"\[[^\[\]]*\]")
_DEEPEST = 32
"""Longest path in steps."""
_REMEMBERED = 10_000
"""Cached paths: third-party records may have maps with any names."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rule's path. `*` is any one step, or at the end all further steps.

    Attributes:
        text: as written.
        head: a part of the dossier, or the name of a lookup, in which `*` is any letters.
        rest: the steps after it.
        of_records: whether it covers all records and nothing else: `*/*`.
    """

    text: str
    head: re.Pattern[str]
    rest: Steps
    of_records: bool

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Parse a pattern. Raises ValueError with the expected notation."""
        if not _SYNTAX.fullmatch(text) or any("*" in step and step != "*" for step in re.split("[./]", text)):
            raise ValueError('write a path such as "appeal.applicant.phone", "gbdfl.person/birth_date" or "egkn.*"')
        head, slash, rest = text.partition("/")
        steps = head.split(".")
        if steps[0] not in PARTS and steps[0].lower() in PARTS:
            raise ValueError(f'write "{text.replace("/", ".").replace(steps[0], steps[0].lower(), 1)}"')
        if steps[0] in PARTS:
            if slash:
                raise ValueError(f'the slash stands behind the name of a lookup; write "{text.replace("/", ".")}"')
            head, rest = steps[0], ".".join(steps[1:])
        name = ".*" if head == "*" else re.escape(head).replace(r"\*", "[^.]+")
        return cls(text, re.compile(name), tuple(rest.split(".")) if rest else (), bool(slash))

    def under(self, names: Collection[Collection[str]]) -> "Pattern":
        """Return the rule with all names of each lookup it matches."""
        heads = {name for group in names if any(map(self.is_of, group)) for name in group}
        return replace(self, head=re.compile("|".join([self.head.pattern, *map(re.escape, sorted(heads))])))

    def covers(self, path: Path) -> bool:
        """Whether it covers the path and everything below."""
        head, steps = path
        if len(steps) < len(self.rest) or not self.is_of(head):
            return False
        return all(rule in ("*", step) for rule, step in zip(self.rest, steps, strict=False))

    def goes_below(self, path: Path) -> bool:
        """Whether it covers something below the path."""
        head, steps = path
        if len(steps) >= len(self.rest) or not self.is_of(head):
            return False
        return all(rule in ("*", step) for rule, step in zip(self.rest, steps, strict=False))

    def is_of(self, head: str) -> bool:
        return self.head.fullmatch(head) is not None and not (self.of_records and head in PARTS)


@lru_cache(maxsize=_REMEMBERED)
def path_of(text: str) -> Path:
    """Parse a dossier's path without indexes and keys: `egkn.parcel[1f2e]/rights[0].kind`."""
    head, slash, rest = _INDEX.sub("", text).partition("/")
    if not slash:
        first, _, rest = head.partition(".")
        if first not in PARTS:
            return head, ()
        head = first
    return head, tuple(rest.split(".")) if rest else ()


def steps_of(text: str) -> Steps:
    """Return the steps of a name in paths; a map's name may contain dots, as in `explain`.

    A name that no rule can express, such as `[k]`, `.` or an empty one, is an empty step.
    """
    steps = _INDEX.sub("", text).split(".", _DEEPEST)
    return tuple(steps) if all(steps) and len(steps) <= _DEEPEST else ("",)


def input_path(text: str) -> Path:
    """Return the path of a question's input: `applicant.iin` leads into the appeal."""
    return path_of(text if "/" in text else f"appeal.{text}")


@cache
def _implied() -> dict[Path, tuple[Path, ...]]:
    """Return by path the equivalent or determining paths: hiding one of them hides it, too."""
    text = ("appeal", ("text",))
    implied: dict[Path, tuple[Path, ...]] = {}
    # What a form gives is left out of the mentions: who sees text and mentions would learn what the form says.
    holders = ("applicant.iin", "applicant.bin", "applicant.leader_iin", "representative.iin", "addressee.bin")
    form = {"iins": holders, "bins": holders, "cadastral_numbers": ("parcels.cadastral_number",)}
    for kind, fields in form.items():
        implied["appeal", ("mentions", kind)] = (text, *(("appeal", tuple(field.split("."))) for field in fields))
    for name in ("message_id", "channel"):
        implied["receipt", (name,)] = (("appeal", (name,)),)
        implied["appeal", (name,)] = (("receipt", (name,)),)
    number: tuple[Path, ...] = (("number", ()), ("appeal", ("number",)), ("receipt", ("number",)))
    return implied | dict.fromkeys(number, number)


@dataclass(frozen=True)
class Rules:
    """The visible and hidden paths; hidden ones take precedence."""

    shows: Sequence[Pattern]
    hides: Sequence[Pattern]

    def hidden(self, path: Path) -> bool:
        """Whether the path and everything below are hidden."""
        head, steps = path
        if "" in steps:  # nobody can say which rule is about it
            return not self.whole((head, steps[: steps.index("")]))
        above = {(head, steps[:end]) for end in range(3)}  # as deep as those go
        same = {other for prefix in above for other in _implied().get(prefix, ())}
        return any(map(self._is_hidden, {path, *same}))

    def whole(self, path: Path) -> bool:
        """Whether the path and everything below are visible."""
        below = any(hide.goes_below(path) for hide in self.hides)
        implied = (self.hidden(other) for other in _implied() if other[0] == path[0] and _is_below(other, path))
        shown = any(show.covers(path) for show in self.shows)
        return shown and not below and not self.hidden(path) and not any(implied)

    def _is_hidden(self, path: Path) -> bool:
        if any(hide.covers(path) for hide in self.hides):
            return True
        return not any(show.covers(path) or show.goes_below(path) for show in self.shows)


def remember(answers: dict[Path, bool], path: Path, answer: bool) -> None:
    """Cache an answer about a path, within the limit."""
    if len(answers) >= _REMEMBERED:
        answers.clear()
    answers[path] = answer


def _is_below(path: Path, above: Path) -> bool:
    return path[1][: len(above[1])] == above[1]


def is_one(steps: Steps, kinds: Collection[str]) -> bool:
    """Whether a name among the steps denotes numbers of these kinds: `leader_iin`, `iins`."""
    return any(step.removesuffix("s") == kind or step.endswith(f"_{kind}") for step in steps for kind in kinds)
