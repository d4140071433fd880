"""Parsing answers of the synchronous channel: by local name, as the gateway's dialects differ in the rest."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from lxml import etree

from appealbus.connectors.shep.data import is_empty, take, take_signed
from appealbus.connectors.xmldsig import DataVerifier
from appealbus.core import CallFailed, SingleUse
from appealbus.core.replies.convert import moment_from
from appealbus.core.replies.xmlread import text
from appealbus.schemas.outcome import OutcomeKind

_ID_LENGTH = 100
"""Characters of an id: UUIDs or numbers. The limit bounds the size of a dossier."""

_MENDED = 60.0
"""Seconds to wait before asking again: a wrong clock affects all answers."""


@dataclass(frozen=True, slots=True)
class Response:
    """The gateway's description of its answer, and the answer itself.

    `correlation_id` ties it to a question; `date` is as written; `data` is the element with the business content.
    """

    status: str | None
    message_id: str | None
    session_id: str | None
    correlation_id: str | None
    date: str | None
    data: etree._Element | None

    @property
    def is_empty(self) -> bool:
        return self.data is None or is_empty(self.data)


def read_response(children: tuple[etree._Element, ...]) -> Response:
    """Parse the body. Raises CallFailed `shep.response` if it does not hold exactly one response."""
    if len(children) != 1:
        raise _broken("the reply's body does not hold exactly one element")
    wrapper = children[0]
    # Some receivers leave out the element between the wrapper and the two parts.
    response = _only(wrapper, "response")
    response = wrapper if response is None else response
    info = _only(response, "responseInfo")
    if info is None:
        raise _broken("the reply has no responseInfo")
    for name in ("messageId", "correlationId", "responseDate", "sessionId"):
        _only(info, name)
    status = _only(info, "status")
    if status is not None:
        _only(status, "code")
    holder = _only(response, "responseData")
    return Response(
        status=text(info, "status/code"),
        message_id=_bounded(text(info, "messageId")),
        session_id=_bounded(text(info, "sessionId") or text(info, "sender/sessionId")),
        correlation_id=text(info, "correlationId"),
        date=text(info, "responseDate"),
        data=_only(holder, "data") if holder is not None else None,
    )


def content_of(
    response: Response, *, limit: int, bare: bool = False, verifier: DataVerifier | None = None
) -> etree._Element:
    """Return the business content of an answer; an empty element if there is none.

    Args:
        bare: whether the question's content was not wrapped.
        verifier: verifies the content's signature; None: it need not be signed.

    Raises:
        CallFailed: `shep.data_*`, if it cannot be parsed; `data_signature.*`.
    """
    data = response.data if response.data is not None else etree.Element("data")
    if verifier is not None:
        return take_signed(data, limit=limit, bare=bare, verifier=verifier)
    return take(data, limit=limit, bare=bare)


def _only(parent: etree._Element, name: str) -> etree._Element | None:
    """Return the only child of this name. A second one is an error, as it would be lost silently."""
    elements = list(parent.iterchildren("{*}" + name))
    if len(elements) > 1:
        raise _broken(f"the reply has more than one {name}")
    return elements[0] if elements else None


def _bounded(value: str | None) -> str | None:
    return value[:_ID_LENGTH] if value is not None else None


def _broken(reason: str) -> CallFailed:
    return CallFailed(OutcomeKind.INVALID, "shep.response", reason)


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
