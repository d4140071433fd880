"""The real wire of a contract, connected to a simulated agency in the test process."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from aiohttp import web
from lxml import etree

from appealbus.core.config.environment import PREFIX
from appealbus.core.config.loading import from_document
from appealbus.core.errors import ConfigError
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Reply, Request, Wire
from appealbus.core.loading.parts import build, load_plugins
from appealbus.core.testing.envelopes import encoded, fault_in, version_of, with_envelope
from appealbus.core.testing.scripted import LIMIT, Answer, ScriptedWire
from appealbus.schemas.namespaces import SOAP11
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import UnsafeXml, parse

Contract: TypeAlias = str | Path | Mapping[str, object]
"""A WSDL file, or the source's configuration table if more is needed."""

_REPEATED = ("{*}RelatesTo", "{*}correlationId")
"""Elements of messages that repeat the question's id."""


@asynccontextmanager
async def contract_wire(contract: Contract, script: ScriptedWire, source: str) -> AsyncIterator[Wire]:
    """Yield the configured wire of the source, connected to an agency that answers by the script.

    The connector is `soap`, unless a table says otherwise. The script records requests (`asked`) and sent messages
    (`sent`). Raises ConfigError.
    """
    agency = _Agency(script)
    runner = web.AppRunner(agency.app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        wire = _wire(contract, source, f"http://127.0.0.1:{runner.addresses[0][1]}/")
        try:
            await wire.start()
            yield _Scripted(wire, script, agency)
        finally:
            await wire.close()
    finally:
        await runner.cleanup()


def _wire(contract: Contract, source: str, url: str) -> Wire:
    table = dict(contract) if isinstance(contract, Mapping) else {"wsdl": str(contract)}
    # Each question has a connection of its own, so that every answer is tied to its question.
    table = {"connector": "soap", "reuse": False, **table, "url": url}
    # Secrets may be named; the settings of a bus that this machine has are none of a test's.
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    loaded = from_document({"sources": {source: table}}, Path.cwd(), env)
    parts = build(loaded, load_plugins(loaded))
    if source not in parts.sources:
        raise ConfigError(*parts.problems)
    return parts.sources[source].wire


class _Agency:
    """Answers each message with the next scripted answer."""

    def __init__(self, script: ScriptedWire) -> None:
        self.next: str | bytes | etree._Element = b""
        self.repeats = ""
        """The question's id for a recorded answer to repeat; empty: the answer is left unchanged."""
        self.enclose: Callable[[etree._Element], etree._Element] = lambda answer: answer
        """Wraps an answer without an envelope in the source's message."""
        self._script = script
        self.app = web.Application(client_max_size=LIMIT)
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        sent = await request.read()
        self._script.sent.append(sent)
        status, body, version = self._as_sent(_version_asked(sent))
        kind = "text/xml" if version == SOAP11 else "application/soap+xml"
        # What is recorded as bytes says by itself how it is encoded.
        kind += "" if isinstance(self.next, bytes) else "; charset=utf-8"
        return web.Response(status=status, body=body, headers={"Content-Type": kind})

    def _as_sent(self, version: str) -> tuple[int, bytes, str]:
        """Return the HTTP status, the message, and its SOAP version. Content that is no XML is unchanged."""
        raw = encoded(self.next) if isinstance(self.next, str) else self.next
        try:
            root = parse(raw, limit=LIMIT) if isinstance(raw, bytes) else raw
        except UnsafeXml:
            return 200, raw if isinstance(raw, bytes) else b"", version
        if not version_of(root):
            return 200, with_envelope(self.enclose(root), version), version
        status = 200 if fault_in(root) is None else 500
        ids = [element for element in root.iter(*_REPEATED) if element.text and self.repeats]
        for element in ids:
            element.text = self.repeats
        if isinstance(raw, bytes) and not ids:
            return status, raw, version_of(root)
        return status, etree.tostring(root, encoding="utf-8", xml_declaration=True), version_of(root)


class _Scripted(Wire):
    """Passes the script's next answer to the agency, then lets the real wire ask."""

    def __init__(self, wire: Wire, script: ScriptedWire, agency: _Agency) -> None:
        self._wire = wire
        self.replies = wire.replies
        self._script = script
        self._agency = agency

    async def call(self, request: Request, call: Call) -> Reply:
        answer: Answer = self._script.answer_to(request)
        if isinstance(answer, CallFailed):
            raise answer
        if not isinstance(answer, str | bytes | etree._Element):
            reason = f"with contract= a reply is XML as the source sends it, not a {type(answer).__name__}"
            raise CallFailed(OutcomeKind.INVALID, "testing.reply", reason)
        self._agency.next, self._agency.repeats = answer, call.message_id if self._script.recorded else ""
        self._agency.enclose = partial(self._wire.enclose, request=request, call=call)
        reply = self._script.tied(await self._wire.call(request, call), call)
        self._script.came.append(reply)
        return reply

    async def health(self) -> Health:
        return await self._wire.health()


def _version_asked(sent: bytes) -> str:
    try:
        return version_of(parse(sent, limit=LIMIT)) or SOAP11
    except UnsafeXml:
        return SOAP11
