"""Shared by trial and taking: one person at a time, bound to the state shown."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from hashlib import sha256

from appealbus.core.fair_share import FairShare
from appealbus.core.management.quarantine import QuarantineRow, Retaking, Tried
from appealbus.core.serving import Reception
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page

_TURN = 10.0
"""Seconds to wait for the lock."""


def given_id(page: Page, quarantine_id: int, token: str) -> str | None:
    """Return the message id that the person assigned, from its token."""
    if not token:
        return None
    return page.unseal(f"id of {quarantine_id}", token)["id"]


@contextlib.asynccontextmanager
async def turn(page: Page) -> AsyncIterator[None]:
    """Lock the quarantine of this server: one person at a time tries, takes or closes messages."""
    trying, who = page.console.one(_trying), page.session.client.name
    try:
        async with asyncio.timeout(_TURN):
            await trying.wait(who)
    except TimeoutError:
        raise Refused(503, page.words.say("Somebody tries messages right now: try again in a moment.")) from None
    try:
        yield
    finally:
        trying.give_back(who)


def _trying(console: Console) -> FairShare:
    return FairShare(1)


@contextlib.asynccontextmanager
async def trier(page: Page) -> AsyncIterator[Reception]:
    """Yield the reception for one person at a time; a large message gets its own process."""
    api = page.console.api
    reception = Reception(page.journal, api.bus, api.host.counting.due_on, api.policy)
    async with turn(page), contextlib.aclosing(reception):
        yield reception


def waits(row: QuarantineRow) -> bool:
    return row.replayed_at is None and row.closed_at is None


def mark_of(tried: Tried, how: Retaking) -> str:
    """Return a fingerprint of what was shown: message, decision and trial result."""
    row = tried.row
    parts = [row.id, row.closed_at, row.replayed_at, how.message_id, how.anyway, tried.number, tried.code]
    return sha256(repr(parts).encode() + row.raw).hexdigest()[:16]
