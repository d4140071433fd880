"""Applies a channel's renames to accepted appeals, as changes; the original form stays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from appealbus.core.clocks import wall
from appealbus.core.domain.case import Case
from appealbus.core.domain.client import EVERY, Sender
from appealbus.core.domain.listing import AppealRow, AppealState
from appealbus.core.errors import JournalError, MessageDiffers
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.journal import Journal
from appealbus.core.planning.paths import of_each, touch, within
from appealbus.core.preparation.changing import other_fields, with_changes
from appealbus.core.preparation.renaming import Mapped, mapped
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.notes import UNKNOWN, Unreadable
from appealbus.schemas.renames import RENAMED, Rename

PAGE = 20
"""Appeals per read: each may be as large as a message."""
_OURS = "renames-"


class Left(StrEnum):
    ENDED = "it was answered, withdrawn or closed"
    HELD = "it is held: `appealbus release`, then the same command again"
    CORRECTED = "somebody has corrected it there since"
    UNREADABLE = "what is kept of it as it was written cannot be read again"
    MEANWHILE = "somebody else has mapped it at the same moment"
    REFUSED = "its change is refused: `appealbus changes NUMBER` lists those that it has"


@dataclass(frozen=True, slots=True)
class Misnamed:
    number: str
    change: Change | None
    """None: skipped."""
    renames: tuple[Rename, ...] = ()
    left: Left | None = None


async def page_of(
    journal: Journal, channel: str, renames: Sequence[Rename], after: int, reason: str
) -> tuple[list[Misnamed], int | None]:
    """Return matches among a channel's next appeals, and the id to continue after; None: end."""
    rows, last = await journal.ask(figures.unread, channel, after, PAGE)
    cases = {case.appeal_id: case for case in await journal.ask(journal_cases.cases, [row.appeal_id for row in rows])}
    return [
        misnamed
        for row in rows
        if (misnamed := _misnamed(row, cases.get(row.appeal_id), renames, journal.actor, reason)) is not None
    ], last


async def write(journal: Journal, change: Change, accepted_by: str) -> Left | None:
    """Write the change of an appeal, once; return the reason if skipped."""
    sender = Sender(changes=frozenset({EVERY}))
    try:
        await journal.do(targets.Changing(NewChange(change, wall(), accepted_by, sender, actor=journal.actor)))
    except JournalError as error:
        if error.passes:
            raise
        return Left.MEANWHILE if isinstance(error, MessageDiffers) else Left.REFUSED
    return None


def _misnamed(row: AppealRow, case: Case | None, renames: Sequence[Rename], by: str, reason: str) -> Misnamed | None:
    if case is None:
        return Misnamed(row.number, None, left=Left.UNREADABLE)
    removed = [of_each(path) for change in case.kept_changes for path in change.change.removed]
    free = [rename for rename in renames if not any(touch(rename.to, path) for path in removed)]
    form = with_changes(case).appeal
    try:
        result = mapped(form, free)
        if result is None and _by_others(case):
            was = mapped(case.first or case.appeal, renames)
            return None if was is None else Misnamed(row.number, None, was.renames, Left.CORRECTED)
    except Unreadable:
        return Misnamed(row.number, None, left=Left.UNREADABLE)
    if result is None:
        return None
    # What could not be used where a rename leads to stays unknown where it stood.
    anew = list(other_fields(form, result.left))
    result = replace(
        result, renames=tuple(rename for rename in result.renames if any(touch(rename.to, field) for field in anew))
    )
    left = Left.ENDED if row.closed else Left.HELD if row.state is AppealState.HELD else None
    return Misnamed(row.number, None if left else _change(row, form, result, by, reason), result.renames, left)


def _by_others(case: Case) -> bool:
    """Whether someone else corrected the appeal; our own earlier changes do not count."""
    ids = [change.change.message_id for change in case.kept_changes]
    return bool(ids) and not any(id.startswith(_OURS) for id in ids)


def _change(row: AppealRow, form: Appeal, result: Mapped, by: str, reason: str) -> Change:
    said = result.correction.model_dump_json(exclude_none=True)
    # Of what is replaced, what was set aside of it is gone from the newest form: the change tells it.
    anew = tuple(other_fields(form, result.left))
    odd = [
        warning
        for warning in result.left.warnings
        if warning.code != RENAMED and any(within(warning.field, field) for field in anew)
    ]
    fields = {warning.field for warning in odd if warning.code in UNKNOWN}
    return Change(
        message_id=f"{_OURS}{sha256(f'{row.number} {said}'.encode()).hexdigest()[:32]}",
        channel=row.channel,
        number=row.number,
        kind=ChangeKind.CORRECTED,
        corrected=result.correction,
        removed=[rename.path for rename in result.renames],
        reason=reason,
        by=by.removeprefix("person:"),
        warnings=[warning.model_copy(update={"field": f"corrected.{warning.field}"}) for warning in odd],
        as_written=[
            written.model_copy(update={"field": f"corrected.{written.field}"})
            for written in result.left.as_written
            if written.field in fields
        ],
    )
