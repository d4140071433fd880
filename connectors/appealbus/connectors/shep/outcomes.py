"""Reads what the gateway says of a message: statuses and faults, each mapped to an outcome.

Only codes are looked at, never texts: those may quote a citizen's data.
"""

import re
from collections.abc import Iterator

from lxml import etree

from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.soap.envelope import Fault
from appealbus.connectors.soap.outcomes import fault_failure as soap_fault
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import child, text
from appealbus.schemas.outcome import OutcomeKind

# A code goes into ours only if it cannot be a citizen's: twelve digits in a row would be an ИИН.
_HARMLESS = re.compile(r"(?!.*\d{7})[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
_MAX_ERRORS = 16
"""Errors inside errors: the gateway names a cause or two, and a reply must not make us walk on for ever."""


def gateway_failure(code: str | None, settings: ShepSettings) -> CallFailed | None:
    """Return what a status of the gateway means; None where it means that there is an answer."""
    if code is None:
        return CallFailed(OutcomeKind.INVALID, "shep.no_status", "the gateway's reply has no status")
    if code in settings.success_codes:
        return None
    return _known([code], settings) or CallFailed(
        # The gateway answered for the service, so nothing is known of the record; asking again later may help.
        OutcomeKind.UNAVAILABLE,
        _coded("shep.status", code),
        "the gateway answered with a status that is not a success",
    )


def fault_failure(fault: Fault, settings: ShepSettings) -> CallFailed:
    """Return what a fault means, if it can be trusted.

    Args:
        fault: as the envelope had it.
        settings: whose lists of codes may say that there is no record, or no right.

    """
    codes = list(_error_codes(fault.detail))
    if not codes:
        failure = soap_fault(fault, {})
    elif fault.code == "Client":
        # Our message was at fault, and the same one would be again.
        failure = _fault(OutcomeKind.INVALID, codes[0], "the gateway did not accept the message as it was sent")
    else:
        failure = _fault(OutcomeKind.UNAVAILABLE, codes[0], "the gateway answered with a fault")
    return _known(codes, settings) or failure


def untrusted(code: str, reason: str) -> CallFailed:
    """Return what a fault means that could be anybody's: the question is asked again."""
    return CallFailed(OutcomeKind.UNAVAILABLE, code, reason)


def _fault(kind: OutcomeKind, code: str, reason: str) -> CallFailed:
    return CallFailed(kind, _coded("shep.fault", code), reason)


def _error_codes(error: etree._Element | None) -> Iterator[str]:
    """Yield the codes of an ErrorInfo and of those inside it, outermost first."""
    for _ in range(_MAX_ERRORS):
        if error is None:
            return
        code = text(error, "errorCode")
        if code is not None:
            yield code
        error = child(error, "subError")


def _known(codes: list[str], settings: ShepSettings) -> CallFailed | None:
    for code in codes:
        if code in settings.refused_codes:
            return CallFailed(OutcomeKind.REFUSED, _coded("shep.refused", code), "the gateway says that we may not ask")
        if code in settings.not_found_codes:
            return CallFailed(OutcomeKind.NOT_FOUND, _coded("shep.not_found", code), "the source knows no such record")
    return None


def _coded(prefix: str, code: str) -> str:
    return f"{prefix}.{code}" if _HARMLESS.fullmatch(code) else prefix
