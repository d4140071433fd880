"""Logging: structlog, one JSON object a line, or a readable line on a terminal. Personal data never gets through.

`redact` holds the allow-list of keys; `errors` reduces exceptions to safe facts.
"""

from appealbus.core.logs.setup import configure

__all__ = ["configure"]
