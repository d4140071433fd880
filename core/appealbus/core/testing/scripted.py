"""A wire without a network: it answers as a script says, and remembers what it was asked."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from lxml import etree

from appealbus.core.config.base import NoSettings
from appealbus.core.interfaces.factory import Factory
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Payload, Reply, Request, Wire
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import parse

Answer: TypeAlias = str | bytes | Payload | Reply | CallFailed
"""What a script answers with: XML as text, an element, a mapping, a whole reply; a CallFailed is raised."""

Script: TypeAlias = Iterable[Answer] | Callable[[Request], Answer]

_LIMIT = 10 * 1024 * 1024
"""Bytes: five times what a source may send by default, so that a script may hold a reply that is too large for one."""


class ScriptedWire(Wire):
    """Answers with the script's answers in turn, or with what the script returns for the request.

    A question behind the last answer fails as `unavailable`, with the code `testing.no_reply`.
    """

    def __init__(self, script: Script = ()) -> None:
        self.asked: list[Request] = []
        self._next = script if callable(script) else _in_turn(script)

    async def call(self, request: Request, call: Call) -> Reply:
        """Answer as the script says."""
        self.asked.append(request)
        answer = self._next(request)
        if isinstance(answer, CallFailed):
            raise answer
        return answer if isinstance(answer, Reply) else reply_of(answer)

    async def health(self) -> Health:
        """Be well."""
        return Health(ok=True, detail="scripted")


def scripted_connector(wire: Wire) -> Factory[Wire]:
    """Return `connector = "scripted"`, which binds every source to the one wire. For a bus in a test."""
    return Factory("scripted", NoSettings, lambda source, settings: wire)


def reply_of(answer: str | bytes | Payload) -> Reply:
    """Return the reply that carries the answer; text is read as XML, by the rules of the real wires."""
    if isinstance(answer, str):
        answer = answer.encode()
    raw = answer
    if isinstance(answer, bytes):
        answer = parse(answer, limit=_LIMIT)
    elif not isinstance(answer, Mapping):
        raw = etree.tostring(answer)
    digest = hashlib.sha256(raw if isinstance(raw, bytes) else repr(raw).encode()).hexdigest()
    return Reply(answer, digest, datetime.now(UTC), message_id="scripted")


def _in_turn(answers: Iterable[Answer]) -> Callable[[Request], Answer]:
    waiting = iter(answers)
    none_left = CallFailed(OutcomeKind.UNAVAILABLE, "testing.no_reply", "the script has no more answers")
    return lambda request: next(waiting, none_left)
