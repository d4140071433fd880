"""Reads kept replies again with today's plugins: preview, then change."""

import asyncio
from hashlib import sha256

import orjson
from starlette.responses import Response

from appealbus.core import AppealRow, JournalError
from appealbus.core.management.records import AppealRead, RereadProcess, RereadResult, WriteResult, write_read
from appealbus.core.management.viewing import Action
from appealbus.plugins.console.console import Console
from appealbus.plugins.console.errors import Refused
from appealbus.plugins.console.page import Page
from appealbus.plugins.console.views.appeal.actions import refused
from appealbus.plugins.console.views.appeal.queries import shown, sight_of, view
from appealbus.plugins.console.words import Words
from appealbus.schemas.outcome import OutcomeKind


@view.get("/appeals/{id}/reread", may=Action.OPERATE)
async def preview(page: Page) -> Response:
    sight = await sight_of(page)
    read = await _read(page, sight.row)
    return await shown(
        page,
        sight,
        "appeal/reread.html",
        results=read.results,
        digest=_digest(read),
        died=read.died,
        outcome=lambda told: _said(told, page.words),
    )


@view.post("/appeals/{id}/reread", may=Action.OPERATE)
async def reread(page: Page) -> Response:
    """Apply the changes shown, if the preview is still the same."""
    row, reason = await page.appeal(), page.form.reason(page.words)
    read = await _read(page, row)
    done: WriteResult | JournalError = WriteResult.SAME
    if _digest(read) == page.form["digest"]:
        done = await write_read(page.journal, read, reason)
    if isinstance(done, JournalError):
        raise refused(page, done)
    if done is not WriteResult.CHANGED:  # also where somebody on another server has changed it since it was read
        raise Refused(
            409, page.words.say("It would be something else by now, and nothing is changed: look at it again.")
        )
    return page.go(f"/appeals/{row.public_id}", {"done": "reread"})


def _said(told: str, words: Words) -> str:
    kind, _, code = told.partition(" ")
    return f"{words.word(OutcomeKind.stored(kind))} {code}" if kind else "–"


async def _read(page: Page, row: AppealRow) -> AppealRead:
    reading = page.console.one(_reading)
    if reading.locked():
        raise Refused(503, page.words.say("Somebody reads replies again right now: try again in a moment."))
    async with reading:
        process = RereadProcess(page.console.api.loaded.file, "")
        try:
            return await process.read(row.appeal_id)
        finally:
            await process.end()


def _reading(console: Console) -> asyncio.Lock:
    """Return the lock for one reading at a time per server process: each takes as much memory as a worker."""
    return asyncio.Lock()


def _digest(read: AppealRead) -> str:
    differs = [
        [result.lookup, result.key, result.now, result.fields]
        for result in read.results
        if result.verdict is RereadResult.DIFFERS
    ]
    return sha256(orjson.dumps(differs)).hexdigest()[:16]
