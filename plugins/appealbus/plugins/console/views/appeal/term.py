"""Due date of an appeal and its proof: each counted day, the body that must act, and contradictions."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.queries import damaged, shown, sight_of, view
from appealbus.plugins.console.words import Words
from appealbus.plugins.terms.formatting import UnitWord
from appealbus.plugins.terms.settings import NAME
from appealbus.plugins.terms.words import Actor, Assumption, DayKind, Duty, Label, Outcome, Remark, TermState

Json = Mapping[str, Any]

_MARKS = {TermState.OPEN: "calm", TermState.LATE: "bad", TermState.DONE: "good", TermState.DONE_LATE: "warn"}
_SIGNS = {DayKind.WEEKEND: "–", DayKind.MOVED: "⇄"}
_HOLIDAY = "★"


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar: its number if counted, else the reason; `kind` is None outside the term."""

    day: date
    number: int | None = None
    kind: DayKind | None = None
    ends: bool = False

    @property
    def sign(self) -> str:
        return "" if self.kind in (None, DayKind.COUNTED) else _SIGNS.get(self.kind or DayKind.COUNTED, _HOLIDAY)


@view.get("/appeals/{id}/term", may=Action.TERM)
async def term(page: Page) -> Response:
    on = page.day("on") or page.today
    sight = await sight_of(page, "term")
    try:
        told = await sight.views.term(sight.row, lambda case: page.console.api.host.counting.proofs(case, on))
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    # As the API writes it: days as texts, whoever looks.
    terms: list[Json] = orjson.loads(orjson.dumps(told.get("terms", [])))
    law = next((term["proof"] for term in terms if term["name"] == NAME and term["proof"]), None)
    return await shown(
        page,
        sight,
        "appeal/term.html",
        on=on,
        counted=bool(terms),
        hidden="terms" not in told,
        law=law,
        others=[term["name"] for term in terms if term["name"] != NAME],
        considered=list(reversed(law["considered"])) if law and "considered" in law else [],
        weeks=weeks,
        off=off,
        day=lambda text: page.words.day(date.fromisoformat(text)) if text else "",
        label=lambda name: _begins(page.words.word(Label[name])),
        length=lambda norm: _length(page.words, norm),
        milestones=[_milestone(page.words, each) for each in (law or {}).get("milestones", ())],
        remarks=[_remark(page.words, each) for each in (law or {}).get("remarks", ())],
        outcome=lambda text: _begins(page.words.word(Outcome.stored(text))),
        assumed=lambda text: page.words.word(Assumption.stored(text)),
    )


def weeks(term: Json) -> Iterator[tuple[date, list[Cell]]]:
    """Yield the term's weeks by Monday; days outside the term are empty."""
    cells = {}
    last = date.fromisoformat(term["moved_to"])
    for each in term["days"]:
        day = date.fromisoformat(each["day"])
        cells[day] = Cell(day, each["number"], DayKind.stored(each["kind"]), day == last)
    monday = min(cells, default=last)
    monday -= timedelta(days=monday.weekday())
    while monday <= last:
        days = [monday + timedelta(days=at) for at in range(7)]
        yield monday, [cells.get(day, Cell(day)) for day in days]
        monday += timedelta(weeks=1)


def off(term: Json) -> list[tuple[date, date, DayKind]]:
    """Return the uncounted days other than weekends, with consecutive ones merged."""
    found: list[tuple[date, date, DayKind]] = []
    for each in term["days"]:
        kind, day = DayKind.stored(each["kind"]), date.fromisoformat(each["day"])
        if each["number"] is not None or kind in (DayKind.COUNTED, DayKind.WEEKEND):
            continue
        if found and found[-1][2] is kind and found[-1][1] == day - timedelta(days=1):
            found[-1] = (found[-1][0], day, kind)
        else:
            found.append((day, day, kind))
    return found


def _length(words: Words, norm: Json) -> str:
    units = {"working": UnitWord.WORKING, "calendar": UnitWord.CALENDAR, "months": UnitWord.MONTHS}
    return f"{norm['days']} {words.word(units[norm['unit']]) if norm['unit'] in units else norm['unit']}"


def _milestone(words: Words, told: Json) -> dict[str, Any]:
    standing = TermState.stored(told["standing"])
    return {
        **told,
        "what": _begins(words.word(Duty.stored(told["what"]))),
        "who": words.word(Actor.stored(told["who"])),
        "standing": words.word(standing),
        "mark": _MARKS.get(standing, "plain"),
    }


def _remark(words: Words, told: Json) -> dict[str, Any]:
    about = told["about"]
    with suppress(ValueError):
        about = words.day(date.fromisoformat(about))
    what = _begins(words.word(Remark.stored(told["what"])))
    return {**told, "day": words.day(date.fromisoformat(told["day"])), "what": what, "about": about}


def _begins(text: str) -> str:
    return text[:1].upper() + text[1:]
