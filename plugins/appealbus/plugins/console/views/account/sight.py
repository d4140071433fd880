"""What the pages of the account share: whose they are, the filters, and entries as rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.access import AccessRow
from appealbus.core.domain.event import LogEntry
from appealbus.core.domain.listing import AppealRow
from appealbus.core.rights.actions import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import day_of as written_day
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.appeal.telling import Line, line, looked_said
from appealbus.plugins.console.views.operations.sight import DOES

view = View("account", "Account", place=80, path="/account")

PAGE = 50
_LONGEST = 200
KINDS = ("person", "api", "client")
"""Of actors that somebody answers for: the others are workers and the bus."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, or a question to a source, as it is shown.

    Attributes:
        line: when, what, about what.
        who: the actor, without its kind.
        kind: of actor: `person`, `api`; `source` of a question.
        number: of the appeal; empty where it is about none, or the number is hidden.
        path: of the appeal, where the viewer sees it.
        looked: at what, in words; of a question the lookup.
        purpose: what for.

    """

    line: Line
    who: str
    kind: str
    number: str = ""
    path: str = ""
    looked: Sequence[str] = ()
    purpose: str = ""


def frame(page: Page, template: str, **given: Any) -> Response:
    """Show a page of the account, with those beside it."""
    say = page.words.say
    tabs = [
        ("/account", say("Who looked"), sees_looks(page)),
        ("/account/done", say("What was done"), sees_deeds(page)),
        ("/account/policy", say("Who sees what"), sees_deeds(page)),
        ("/account/mine", say("Mine"), True),
    ]
    here = page.request.url.path.removeprefix("/console")
    return page.show(template, tabs=[(path, name) for path, name, shown in tabs if shown], here=here, **given)


def sees_looks(page: Page) -> bool:
    """Whether the person sees looks of others: who reads the log does."""
    return page.viewer.may(Action.LOG)


def sees_deeds(page: Page) -> bool:
    """Whether the person sees what others have done and may: who reads the log, or operates, does."""
    return page.viewer.may(Action.LOG) or page.viewer.may(Action.OPERATE)


def check(page: Page, allowed: bool) -> None:
    """Raise Refused where a page is not for the person."""
    if not allowed:
        raise Refused(403, page.words.say("Your role may not do this."))


def actor_of(page: Page) -> str | None:
    """Return whose entries the URL chooses, as the log writes it: without a kind it is a person."""
    said = page.query.get("actor", "").strip()
    if len(said) > _LONGEST or not said.isprintable():
        raise Refused(400, page.words.say("There is nobody with such a name."))
    return None if not said else said if said.partition(":")[0] in KINDS and ":" in said else f"person:{said}"


def day_of(page: Page) -> tuple[datetime | None, datetime | None]:
    """Return when the day begins and ends that the URL chooses."""
    said = page.query.get("day", "")
    if not said:
        return None, None
    day = written_day(said, page.words)
    return moment(day), moment(day + timedelta(days=1))


def moment(day: date) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time(), KAZAKHSTAN)


def further(page: Page, before: object) -> tuple[bool, str, str]:
    """Return whether this is the first page, and the queries of the first and the next one; empty: there is none."""
    kept = {name: value for name, value in page.query.items() if value and name not in ("before", "lang")}
    query = "" if before is None else urlencode({**kept, "before": str(before)})
    return not page.query.get("before"), urlencode(kept), query


async def rows(
    page: Page, found: Iterable[LogEntry | AccessRow], known: Sequence[AppealRow] = (), *, own: bool = False
) -> list[Row]:
    """Return what is shown of entries and questions: as an export of the log shows them, without whom they are about.

    Args:
        page: the request.
        found: entries and questions.
        known: appeals that they are about, as far as somebody has read them.
        own: whether they are the person's own, which are seen whatever scopes they have now.

    """
    found = list(found)
    its = {each.appeal_id: each for each in known}
    wanted = {each.appeal_id for each in found if isinstance(each, LogEntry) and each.appeal_id is not None}
    if unknown := sorted(wanted.difference(its)):
        its |= {row.appeal_id: row for row in await page.journal.appeals_by_id(unknown)}
    by_number = {each.number: each for each in its.values()}
    made = []
    for each in found:
        if isinstance(each, AccessRow):
            if each.number not in by_number and (row := await page.journal.appeal(each.number)) is not None:
                by_number[each.number] = row
            question = await page.views.asked(each)
            if question is not None:
                made.append(_question(page, question, by_number))
        elif (shown := await _shown(page, each, own=own)) is not None:
            made.append(_entry(page, shown, its))
    return made


async def _shown(page: Page, entry: LogEntry, *, own: bool) -> LogEntry | None:
    if own:
        number = None if page.viewer.mask.hides_numbers else entry.number
        detail = {name: _told(page, value) for name, value in entry.detail.items()}
        return LogEntry(entry.position, entry.at, entry.what, entry.appeal_id, number, entry.actor, entry.about, detail)
    return await page.views.logged(entry)


def _told(page: Page, value: Any) -> Any:
    return page.viewer.mask.text(value) if isinstance(value, str) else value


def _entry(page: Page, entry: LogEntry, its: Mapping[int, AppealRow]) -> Row:
    kind, _, name = entry.actor.partition(":")
    row = None if entry.appeal_id is None else its.get(entry.appeal_id)
    purpose = str(entry.detail.get("purpose") or "")
    looked = list(_looked(page, entry.detail))
    return Row(line(entry, page.words), name or kind, kind, entry.number or "", _path(page, row), looked, purpose)


def _looked(page: Page, detail: Mapping[str, Any]) -> Iterator[str]:
    what = str(detail.get("as") or "")
    yield page.words.say(DOES[what]) if what in DOES else looked_said(what, page.words)
    if detail.get("version"):
        yield page.words.say("version {version}", version=detail["version"])
    if isinstance(found := detail.get("found"), int):
        yield page.words.say_n("{n} found", "{n} found", found)


def _question(page: Page, row: AccessRow, by_number: Mapping[str, AppealRow]) -> Row:
    its = Line(row.at, page.words.say("asked"), "plain", row.source)
    path = _path(page, by_number.get(row.number)) if row.number else ""
    return Row(its, row.source, "source", row.number, path, [page.words.lookup(row.lookup)], row.purpose)


def _path(page: Page, row: AppealRow | None) -> str:
    seen = row is not None and row.public_id and page.viewer.sees(row) and page.viewer.may(Action.STATE)
    return f"/console/appeals/{row.public_id}" if seen and row is not None else ""
