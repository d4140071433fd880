"""Repeats: similar appeals, and one of them side by side, by sentences."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, groupby
from typing import Any

from starlette.responses import Response

from appealbus.core import JournalError, Other, Past
from appealbus.core.management import people
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.diff_view import Line as Sides
from appealbus.plugins.console.views.appeal.diff_view import Pieces, bounded, counted, in_pieces
from appealbus.plugins.console.views.appeal.queries import damaged, shown, sight_of, view
from appealbus.plugins.repeats.comparing import Compare, compared
from appealbus.plugins.repeats.diff_view import side_by_side
from appealbus.plugins.repeats.formatting import document
from appealbus.plugins.repeats.matter import Compared
from appealbus.plugins.repeats.words import Article, Came, Label
from appealbus.schemas.appeal import Appeal

_NAMED = 120
"""Characters shown of a name of a body, a norm or an answer."""
_OF_OUTCOMES = ("came", "day", "ground", "reference")
_OF_OTHERS = (
    "number",
    "id",
    "accepted_at",
    "body",
    "similarity",
    "news",
    "article",
    "norm",
    "norm_kk",
    "new_attachments",
    "new_parcels",
)
_FOLDED = 3
"""Runs of at least this many equal sentences are folded, so that new text stands out."""


@view.get("/appeals/{id}/repeats", may=Action.REPEATS)
async def repeats(page: Page) -> Response:
    """Show similar appeals with their state, and one side by side; needs a purpose.

    The access is logged at each appeal that is shown in part.
    """
    sight = await sight_of(page, "repeats")
    if not sight.purpose:
        return await shown(page, sight, "appeal/repeats.html", sorts=[], chosen=None, groups=[], left={})
    wanted = page.query.get("beside", "")
    try:
        turns, compare = page.console.api.comparing, _comparing(wanted)
        told, numbers = await turns.take(lambda: compared(sight.views, sight.row, page.console.api.host, compare))
    except JournalError as error:
        raise damaged(page, error) from None
    except TimeoutError:
        text = page.words.say("To compare these letters takes too long, or others have some compared: try again later.")
        raise Refused(503, text) from None
    ((found, lines),) = [(each["comparison"], each["lines"]) for each in told["compared"]]
    others = {each["id"]: each for _, some, _ in _sorts(found) for each in some if each["id"]}
    if wanted and wanted not in others:
        raise Refused(404, page.words.say("This appeal has nothing in common with that one, or no longer."))
    await asyncio.gather(*(page.journal.do(people.Look("repeats", number, sight.purpose)) for number in numbers))
    groups, left = await asyncio.to_thread(_sides, lines)
    return await shown(
        page,
        sight,
        "appeal/repeats.html",
        sorts=[sort for sort in _sorts(found) if sort[1]],
        chosen=others.get(told["compared"][0]["beside"]),
        groups=groups,
        left=left,
        came=Came,
        article=Article,
        day=lambda said: _day(page, str(said)),
        named=_NAMED,
    )


def _comparing(wanted: str) -> Compare:
    """Return the comparison with the wanted appeal; if none is given, with the one that signals would name."""

    def compare(appeal: Appeal, past: Past) -> tuple[list[dict[str, Any]], frozenset[int]]:
        found = Compared(appeal, past)
        told = document(found)
        by_id = {other.public_id: other for other in past.others if other.appeal_id in told.shown}
        one = by_id.get(wanted) if wanted else _foremost(found)
        pairs = [] if one is None else side_by_side(appeal.text, one.appeal.text)
        lines = [(pair.kind.value, pair.now, pair.was) for pair in pairs]
        beside = "" if one is None else one.public_id
        return [{"comparison": told.document, "beside": beside, "lines": lines}], told.shown

    return compare


def _foremost(found: Compared) -> Other | None:
    if found.last is not None:
        return found.last.other
    return next(chain((each for each, _ in found.copies), reversed(found.neighbours)), None)


def _sides(lines: Sequence[Sides]) -> tuple[list[tuple[bool, list[Pieces]]], dict[str, int]]:
    """Return the visible lines with folding, and the number of omitted lines by kind."""
    kept = bounded(lines)
    runs = ((same, [*map(in_pieces, run)]) for same, run in groupby(kept, lambda each: each[0] == Label.SAME))
    return [(same and len(run) >= _FOLDED, run) for same, run in runs], dict(counted(lines) - counted(kept))


def _sorts(found: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]], Any]]:
    """Yield the name of each group, its appeals, and their total if the list is incomplete."""
    for sort in ("matters", "copies", "neighbours"):
        of, more = found[sort], None
        if isinstance(of, dict):
            of, more = of["others"], of if of["count"] > len(of["others"]) else None
        yield sort, [_whole(each) for each in of], more


def _whole(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return an appeal with all keys that a template uses; absent ones are None."""
    outcome = None if each.get("outcome") is None else {**dict.fromkeys(_OF_OUTCOMES), **each["outcome"]}
    return {**dict.fromkeys(_OF_OTHERS), **each, "outcome": outcome}


def _day(page: Page, said: str) -> str:
    is_day = len(said) == len("2026-01-31")
    return page.words.day(date.fromisoformat(said) if is_day else page.words.today(datetime.fromisoformat(said)))
