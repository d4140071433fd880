"""Parsing answers of the synchronous channel: by local name, as the gateway's dialects differ in the rest."""

from dataclasses import dataclass

from lxml import etree

from appealbus.connectors.shep.data import is_empty, take, take_signed
from appealbus.connectors.xmldsig import DataVerifier
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import text
from appealbus.schemas.outcome import OutcomeKind

_ID_LENGTH = 100
"""Characters of an id: UUIDs or numbers. The limit bounds the size of a dossier."""


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
