"""Shared parts of the quarantine pages: translated reasons, and masked rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appealbus.core.escaping import one_line
from appealbus.core.management import quarantine
from appealbus.core.management.quarantine import QuarantineRow, copies
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.details import Detail
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.forms import number_of
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.view import View
from appealbus.plugins.console.views.quarantine.details import REASONS_KEPT
from appealbus.plugins.console.words import said

view = View("quarantine", "Quarantine", place=60, path="/quarantine", needs=Action.OPERATE)

REASONS = {
    "": said("It came before reasons had codes."),
    "json.malformed": said("It is no JSON, or not in UTF-8."),
    "xml.malformed": said("It is no XML."),
    "xml.encoding": said("It is in an encoding that is not read."),
    "xml.doctype": said("It declares a DTD, which is not taken."),
    "xml.too_many": said("It has too many tags or attributes."),
    "appeal.invalid": said("It is no appeal of a version that the bus knows."),
    "appeal.empty": said("No field of it says anything."),
    "change.invalid": said("It is no change that the bus knows."),
    "message_id.invalid": said("Its message id is no text that tells messages apart."),
    "message.differs": said("Its message id belongs to another message."),
    "message.too_complex": said("It is too complex to be read."),
    "message.too_large": said("It is too large; only its beginning is kept."),
    "message.unreadable": said("Its intake or the broker could not hand it on."),
    "message.kills": said("Processes died while they read it."),
    "message.defect": said("The bus itself failed over it: report that."),
    "message.cut": said("Only its beginning is kept: its sender has to send a smaller one."),
    "message.came_meanwhile": said("An appeal with its number is here already, perhaps its corrected copy."),
    "change.no_appeal": said("The change does not say which appeal it is about."),
    "change.foreign": said("The change is about an appeal of another channel."),
    "change.out_of_scope": said("The change is about an appeal that its sender may not change, or not in this way."),
    "change.not_allowed": said("Its sender may not send such changes."),
    "change.contradictory": said("Number and message id in the change are not of one appeal."),
    "change.too_many": said("Its appeal has too many changes already."),
    "change.too_large": said("Its appeal is not known, and the change is too large to wait for it."),
    "change.too_many_wait": said("Its appeal is not known, and too many changes wait already."),
    "change.appeal_unknown": said("Its appeal did not come in time."),
}
"""Explanation by code; for any other code the stored reason is shown."""


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message in quarantine without its content, masked for the person.

    `came` is the number of the appeal made from a copy; `path` leads to the appeal with `number`.
    """

    id: int
    at: datetime
    channel: str
    position: str
    code: str
    reason: Sequence[Detail]
    state: str
    number: str
    came: str
    closed: str


def check(page: Page) -> None:
    """Raise Refused unless the person may see messages of unknown origin."""
    if page.viewer.channel or not page.viewer.covers(None, None):
        raise Refused(403, page.words.say("These have no place and no kind: who sees some appeals alone sees none."))


async def seen(page: Page, rows: Sequence[QuarantineRow]) -> list[MessageView]:
    """Mask rows for the person; waiting ones show which copies were accepted since."""
    came = {} if page.viewer.mask.hides_numbers else await copies(page.journal, rows)
    return [_seen(page, row, came.get(row.id, "")) for row in rows]


def _seen(page: Page, row: QuarantineRow, came: str) -> MessageView:
    def text(said: str) -> str:
        return one_line(page.viewer.mask.text(said))

    state = "replayed" if row.replayed_at else "closed" if row.closed_at else "waiting"
    closed = f"{row.closed_by}: {row.closed_reason}" if row.closed_at else ""
    return MessageView(
        *(row.id, row.at, row.channel, text(row.position), row.code, told(page, row.reason), state),
        *(page.viewer.mask.number(row.number), text(came), text(closed)),
    )


def outcome_of(page: Page) -> tuple[str, int, int] | None:
    """Return the result of the previous action from the URL: word, number done, number left."""
    done, (n, left) = page.query.get("done", ""), (number_of(page.query.get(name, ""), 999) for name in ("n", "left"))
    return None if done not in ("take", "close") or n is None or left is None else (done, n, left)


def told(page: Page, reason: str) -> Sequence[Detail]:
    """Translate a reason where possible; the original is English and may name an appeal."""
    kept = "" if page.viewer.mask.hides_numbers else one_line(page.viewer.mask.text(reason))
    return REASONS_KEPT.parts(kept, page.words)


async def path_of(page: Page, number: str) -> str:
    """Return the appeal's page; empty if it is missing or hidden."""
    found = await page.appeal_with(number)
    return "" if found is None else f"/console/appeals/{found.public_id}"


def key_of(page: Page, text: str) -> int:
    if (key := number_of(text)) is None:
        raise page.nowhere
    return key


async def row_of(page: Page) -> QuarantineRow:
    row = await page.journal.ask(quarantine.quarantine_row, page.request.path_params["id"])
    if row is None:
        raise Refused(
            404, page.words.say("There is no such message in quarantine: perhaps it was deleted for its age.")
        )
    return row
