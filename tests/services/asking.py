"""Asking a journal in tests: whom it names, and what stands in the place of a question or a write."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from appealbus.core.domain.listing import AppealRow
from appealbus.core.domain.selection import ListPosition, Selection
from appealbus.core.journal import naming
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.reader import JournalReader


async def appeals_of(
    journal: JournalReader, kind: naming.Kind, identifier: str, after: int = 0, limit: int = 100
) -> list[AppealRow]:
    """Return a page of the appeals that name somebody or something, themselves or in a record."""
    selection = Selection(named=((kind, naming.PARSES[kind](identifier)),))
    return list((await journal.find(selection, ListPosition(after), limit)).rows)


def through(journal: JournalReader, what: Any) -> Callable[..., Awaitable[Any]]:
    """Return what asks a question, or does a kind of write, as the journal does by now."""
    ask, do = journal.ask, getattr(journal, "do", None)

    async def original(*given: Any, **more: Any) -> Any:
        return await (do(*given) if isinstance(what, type) and do is not None else ask(what, *given, **more))

    return original


def instead(
    patch: pytest.MonkeyPatch, journal: Journal | type[Journal], what: Any, does: Callable[..., Awaitable[Any]]
) -> None:
    """Have something else done for a question, or for a kind of write; with a class for all journals."""
    door = "do" if isinstance(what, type) else "ask"
    through = getattr(journal, door)

    async def watched(*given: Any, **more: Any) -> Any:
        own = given[1:] if isinstance(journal, type) else given
        if isinstance(what, type) and isinstance(own[0], what):
            return await does(own[0])
        if own[0] is what:
            return await does(*own[1:], **more)
        return await through(*given, **more)

    patch.setattr(journal, door, watched)
