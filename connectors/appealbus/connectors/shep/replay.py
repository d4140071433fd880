"""What keeps a recorded answer from passing for a new one: it stays validly signed, so its date and its use count."""

import hashlib
from datetime import datetime, timedelta

from lxml import etree

from appealbus.core import CallFailed, SingleUse
from appealbus.core.replies.convert import moment_from
from appealbus.schemas.outcome import OutcomeKind

_MENDED = 60.0
"""Seconds in which a clock may be set right, which is wrong for all answers: until then nothing need be asked."""


def single_use(body: etree._Element, date: str | None, *, now: datetime, window: float) -> SingleUse:
    """Return what a signed answer is known again by, if its date is near enough.

    The key is made of the whole signed Body, canonical as it was signed: ids alone would not do, since services leave
    them out or count them by themselves.

    Args:
        body: the Body that was signed.
        date: of the answer, as it is written in there; one without a zone is in Kazakhstan's time.
        now: the time by our clock.
        window: seconds that the date may differ, either way.

    Raises:
        CallFailed: `shep.no_date`, `shep.date`, `xml.malformed`.

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
