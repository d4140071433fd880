"""What a URL selects: the same filters as `appealbus appeals` has, as far as the viewer may choose by them."""

from collections.abc import Callable
from datetime import date
from typing import Any

from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import Selection
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.identifiers import parse_body, parse_kato, parse_or_none
from appealbus.schemas.signal import Severity

_LONGEST = 200
_READ: dict[str, Callable[[str], Any]] = {
    "state": AppealState,
    "kind": lambda value: AppealKind(value).value,
    "signal": lambda value: Severity(value).value,
    "completeness": lambda value: Completeness(value).value,
    "due_from": date.fromisoformat,
    "due_before": date.fromisoformat,
    "place": lambda value: parse_or_none(parse_kato, value),
    "body": parse_body,
}


def choices(page: Page) -> frozenset[str]:
    """Return the filters that the viewer has: who may choose by something learns what it is."""
    viewer, mask = page.viewer, page.viewer.mask
    named = {
        "due_before": "due_on",
        "due_from": "due_on",
        "kind": "kind",
        "place": "place",
        "body": "body",
        "completeness": "completeness",
    }
    found = {name for name, what in named.items() if viewer.may_choose_by(what)}
    if mask.process or mask.plain:
        found |= {"state", "source", "code", "receiver"}
    if mask.plain:
        found.add("signal")
    if mask.plain or not mask.hidden(("gaps", ())):
        found.add("lacking")
    return frozenset(found)


def selection_of(page: Page, named: tuple[tuple[str, str], ...] = ()) -> Selection:
    """Return what the URL selects.

    Raises:
        Refused: a filter is no such thing, or the viewer may not choose by it.

    """
    may, said = choices(page), {}
    for name in (
        "state",
        "kind",
        "place",
        "body",
        "signal",
        "receiver",
        "source",
        "code",
        "completeness",
        "due_from",
        "due_before",
    ):
        if value := page.query.get(name, "").strip():
            said[name] = _value(page, name, value)
    if page.query.get("lacking"):
        said["lacking"] = True
    if hidden := set(said) - may:
        raise Refused(403, page.words.say("Your role may not choose by this: {names}", names=", ".join(sorted(hidden))))
    return Selection(named=named, **said)


def _value(page: Page, name: str, value: str) -> Any:
    if len(value) > _LONGEST:
        raise _wrong(page, name)
    try:
        found = _READ[name](value) if name in _READ else value
    except ValueError:
        found = None
    if found is None:
        raise _wrong(page, name)
    return found


def _wrong(page: Page, name: str) -> Refused:
    return Refused(400, page.words.say("This cannot be chosen by: {name}", name=name))
