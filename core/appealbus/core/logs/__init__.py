"""Logging with structlog, as JSON or for a terminal. `redact` keeps personal data out, `errors` reduces exceptions."""

from appealbus.core.logs.setup import configure

__all__ = ["configure"]
