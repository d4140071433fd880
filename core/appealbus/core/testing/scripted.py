"""A wire without a network: it answers by a script, and records its requests."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from lxml import etree

from appealbus.core.config.types import NoSettings
from appealbus.core.interfaces.part import Factory
from appealbus.core.interfaces.wire import Call, CallFailed, Health, Payload, Reply, Request, Wire
from appealbus.core.readings.nodes import local_name
from appealbus.core.readings.paths import ReplyPath
from appealbus.core.testing.envelopes import encoded, without_envelope
from appealbus.schemas.outcome import OutcomeKind
from appealbus.schemas.safexml import UnsafeXml, parse

Answer: TypeAlias = str | bytes | Payload | Reply | CallFailed
"""What a script answers with: XML or a JSON object as text, as an agency sends it, a SOAP envelope around it included;
an element, a mapping, a whole reply; a CallFailed is raised."""

Script: TypeAlias = Iterable[Answer] | Callable[[Request], Answer]

LIMIT = 10 * 1024 * 1024
"""Bytes: five times the default limit of a source, so that a script may hold an oversized reply."""


class ScriptedWire(Wire):
    """Answers with the script's answers in turn, or with what the script returns for the request.

    A question behind the last answer fails as `unavailable`, with the code `testing.no_reply`. Of a reply in a SOAP
    envelope the lookup gets what is in the Body; a fault fails as it does with a real wire without `faults`. Replies in
    turn were recorded for another question: where they repeat its id (`Take(echo=…)`), they get the id of this one.
    """

    def __init__(self, script: Script = ()) -> None:
        self.asked: list[Request] = []
        """The requests of lookups, in turn."""
        self.sent: list[bytes] = []
        """What left for the agency, as it travels: with `contract=` alone, for a script sends nothing."""
        self.echo: ReplyPath | None = None
        """Where replies repeat the id of the question, as the lookup declares it."""
        self.came: list[Reply] = []
        """What the real wire made of the answers: with `contract=` alone."""
        self.recorded = not callable(script)
        """Whether the answers were recorded for other questions."""
        self._next = script if callable(script) else _in_turn(script)

    def answer_to(self, request: Request) -> Answer:
        """Return the next answer, and remember what was asked."""
        self.asked.append(request)
        return self._next(request)

    async def call(self, request: Request, call: Call) -> Reply:
        """Answer as the script says."""
        answer = self.answer_to(request)
        if isinstance(answer, CallFailed):
            raise answer
        return answer if isinstance(answer, Reply) else self.tied(reply_of(answer), call)

    def tied(self, reply: Reply, call: Call) -> Reply:
        """Return a recorded reply as the answer to this question."""
        if self.echo is None or not self.recorded:
            return reply
        body = deepcopy(reply.body)
        _repeat(body, self.echo.steps, call.message_id)
        return replace(reply, body=body)

    async def health(self) -> Health:
        """Be well."""
        return Health(ok=True, detail="scripted")


def scripted_connector(wire: Wire) -> Factory[Wire]:
    """Return `connector = "scripted"`, which binds every source to the one wire. For a bus in a test."""
    return Factory("scripted", NoSettings, lambda source, settings: wire)


def reply_of(answer: str | bytes | Payload) -> Reply:
    """Return the reply with the answer. Text is parsed as XML, like on a wire, or as JSON. Raises CallFailed."""
    if isinstance(answer, str):
        answer = encoded(answer)
    raw = answer if isinstance(answer, bytes) else _written(answer)
    body = _parsed(answer) if isinstance(answer, bytes) else answer
    if isinstance(body, etree._Element):
        body = without_envelope(body)
    return Reply(body, hashlib.sha256(raw).hexdigest(), datetime.now(UTC), message_id="scripted")


def _parsed(answer: bytes) -> Payload:
    try:
        if not answer.lstrip().startswith(b"{"):
            return parse(answer, limit=LIMIT)
        document: Payload = json.loads(answer)
    except UnsafeXml as error:
        raise CallFailed(OutcomeKind.INVALID, error.code, error.reason) from None
    except ValueError:
        raise CallFailed(OutcomeKind.INVALID, "json.malformed", "the reply is not JSON") from None
    return document


def _written(answer: Payload) -> bytes:
    return repr(answer).encode() if isinstance(answer, Mapping) else etree.tostring(answer, encoding="utf-8")


def _repeat(body: Any, steps: Sequence[str], text: str) -> None:
    """Put the id at the path's first element or key. A reply without it is unchanged."""
    name, *inner = steps
    if isinstance(body, etree._Element):
        element = next((element for element in body.iterchildren(etree.Element) if local_name(element) == name), None)
        if element is None or not inner:
            if element is not None and len(element) == 0:
                element.text = text
            return
        _repeat(element, inner, text)
    elif isinstance(body, dict) and name in body:
        if inner:
            _repeat(body[name], inner, text)
        else:
            body[name] = text


def _in_turn(answers: Iterable[Answer]) -> Callable[[Request], Answer]:
    waiting = iter(answers)
    none_left = CallFailed(OutcomeKind.UNAVAILABLE, "testing.no_reply", "the script has no more answers")
    return lambda request: next(waiting, none_left)
