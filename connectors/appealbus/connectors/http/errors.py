"""Errors of the HTTP library as typed failures. Its own texts are not used: they may quote received data."""

import aiohttp

from appealbus.connectors.http.connection import Unasked, Unwatched
from appealbus.core import CallFailed
from appealbus.schemas.outcome import OutcomeKind

_FAILURES: tuple[tuple[type[BaseException], OutcomeKind, str, str], ...] = (
    # The first class that fits counts, so the special ones come first.
    (Unasked, OutcomeKind.UNAVAILABLE, "http.unasked", "the server sent more than was asked; none of it is used"),
    (
        Unwatched,
        OutcomeKind.UNAVAILABLE,
        "http.unwatched",
        "this version of aiohttp makes connections of its own, on which answers cannot be told apart; "
        "install the version in requirements/run.lock",
    ),
    (aiohttp.ConnectionTimeoutError, OutcomeKind.TIMED_OUT, "http.connect_timeout", "no connection in time"),
    (TimeoutError, OutcomeKind.TIMED_OUT, "http.timeout", "no complete answer in time"),
    (aiohttp.ClientSSLError, OutcomeKind.UNAVAILABLE, "http.tls", "no trusted TLS connection"),
    (aiohttp.ClientConnectorDNSError, OutcomeKind.UNAVAILABLE, "http.dns", "the host name is not known"),
    (aiohttp.ClientConnectorError, OutcomeKind.UNAVAILABLE, "http.connect", "no connection"),
    (aiohttp.InvalidURL, OutcomeKind.INVALID, "http.url", "the URL is not one"),
    (aiohttp.ServerDisconnectedError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection closed unanswered"),
    (aiohttp.ClientPayloadError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection closed within the answer"),
    (aiohttp.ClientOSError, OutcomeKind.UNAVAILABLE, "http.reset", "the connection broke"),
    (aiohttp.ClientResponseError, OutcomeKind.INVALID, "http.malformed", "the answer is not HTTP"),
)


def failure(error: BaseException) -> CallFailed:
    if isinstance(error.__cause__, Unasked | Unwatched | aiohttp.ServerDisconnectedError):
        error = error.__cause__  # the library wraps what a body raises
    for kind_of_error, kind, code, reason in _FAILURES:
        if isinstance(error, kind_of_error):
            return CallFailed(kind, code, reason)
    return CallFailed(OutcomeKind.UNAVAILABLE, "http.failed", "the exchange failed")
