"""Versions of a dossier, and their differences."""

from typing import Any

from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.truncation import Room
from appealbus.plugins.console.views.appeal.dossier import rows, version_in
from appealbus.plugins.console.views.appeal.queries import damaged, shown, sight_of, view
from appealbus.schemas.dossier import Completeness

_OF_A_VALUE = 1000
"""Bytes shown of a value; the dossier has it in full."""


@view.get("/appeals/{id}/versions", may=Action.VERSIONS)
async def versions(page: Page) -> Response:
    """Show all versions, and the difference of two: by default of the newest and the one before."""
    sight = await sight_of(page, "difference")
    try:
        found = await sight.views.versions(sight.row)
        numbers = [each.version for each in found]
        second = version_in(page, "to") or (numbers[-1] if numbers else 0)
        first = version_in(page, "from") or next((each for each in reversed(numbers) if each < second), 0)
        compares = page.viewer.may(Action.DIFFERENCE) and first in numbers and second in numbers
        differences = await _differences(page, sight, first, second) if compares else []
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    if (page.query.get("from") or page.query.get("to")) and not compares:
        raise Refused(404, page.words.say("There is no such version of the dossier."))
    room = Room()
    found_ = [
        (path, *both)
        for path, *values in differences
        if (both := room.take(*(_text(page, value) for value in values), most=_OF_A_VALUE)) is not None
    ]
    return await shown(
        page,
        sight,
        "appeal/versions.html",
        versions=[(each, Completeness.stored(each.completeness) if each.completeness else None) for each in found],
        versions_of=[(number, str(number)) for number in numbers],
        compares=compares,
        first=first,
        second=second,
        differences=found_,
        more=room.more,
    )


def _text(page: Page, value: Any) -> str:
    return "" if value is None else page.words.value(value)


async def _differences(page: Page, sight: Any, first: int, second: int) -> list[tuple[str, Any, Any]]:
    """Return path, old value and new value; None: absent."""
    told = []
    for number in (first, second):
        seen = await sight.views.dossier(sight.row, number)
        told.append({} if seen is None else dict(_all(seen.document)))
    before, after = told
    paths = [*before, *(each for each in after if each not in before)]
    return [(path, before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)]


def _all(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Flatten a version to paths that stay the same when other records are added or removed."""
    found = [(f"appeal.{path}", value) for path, value in rows(document.get("appeal", {}))]
    for each in document.get("facts", ()):
        head = f"{each['lookup']}[{each['key'][:4]}]" if each["key"] else each["lookup"]
        found += [(f"{head}/{path}", value) for path, value in rows(each.get("record", {}))]
    for each in document.get("outcomes", ()):
        head = f"{each['lookup']}[{each['key'][:4]}]" if each["key"] else each["lookup"]
        found.append((head, " ".join(part for part in (each["outcome"], each.get("code")) if part)))
    found += [(f"signal {each['code']}", each["severity"]) for each in document.get("signals", ())]
    return [*found, ("completeness", document.get("completeness"))]
