"""Mapping of SOAP faults to outcomes."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice

from appealbus.connectors.http import DENIED, HttpReply
from appealbus.connectors.soap.envelope import Fault
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.outcome import OutcomeKind

_AUTHENTICATION = frozenset({"Authentication", "FailedAuthentication", "FailedCheck", "InvalidSecurityToken"})
_MOST = 100
"""Elements inside the detail's own whose names are compared: a contract has a few, and a reply must have an end."""
_FAULTS = {
    "Client": (OutcomeKind.INVALID, "soap.fault.client", "the source finds a fault in our request"),
    "Server": (OutcomeKind.UNAVAILABLE, "soap.fault.server", "the source failed on its side"),
    "VersionMismatch": (OutcomeKind.INVALID, "soap.fault.version_mismatch", "the source speaks another SOAP version"),
    "MustUnderstand": (OutcomeKind.INVALID, "soap.fault.must_understand", "the source does not know a header of ours"),
}


def fault_failure(
    fault: Fault, overrides: Mapping[str, OutcomeKind], texts: Mapping[str, OutcomeKind] | None = None
) -> CallFailed:
    """Return the failure that the fault stands for.

    Args:
        overrides: outcomes by the name of a detail element or its child, a subcode, or the code, as received or as
            normalized. The most specific name counts.
        texts: outcomes by patterns of the text, in this order, with `*` as wildcard. They take precedence over codes.
    """
    reason = "the source answered with a fault that the settings give this outcome"
    for name in _detail_names(fault):
        if name in overrides:
            return CallFailed(overrides[name], f"soap.fault.{name}", reason)
    words = _folded(fault.text)
    for pattern, kind in (texts or {}).items():
        if _has(words, pattern):
            return CallFailed(kind, "soap.fault.text", reason)
    for name in _code_names(fault):
        if name in overrides:
            return CallFailed(overrides[name], f"soap.fault.{name}", reason)
    if not _AUTHENTICATION.isdisjoint((fault.code, *fault.subcodes)):
        # About us and not about the question, as with HTTP 401: mended, the same question is answered.
        kind, code = OutcomeKind.UNAVAILABLE, "soap.fault.authentication"
        reason = "the source does not accept the bus; check credentials and certificates"
    else:
        kind, code, reason = _FAULTS.get(
            fault.code, (OutcomeKind.INVALID, "soap.fault.other", "the source answered with a fault of its own kind")
        )
    return CallFailed(kind, code, reason)


def by_precedence(fault: CallFailed, reply: HttpReply, failed: CallFailed | None) -> CallFailed:
    """Choose between a fault and the failure of its HTTP status.

    The status counts if it denies access and the fault is not final, else the fault.
    """
    final = fault.kind in (OutcomeKind.REFUSED, OutcomeKind.NOT_FOUND)
    return fault if failed is None or final or reply.status not in DENIED else failed


def _detail_names(fault: Fault) -> Iterator[str]:
    yield from (local_name(element) for element in fault.details)
    inside = chain.from_iterable(element.iterchildren() for element in fault.details)
    yield from (local_name(element) for element in islice(inside, _MOST))


def _code_names(fault: Fault) -> Iterator[str]:
    yield from reversed(fault.subcodes)
    if fault.subcodes:
        yield ".".join((fault.code, *fault.subcodes))
        yield fault.name
    yield fault.code
    yield fault.name.partition(".")[0]


def _has(text: str, pattern: str) -> bool:
    """Whether a text contains all parts of a pattern in order; linear in the text's length."""
    at = 0
    for part in filter(None, map(str.strip, _folded(pattern).split("*"))):
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
