"""HTTP client for the wires: one shared session, limits on every wait and size, typed failures."""

from appealbus.connectors.http.client import HttpClient
from appealbus.connectors.http.reply import (
    BUSY,
    DENIED,
    HttpReply,
    charset_of,
    hand_over,
    kept_reply,
    retry_after,
    status_failure,
)
from appealbus.connectors.http.tls import TlsSettings, tls_context

__all__ = [
    "BUSY",
    "DENIED",
    "HttpClient",
    "HttpReply",
    "TlsSettings",
    "charset_of",
    "hand_over",
    "kept_reply",
    "retry_after",
    "status_failure",
    "tls_context",
]
