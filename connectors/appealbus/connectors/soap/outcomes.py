"""What a SOAP fault means."""

from collections.abc import Iterator, Mapping

from appealbus.connectors.http import DENIED, HttpReply
from appealbus.connectors.soap.envelope import Fault
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import local_name
from appealbus.schemas.outcome import OutcomeKind

_AUTHENTICATION = frozenset({"Authentication", "FailedAuthentication", "FailedCheck", "InvalidSecurityToken"})
_FAULTS = {
    "Client": (OutcomeKind.INVALID, "soap.fault.client", "the source finds a fault in our request"),
    "Server": (OutcomeKind.UNAVAILABLE, "soap.fault.server", "the source failed on its side"),
    "VersionMismatch": (OutcomeKind.INVALID, "soap.fault.version_mismatch", "the source speaks another SOAP version"),
    "MustUnderstand": (OutcomeKind.INVALID, "soap.fault.must_understand", "the source does not know a header of ours"),
}


def fault_failure(fault: Fault, overrides: Mapping[str, OutcomeKind]) -> CallFailed:
    """Return the failure that the fault stands for.

    Args:
        fault: what came.
        overrides: outcomes by name of the detail element, subcode or code; the most special name counts.

    """
    for name in _names(fault):
        if name in overrides:
            return CallFailed(
                overrides[name],
                f"soap.fault.{name}",
                "the source answered with a fault that the settings give this outcome",
            )
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
    """Return which failure counts where a fault came with an HTTP error.

    It is the status's if that denies us access and the fault is not final, else the fault's.

    Args:
        fault: what the fault means.
        reply: the HTTP answer that the fault came in.
        failed: what the reply's status means.

    """
    final = fault.kind in (OutcomeKind.REFUSED, OutcomeKind.NOT_FOUND)
    return fault if failed is None or final or reply.status not in DENIED else failed


def _names(fault: Fault) -> Iterator[str]:
    if fault.detail is not None:
        yield local_name(fault.detail)
    yield from reversed(fault.subcodes)
    if fault.subcodes:
        yield ".".join((fault.code, *fault.subcodes))
    yield fault.code
