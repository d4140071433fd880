"""Filters in the URL: those of `appealbus appeals`, as far as the viewer may use them."""

from collections.abc import Callable, Iterable, Mapping, Set
from datetime import date
from typing import Any

from appealbus.core import AppealState
from appealbus.core.management.appeals import OLDEST, Selection, before_days
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import number_of
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
    "completeness": lambda value: ",".join(Completeness(each).value for each in value.split(",")),
    "due_from": date.fromisoformat,
    "due_before": date.fromisoformat,
    "place": lambda value: parse_or_none(parse_kato, value),
    "body": parse_body,
    "age": lambda value: number_of(value, OLDEST),
}
_NAMES = (
    *("state", "kind", "place", "body", "signal", "receiver", "source", "code", "completeness"),
    *("due_from", "due_before", "age"),
)
_FLAGS = ("lacking", "unassessed", "misdated")
FILTERS = frozenset({*_NAMES, *_FLAGS})
"""All filter parameters."""


def choices(page: Page) -> frozenset[str]:
    """Return the viewer's filters; a filter on a hidden field would reveal its value."""
    viewer, mask = page.viewer, page.viewer.mask
    named = {
        "due_before": "due_on",
        "due_from": "due_on",
        "kind": "kind",
        "place": "place",
        "body": "body",
        "completeness": "completeness",
    }
    found = {"age"} | {name for name, what in named.items() if viewer.may_choose_by(what)}
    if mask.process or mask.plain:
        found.add("receiver")
    by_work = mask.process and mask.shows_lookups
    if by_work or mask.plain:
        found |= {"state", "code"}
    if ("due_from" in found and by_work) or mask.plain:  # what waits for a source is listed by due date
        found.add("source")
    if mask.plain:
        found |= {"signal", "unassessed", "misdated"}
    if mask.plain or (mask.shows_plan and mask.shows_lookups and not mask.hidden(("gaps", ()))):
        found.add("lacking")
    return frozenset(found)


def only(page: Page, query: Iterable[str], names: Set[str]) -> None:
    """Raise Refused for an unknown filter name: an ignored filter would select too much."""
    if strange := sorted(set(query) - names):
        raise page.no_choice(strange[0][:_LONGEST])


def selection_of(
    page: Page, named: tuple[tuple[str, str], ...] = (), query: Mapping[str, str] | None = None
) -> Selection:
    """Return the selection from the URL or another query; raise Refused for an invalid or forbidden filter."""
    query = page.query if query is None else query
    may, said = choices(page), {}
    for name in _NAMES:
        if value := query.get(name, "").strip():
            said[name] = _value(page, name, value)
    said |= {name: True for name in _FLAGS if query.get(name)}
    if hidden := set(said) - may:
        raise Refused(403, page.words.say("Your role may not choose by this: {names}", names=", ".join(sorted(hidden))))
    age = said.pop("age", None)
    before = None if age is None else before_days(age, page.journal.now())
    return Selection(named=named, accepted_before=before, **said)


def _value(page: Page, name: str, value: str) -> Any:
    if len(value) > _LONGEST:
        raise page.no_choice(name)
    try:
        found = _READ[name](value) if name in _READ else value
    except ValueError:
        found = None
    if found is None:
        raise page.no_choice(name)
    return found
