"""Protection against replayed answers: a recorded one stays validly signed, so its date and earlier use count."""

import hashlib
from datetime import datetime, timedelta

from lxml import etree

from appealbus.core import CallFailed, SingleUse
from appealbus.core.replies.convert import moment_from
from appealbus.schemas.outcome import OutcomeKind

_MENDED = 60.0
"""Seconds to wait before asking again: a wrong clock affects all answers."""


def single_use(body: etree._Element, date: str | None, *, now: datetime, window: float) -> SingleUse:
    """Return the key that identifies a signed answer, if its date is at most `window` seconds from `now`.

    The key covers the whole signed Body in canonical form. Ids alone are not enough: services omit or number them. A
    date without a zone is in Kazakhstan's time. Raises CallFailed `shep.no_date`, `shep.date`, `xml.malformed`.
    """
    if date is None:
        raise CallFailed(OutcomeKind.INVALID, "shep.no_date", "the signed answer has no date, so it may be an old one")
    try:
        moment = moment_from(date if ":" in date else "")  # a bare day is near no moment
    except ValueError:
        raise CallFailed(OutcomeKind.INVALID, "shep.no_date", "the signed answer has a date that is none") from None
    allowed = timedelta(seconds=window)
    if abs(moment - now) > allowed:
        reason = "the date of the signed answer is too far from our clock; see that the clock is right, and date_window"
        raise CallFailed(OutcomeKind.INVALID, "shep.date", reason, retry_after=_MENDED)
    try:
        canonical = etree.tostring(body, method="c14n", exclusive=True, with_comments=False)
    except etree.C14NError:
        raise CallFailed(OutcomeKind.INVALID, "xml.malformed", "the signed answer has no canonical form") from None
    return SingleUse(hashlib.sha256(canonical).hexdigest(), moment + allowed)
