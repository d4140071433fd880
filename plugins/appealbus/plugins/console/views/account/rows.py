"""Log entries and source queries as rows of the account pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appealbus.core import AccessRow, AppealRow, LogEntry
from appealbus.core.management import appeals
from appealbus.core.management.people import Served
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.log_lines import Line, line, looked_said
from appealbus.plugins.console.views.operations.queries import DOES


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a log entry or a query to a source.

    Attributes:
        line: time, event and subject.
        who: the actor, without its kind.
        kind: of the actor: `person`, `api`; `source` for a query.
        number: of the appeal; empty if there is none, or it is hidden.
        path: of the appeal, if the viewer may see it.
        looked: kind of data seen; for a query the lookup.
        purpose: the stated purpose.
    """

    line: Line
    who: str
    kind: str
    number: str = ""
    path: str = ""
    looked: Sequence[str] = ()
    purpose: str = ""


async def rows(
    page: Page, found: Iterable[LogEntry | AccessRow], known: Sequence[AppealRow] = (), *, own: bool = False
) -> list[Row]:
    """Build rows as an export of the log has them, without the subjects' identities.

    `known` has appeals already loaded, to save reads. The person's `own` entries are visible whatever their scopes are.
    """
    found = list(found)
    its = {each.appeal_id: each for each in known}
    wanted = {each.appeal_id for each in found if isinstance(each, LogEntry) and each.appeal_id is not None}
    if unknown := sorted(wanted.difference(its)):
        its |= {row.appeal_id: row for row in await page.journal.ask(appeals.rows_of, unknown)}
    by_number = {each.number: each for each in its.values()}
    made = []
    for each in found:
        if isinstance(each, AccessRow):
            if (
                each.number not in by_number
                and (row := await page.journal.ask(appeals.appeal_row, each.number)) is not None
            ):
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
        return replace(entry, number=number, detail=detail)
    return await page.views.logged(entry)


def _told(page: Page, value: Any) -> Any:
    return page.viewer.mask.text(value) if isinstance(value, str) else value


def _entry(page: Page, entry: LogEntry, its: Mapping[int, AppealRow]) -> Row:
    kind, _, name = entry.actor.partition(":")
    row = None if entry.appeal_id is None else its.get(entry.appeal_id)
    purpose = str(entry.detail.get("purpose") or "")
    looked = list(_looked(page, entry.detail))
    said = line(entry, page.words)
    if entry.about in DOES:  # what is done to many is told in the words of its button
        said = replace(said, about=page.words.say(DOES[entry.about]))
    return Row(said, name or kind, kind, entry.number or "", _path(page, row), looked, purpose)


def _looked(page: Page, detail: Mapping[str, Any]) -> Iterator[str]:
    what = str(detail.get("as") or "")
    yield page.words.say(DOES[what]) if what in DOES else looked_said(what, page.words)
    if detail.get("version"):
        yield page.words.say("version {version}", version=detail["version"])
    if isinstance(found := detail.get("found"), int):
        yield page.words.say_n("{n} found", "{n} found", found)


def _question(page: Page, row: AccessRow, by_number: Mapping[str, AppealRow]) -> Row:
    left = row.served is not Served.NOTHING
    its = Line(row.at, page.words.say("asked" if left else "did not leave after all"), "plain", row.source)
    path = _path(page, by_number.get(row.number)) if row.number else ""
    asked, purpose = [page.words.lookup(row.lookup)], page.words.purpose(row.purpose)
    return Row(its, row.source, "source", row.number, path, asked, purpose)


def _path(page: Page, row: AppealRow | None) -> str:
    seen = row is not None and row.public_id and page.viewer.sees(row) and page.viewer.may(Action.STATE)
    return f"/console/appeals/{row.public_id}" if seen and row is not None else ""
