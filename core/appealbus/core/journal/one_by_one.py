"""Kinds of writes that do one item after the other."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TypeVar

from sqlalchemy import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_by_one(do: Callable[[Connection, Item], Result]) -> Callable[[Connection, Sequence[Item]], list[Result]]:
    """Return the kind of write that does this to each item of a group."""

    @wraps(do)
    def run(connection: Connection, items: Sequence[Item]) -> list[Result]:
        return [do(connection, item) for item in items]

    return run
