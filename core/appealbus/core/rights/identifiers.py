"""Numbers of persons, organisations and parcels, hidden wherever they stand."""

import re
from collections.abc import Collection

from appealbus.core.preparation.scanner import identifiers_in
from appealbus.core.rights.paths import Steps
from appealbus.schemas.identifiers import SEPARATORS

KINDS = ("iin", "bin", "cadastral_number")
HIDDEN = "[hidden]"
"""What stands in a text in place of such a number."""
FEWEST = 11
"""Digits of the shortest of these numbers."""
_JOINT = f"[{SEPARATORS}:]{{0,3}}"
_ENOUGH = re.compile(rf"\d(?:{_JOINT}\d){{{FEWEST - 1}}}")
"""So many digits with no more between them than may stand in such a number. Times, hashes and coordinates are none."""
# Blunt on purpose: a number that is no valid one may be one with a slip of the pen, and is hidden all the same.
_TWELVE = rf"\d(?:[{SEPARATORS}]{{0,3}}\d){{11,}}"
_PARCEL = rf"(?<!\d)(?:0[1-9]|1\d|2[0-5]){_JOINT}\d{{3}}{_JOINT}\d{{3}}{_JOINT}\d{{3,5}}(?!\d)"
_OWN = re.compile(r"(?<![^\W_])[^\W\d_]{1,20}-20[2-9]\d-\d{8}(?!\d)")
"""A number that the bus gave. Nobody else has such digits: they would be of a month past 12."""
_BLUNT = {"iin": re.compile(_TWELVE), "bin": re.compile(_TWELVE), "cadastral_number": re.compile(_PARCEL)}


def is_one(steps: Steps, kinds: Collection[str]) -> bool:
    """Whether a field with these steps is for such numbers, by the name of one of them: `leader_iin`, `iins`."""
    return any(step.removesuffix("s") == kind or step.endswith(f"_{kind}") for step in steps for kind in kinds)


def without(text: str, kinds: Collection[str]) -> str:
    """Return a text with a mark in place of each such number in it."""
    if len(text) < FEWEST or _ENOUGH.search(text) is None:
        return text
    spans = [(each.start, each.end) for each in identifiers_in(text) if each.kind.removesuffix("s") in kinds]
    own = [match.span() for match in _OWN.finditer(text)]
    blunt = (match.span() for kind in kinds for match in _BLUNT[kind].finditer(text))
    spans += [each for each in blunt if not any(start <= each[0] and each[1] <= end for start, end in own)]
    parts, at = [], 0
    for start, end in sorted(spans):
        if start >= at:
            parts += [text[at:start], HIDDEN]
        at = max(at, end)
    return "".join([*parts, text[at:]]) if spans else text
