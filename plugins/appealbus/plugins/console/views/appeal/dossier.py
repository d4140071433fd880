"""The dossier: appeal, records of registers, and the origin of each field."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from appealbus.core import JournalError
from appealbus.core.language import rows_of, trail_name, trail_value
from appealbus.core.management.viewing import Action, FieldError, FieldHidden, MaskedVersion, leaves_of, titled
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.truncation import Room
from appealbus.plugins.console.views.appeal.queries import damaged, shown, sight_of, view
from appealbus.plugins.console.words import said
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity
from appealbus.schemas.stored import DOSSIER

_HIDDEN = "hidden"
"""Marker in a dossier where the mask has hidden something."""
_NOT_HERE = frozenset({"schema_version", "type", "number"})
"""Technical fields, or fields shown elsewhere on the page."""
_IN_WORDS = {"applicant.type": {"person": said("person"), "organisation": said("organisation")}}
"""Values that have a translation, by field."""
_OF_A_FOUND, _OF_A_LINE = 200, 20
"""Bytes of an explained field's markup, and of each line of its trail."""


@view.get("/appeals/{id}/dossier", may=Action.DOSSIER)
async def dossier(page: Page) -> Response:
    """Show a version, by default the newest. Without a purpose only record types and sources are shown."""
    version = version_in(page, "version")
    sight = await sight_of(page, "dossier", **({} if version is None else {"version": version}))
    try:
        found = await sight.views.dossier(sight.row, version)
        whole = found if sight.purpose else await page.views.dossier(sight.row, version)
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    if found is None or whole is None:
        raise Refused(404, page.words.say("There is no such version of the dossier."))
    told, room = whole.document, Room(page.number("behind", page.nowhere) or 0)
    appeal = room.fields(_appeal(page, whole)) if sight.purpose else []
    records = _records(page, whole, room, is_open=bool(sight.purpose))
    return await shown(
        page,
        sight,
        "appeal/dossier.html",
        version=found.version,
        appeal=appeal,
        records=records,
        pages=page.pages(room.next, "behind"),
        signals=[(Severity.stored(each["severity"]), each) for each in told.get("signals", ())]
        if sight.purpose
        else [],
        left=[(each["lookup"], page.words.reason("", each.get("reason", ""))) for each in told.get("not_carried", ())],
        gaps=[(each["lookup"], OutcomeKind.stored(each["outcome"])) for each in told.get("gaps", ())],
    )


def _appeal(page: Page, whole: MaskedVersion) -> list[tuple[str, str]]:
    """Return the appeal's fields; if nothing is hidden, each once and in the person's language."""
    if _HIDDEN in whole.document:
        found = [(path, page.words.value(value)) for path, value in rows(whole.document.get("appeal", {}))]
    else:
        found = [row for row in rows_of(DOSSIER.read(whole.raw).appeal, page.words) if row[0] not in _NOT_HERE]
    say = page.words.say
    return [
        (path, say(_IN_WORDS[path][value]) if value in _IN_WORDS.get(path, ()) else page.words.value(value))
        for path, value in found
    ]


def _records(page: Page, whole: MaskedVersion, room: Room, *, is_open: bool) -> list[dict[str, Any]]:
    """Return the records that fit on the page, with their origin; their fields only if `is_open`."""
    typed = [] if _HIDDEN in whole.document else DOSSIER.read(whole.raw).facts
    provisional = {(gap["lookup"], gap["key"]): gap for gap in whole.document.get("gaps", ())}
    found = []
    for at, each in enumerate(whole.document.get("facts", ())):
        record, origin = each.get("record", {}), each.get("provenance", {})
        unknown, unchecked = origin.get("unknown"), origin.get("unchecked")
        plain = [(path, page.words.value(value)) for path, value in rows(record)]
        told = list(rows_of(typed[at].record, page.words)) if typed else plain
        trail = [
            (name, value) for name, value in each.get("provenance", {}).items() if isinstance(value, str) and value
        ]
        trail_of = ((trail_name(name, page.words), _value(page, name, value)) for name, value in trail)
        shown_trail = room.fields(trail_of, linked=False)
        shown_rows = room.fields(row for row in told if row[0] not in _NOT_HERE) if is_open else []
        if not (shown_trail or shown_rows):
            continue  # it has stood on a page before, or will on the next
        found.append(
            {
                "lookup": each["lookup"],
                "path": titled(each, whole.document),
                "rows": shown_rows,
                "provisional": _provisional(page, provisional.get((each["lookup"], each["key"]))),
                "unknown": page.words.unknown(unknown, str(record.get("type", ""))) if unknown else "",
                "unchecked": page.words.unchecked(unchecked, str(record.get("type", ""))) if unchecked else "",
                "count": len(plain),
                "trail": shown_trail,
                "type": str(record.get("type", "")).rpartition(".")[2],
            }
        )
    return found


def _provisional(page: Page, gap: Mapping[str, Any] | None) -> str:
    """Return why a record is provisional and when it is asked again; empty if it is final."""
    if gap is None:
        return ""
    again = gap.get("next_attempt_at")
    when = page.words.say("again {moment}", moment=page.words.moment(datetime.fromisoformat(again))) if again else ""
    told = [page.words.reason(gap.get("code", ""), gap.get("reason", "")), when]
    return page.words.say("provisional: {reason}", reason="; ".join(each for each in told if each))


@view.get("/appeals/{id}/explain", may=Action.EXPLAIN)
async def explain(page: Page) -> Response:
    sight = await sight_of(page, "explain")
    field = page.query.get("field", "")[:300]
    if not sight.purpose:
        return page.go(f"{sight.path}/dossier")
    try:
        found = await sight.views.explain(sight.row, field)
    except FieldHidden:
        raise Refused(403, page.words.say("This field is hidden from you.")) from None
    except (FieldError, ValueError):
        raise Refused(404, page.words.say("The dossier has no such field.")) from None
    room, trails = Room(page.number("behind", page.nowhere) or 0), []
    for each in found or ():
        trail = [
            text
            for name, value in each.trail.items()
            for text in (trail_name(name, page.words), trail_value(name, value, each.trail, page.words))
        ]
        value = "–" if each.value is None else page.words.value(each.value)
        beside = _OF_A_FOUND + _OF_A_LINE * len(each.trail)
        if (kept := room.take(each.path, value, *trail, beside=beside)) is not None:
            path, value, *trail = kept
            trails.append((path, value, list(zip(trail[::2], trail[1::2], strict=True))))
    return await shown(page, sight, "appeal/explain.html", found=trails, pages=page.pages(room.next, "behind"))


def rows(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield path and value of each field, without empty ones and those shown elsewhere on the page."""
    return leaves_of({name: item for name, item in value.items() if name not in _NOT_HERE})


def _value(page: Page, name: str, value: str) -> str:
    if name == "purpose":
        return page.words.purpose(value)
    return page.words.moment(datetime.fromisoformat(value)) if name.endswith("_at") else value


def version_in(page: Page, name: str) -> int | None:
    return page.number(name, Refused(404, page.words.say("There is no such version of the dossier.")), most=10**9)
