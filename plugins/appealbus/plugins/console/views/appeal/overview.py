"""State of an appeal: causes of gaps, plan with outcomes, deliveries and possible actions."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from starlette.responses import Response

from appealbus.core import AppealState, JournalError
from appealbus.core.management import appeals
from appealbus.core.management import deliveries as journal_deliveries
from appealbus.core.management.appeals import PENDING
from appealbus.core.management.deliveries import ShownVersion
from appealbus.core.management.sources import SourceStanding, standings
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.forms import number_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.plan import Plan, plan_of
from appealbus.plugins.console.views.appeal.queries import AppealView, damaged, shown, sight_of, view
from appealbus.plugins.console.views.deliveries.queries import receiver_path
from appealbus.plugins.console.views.deliveries.refusals import why
from appealbus.plugins.console.words import Words
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.signal import Severity

_DELIVERIES = 30
"""Maximum number of deliveries shown, each with a form; the receiver's page has all."""
_CAUSES, _OUTCOMES = 30, 10
"""Maximum number of open and final causes shown, and outcomes of each lookup in the plan. A lookup for a letter with a
hundred parcels can be missing a hundred times."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a lookup is missing: its outcome, its source's state, and the time of the next attempt."""

    lookup: str
    outcome: OutcomeKind
    code: str
    reason: str
    required: bool
    next_at: datetime | None
    source: SourceStanding | None

    @property
    def is_open(self) -> bool:
        """Whether the answer may still come."""
        return not self.outcome.final and not (self.outcome is OutcomeKind.SKIPPED and self.code != PENDING)


@view.get("/appeals/{id}", may=Action.STATE)
async def appeal(page: Page) -> Response:
    sight = await sight_of(page, "why")
    may_know = page.viewer.may(Action.WHY)
    try:
        newest = await sight.views.newest(sight.row) if may_know else None
    except (ValueError, JournalError) as error:
        raise damaged(page, error) from None
    document: dict[str, Any] = {} if newest is None else newest.document
    causes = await _causes(page, document)
    plan = plan_of(document, await page.journal.ask(appeals.known)) if document else Plan()
    operates = page.viewer.may(Action.OPERATE)
    deliveries = (
        await page.journal.ask(journal_deliveries.deliveries, sight.row.number, limit=_DELIVERIES) if operates else []
    )
    return await shown(
        page,
        sight,
        "appeal/overview.html",
        terms=await _terms(page, sight) if page.viewer.may(Action.TERM) else [],
        knows=may_know,
        asked=number_of(page.query.get("n", "")),
        causes=causes,
        most=_CAUSES,
        most_outcomes=_OUTCOMES,
        plan=plan,
        signals=[(Severity.stored(each["severity"]), each) for each in document.get("signals", ())],
        operates=operates,
        held=sight.row.state is AppealState.HELD,
        deliveries=deliveries,
        receiver_path=receiver_path,
        shown_of=ShownVersion.of,
        why=partial(why, page.words),
    )


async def _terms(page: Page, sight: AppealView) -> list[tuple[dict[str, Any], str, list[tuple[str, str]]]]:
    """Return the basis of each plugin's current term, as far as the viewer may see it: norm, days and other details."""
    words, today = page.words, page.today
    told = await sight.views.term(sight.row, lambda case: page.console.api.host.counting.proofs(case, today))
    found = []
    for each in told.get("terms", ()):
        proof = each.get("proof") or {}
        term = next((one["term"] for one in reversed(proof.get("considered") or ()) if one.get("term")), None)
        if term is None:
            continue
        norm, days = term["norm"], {"working": words.say("working days"), "calendar": words.say("calendar days")}
        rows = [
            (words.say("Registered"), _day(words, term["registered"])),
            (words.say("Counted from"), _day(words, term["first_day"])),
            (words.say("Calendar"), str(term["calendar"])),
            (words.say("Norms"), str(term["norms"])),
            (words.say("First wrote"), _day(words, proof.get("first_wrote"))),
        ]
        length = f"{norm['days']} {days.get(norm['unit'], norm['unit'])}"
        found.append((norm, length, [row for row in rows if row[1]]))
    return found


def _day(words: Words, day: Any) -> str:
    return words.day(day if isinstance(day, date) else date.fromisoformat(day)) if day else ""


async def _causes(page: Page, document: dict[str, Any]) -> list[Cause]:
    gaps = document.get("gaps", ())
    if not gaps:
        return []
    sources = {source.name: source for source in await standings(page.journal, parked=())}
    found = []
    for gap in gaps:
        kind = OutcomeKind.stored(gap["outcome"])
        source = gap["lookup"].partition(".")[0]
        waits = not kind.final and kind is not OutcomeKind.SKIPPED  # what is skipped has no source that fails it
        found.append(
            Cause(
                gap["lookup"],
                kind,
                gap.get("code", ""),
                page.words.reason(gap.get("code", ""), gap.get("reason", "")),
                bool(gap.get("required")),
                datetime.fromisoformat(at) if (at := gap.get("next_attempt_at")) else None,
                sources.get(source) if waits else None,
            )
        )
    return sorted(found, key=lambda each: (not each.is_open, not each.required, each.lookup))
