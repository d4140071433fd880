"""What a question to the journal may need: a function of a connection and its arguments."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection

from appealbus.core.journal.key import JournalKey

F = TypeVar("F", bound=Callable[..., Any])

KEY = "journal_key"
"""The execution option with the function that returns the journal's key."""


def single(question: F) -> F:
    """Mark a question of one statement: on PostgreSQL a transaction costs as much as two small questions."""
    question.single = True  # type: ignore[attr-defined]
    return question


def key_of(connection: Connection) -> JournalKey:
    """Return the journal's key. Raises ConfigError if it is missing or wrong."""
    key: JournalKey = connection.get_execution_options()[KEY](connection)
    return key
