"""Mapping of gateway statuses and faults to outcomes.

Only codes are used, never texts, which may quote a citizen's data. The gateway publishes no list of codes; these are
the ones that public programs send and read. The settings take precedence.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree

from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.soap.envelope import Fault
from appealbus.connectors.soap.outcomes import fault_failure as soap_fault
from appealbus.core import CallFailed
from appealbus.core.replies.xmlread import child, text
from appealbus.schemas.outcome import OutcomeKind

BUSINESS_ERRORS: Final = frozenset({"SCSE001", "SCSE002"})
"""Statuses that forward an error of the register: its answer has a code of its own."""

_OURS: Final = {
    "SCE001": "the gateway finds that the message does not fit its format",
    "SCE004": "the gateway knows no such service; check service_id",
    "SCE016": "the service finds the signature of the content wrong; check data_signature",
    "SCE017": "the service takes signed content alone; set data_signature",
}
"""Errors in the question: the same one would be refused again."""
_CONTENT: Final = frozenset({"SCE016", "SCE017"})
"""Codes about the signature of the content of all questions: wait before asking again."""
_SIGNATURES: Final = {
    "SCE005": "the gateway finds the message's signature out of date; renew the certificate of signature",
    "SCE006": "the gateway finds the message's signature wrong; check key and certificate of signature",
    "SCE007": "the gateway takes signed messages alone; set signature",
    "SCE015": "the service finds the content's signature out of date; renew the certificate of data_signature",
}
"""Errors that an administrator must fix for all questions."""
_MENDED: Final = 300.0
"""Seconds to wait before asking again: nobody renews a certificate faster."""

# A code goes into ours only if it cannot be a citizen's: twelve digits in a row would be an ИИН.
_HARMLESS = re.compile(r"(?!.*\d{7})[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII)
_GATEWAYS = re.compile(r"SCS?E\d{3}", re.ASCII)
"""Form of the gateway's codes where a fault has one instead of SOAP's own."""
_MAX_ERRORS = 16
"""Nested errors read: the gateway names one or two causes, and a reply must not keep us busy."""


def gateway_failure(code: str | None, settings: ShepSettings, *, is_empty: bool = True) -> CallFailed | None:
    """Return the failure that a gateway status stands for, by the settings first; None if there is an answer.

    `is_empty`: the answer has no content, so a business error is no answer either.
    """
    if code is None:
        return CallFailed(OutcomeKind.INVALID, "shep.no_status", "the gateway's reply has no status")
    if code in settings.success_codes:
        return None
    named = _named([code], settings)
    if named is not None:
        return named
    if code in BUSINESS_ERRORS:
        reason = "the gateway says that the register answered with an error of its business, and brings no answer"
        return CallFailed(OutcomeKind.INVALID, status_code(code), reason) if is_empty else None
    return _known(code, "shep.status") or CallFailed(
        # The gateway answered for the service, so nothing is known of the record; asking again later may help.
        OutcomeKind.UNAVAILABLE,
        status_code(code),
        "the gateway answered with a status that is not a success",
    )


def status_code(code: str) -> str:
    return _coded("shep.status", code)


def fault_failure(fault: Fault, settings: ShepSettings) -> CallFailed:
    """Return the failure that a trusted fault stands for. The settings may map it to no record, or no permission."""
    codes = list(_error_codes(fault.detail))
    name = fault.code.strip()
    # Some services say their code as the fault's own, with or without a detail that repeats it.
    if name not in codes and (_GATEWAYS.fullmatch(name) or _named([name], settings)):
        codes.append(name)
    if not codes:
        return soap_fault(fault, {})
    known = _named(codes, settings) or next(filter(None, (_known(code, "shep.fault") for code in codes)), None)
    if known is not None:
        return known
    if name == "Client":
        # Our message was at fault, and the same one would be again.
        return _fault(OutcomeKind.INVALID, codes[0], "the gateway did not accept the message as it was sent")
    return _fault(OutcomeKind.UNAVAILABLE, codes[0], "the gateway answered with a fault")


def untrusted(code: str, reason: str) -> CallFailed:
    """Return the failure of an unauthenticated fault: the question is asked again."""
    return CallFailed(OutcomeKind.UNAVAILABLE, code, reason)


def _fault(kind: OutcomeKind, code: str, reason: str) -> CallFailed:
    return CallFailed(kind, _coded("shep.fault", code), reason)


def _error_codes(error: etree._Element | None) -> Iterator[str]:
    """Yield the codes of an ErrorInfo and of its nested ones, outermost first."""
    for _ in range(_MAX_ERRORS):
        if error is None:
            return
        code = text(error, "errorCode")
        if code is not None:
            yield code
        error = child(error, "subError")


def _named(codes: Sequence[str], settings: ShepSettings) -> CallFailed | None:
    """Return the failure of the first code listed in the settings."""
    for code in codes:
        if code in settings.refused_codes:
            return CallFailed(OutcomeKind.REFUSED, _coded("shep.refused", code), "the gateway says that we may not ask")
        if code in settings.not_found_codes:
            return CallFailed(OutcomeKind.NOT_FOUND, _coded("shep.not_found", code), "the source knows no such record")
    return None


def _known(code: str, prefix: str) -> CallFailed | None:
    """Return the failure that public programs associate with a code."""
    if code in _OURS:
        pause = _MENDED if code in _CONTENT else None
        return CallFailed(OutcomeKind.INVALID, f"{prefix}.{code}", _OURS[code], retry_after=pause)
    if code in _SIGNATURES:
        return CallFailed(OutcomeKind.UNAVAILABLE, f"shep.signature.{code}", _SIGNATURES[code], retry_after=_MENDED)
    return None


def _coded(prefix: str, code: str) -> str:
    return f"{prefix}.{code}" if _HARMLESS.fullmatch(code) else prefix
