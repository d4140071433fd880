"""What falls due, most urgent first, by day and body; and what would be due on another day than it is worked by."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from appealbus.core import AppealRow
from appealbus.core.management import appeals
from appealbus.core.management.appeals import AppealsFound, ListPosition, Selection
from appealbus.core.management.viewing import Action, Viewer
from appealbus.plugins.api import documented
from appealbus.plugins.api.answers import as_json
from appealbus.plugins.api.api import Api
from appealbus.plugins.api.callers import Caller, may_read
from appealbus.plugins.api.days import Day
from appealbus.plugins.api.problems import FIELD_HIDDEN, NOT_A_DAY, PURPOSE_MISSING, Problem
from appealbus.plugins.api.states import state_of
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.dossier import Completeness

router = documented.router(tags=["out"])

_STEPS = 5
"""Of some thousand appeals each: tenths of a second where hardly any is what is looked for. Then a page comes short."""
_LOOKED_THROUGH = 5
"""Pages of the journal that one page looks through where few of their appeals move; then it comes short."""


class DueQuery(BaseModel):
    """Which open appeals."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Day | None = Field(default=None, alias="from", description="Due on this day or later.")
    until: Day | None = Field(
        default=None, description="Due on this day or before; left out: those without a day, too."
    )
    body: Annotated[str, StringConstraints(pattern=r"^([0-9]{9}|[0-9]{12})$")] | None = Field(
        default=None,
        description="That they are written to now: its БИН, or where they name none its territory by КАТО.",
    )
    kind: AppealKind | None = None
    completeness: list[Completeness] = Field(
        default=[],
        max_length=100,
        description="`partial`: those that wait for facts; `settled`: that lack some; both by writing it twice.",
    )
    moved: bool = Field(
        default=False,
        description="Those alone that are due on another day as it is counted now than they are worked by, with that "
        "day as `counted_on`: `appealbus terms apply` moves them.",
    )
    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}\.[0-9]{1,18}$")] | None = Field(
        default=None, description="The `next` of the page before."
    )
    limit: int = Field(default=100, ge=1, le=100, description="The most appeals.")

    def check(self, viewer: Viewer) -> None:
        """Raise Problem where a viewer would learn what is hidden from it by what it chooses, or by the order."""
        chosen = [name for name in ("body", "kind", "completeness") if getattr(self, name) not in (None, [])]
        # What is open, and when it is due, is told by being in the list; what moves, by all that a term follows from.
        chosen += ["due_on", "closed", *(("body", "kind") if self.moved else ())]
        for name in dict.fromkeys(chosen):
            if not viewer.may_choose_by(name):
                raise Problem(FIELD_HIDDEN, f"the client's mask hides by what it would choose here: {name}")
        if self.moved and not viewer.sees_terms:
            raise Problem(FIELD_HIDDEN, "the client's mask hides something that terms follow from")

    @property
    def selection(self) -> Selection:
        """What is looked for in the journal."""
        before = None if self.until in (None, date.max) else self.until + timedelta(days=1)
        kind = None if self.kind is None else self.kind.value
        whole = ",".join(dict.fromkeys(self.completeness)) or None
        return Selection(
            kind=kind, body=self.body, completeness=whole, due_from=self.since, due_before=before, open=True
        )


@router.get(
    "/v1/terms",
    summary="See what falls due",
    **documented.route(
        PURPOSE_MISSING,
        FIELD_HIDDEN,
        NOT_A_DAY,
        ok={200: {"description": "A page, the most urgent first.", "content": documented.content("FallsDue")}},
        links=documented.links("$response.body#/appeals/0/id"),
    ),
)
async def terms(
    request: Request, caller: Annotated[Caller, may_read(Action.TERM)], asked: Annotated[DueQuery, Query()]
) -> Response:
    """List open appeals by the day on which they are due, each with the body that it is written to.

    A page may be short, or empty, where more follow: `next` says so. The day is that by which the bus works: the
    register's own, else the earliest that is counted.
    """
    asked.check(caller.viewer)
    told: list[dict[str, Any]] = []
    after = ListPosition(0) if asked.after is None else _place(asked.after)
    for _ in range(_LOOKED_THROUGH):
        page = await caller.journal.find(asked.selection, after, asked.limit, steps=_STEPS, sees=caller.viewer.sieve)
        for row, counted in await _counted(Api.of(request), caller, asked, page):
            told.append(await state_of(caller, row) | counted)
        if page.next is None or not asked.moved or told:
            break
        after = page.next
    await caller.looks("terms", found=len(told))
    return as_json({"appeals": told} | ({} if page.next is None else {"next": f"{page.next.first}.{page.next.id}"}))


def _place(text: str) -> ListPosition:
    day, _, at = text.partition(".")
    return ListPosition(int(at), int(day))


async def _counted(
    api: Api, caller: Caller, asked: DueQuery, page: AppealsFound
) -> list[tuple[AppealRow, dict[str, Any]]]:
    """Return what of a page the client sees; of what moves, with the day that is counted now."""
    if not asked.moved:
        return [(row, {}) for row in page.rows]
    rows = {row.appeal_id: row for row in page.rows}
    found: list[tuple[AppealRow, dict[str, Any]]] = []
    for case in await caller.journal.ask(appeals.cases, list(rows)):
        row = rows[case.appeal_id]
        given = case.appeal, case.first or case.appeal, case.receipt.accepted_at, case.kept_changes
        day = api.host.counting.due_on(*given, before=row.due_on)
        if day != row.due_on:
            found.append((row, {"counted_on": day}))
    return sorted(found, key=lambda each: (each[0].due_on or date.max, each[0].appeal_id))
