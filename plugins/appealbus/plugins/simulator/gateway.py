"""The gateway's synchronous channel over HTTP: strict with what it is asked, and as unreliable as it is told to be."""

import asyncio
import hmac
import uuid
from collections import OrderedDict

import structlog
from aiohttp import web
from lxml import etree

from appealbus.connectors.shep.server import (
    SUCCESS,
    SUCCESS_MESSAGE,
    GatewayRequest,
    RequestRefused,
    build_fault,
    build_response,
    read_request,
)
from appealbus.core import Shape
from appealbus.plugins.simulator import egkn, gbdfl, gbdul, spoil
from appealbus.plugins.simulator.agency import AgencyQuestion, QuestionRefused
from appealbus.plugins.simulator.chance import Chance, Fate
from appealbus.plugins.simulator.population import Population
from appealbus.plugins.simulator.service import SimulatedService
from appealbus.plugins.simulator.settings import Kind, SimulatorSettings
from appealbus.plugins.simulator.stats import Stats

log = structlog.get_logger(__name__)

_CONTENT_TYPES = ("text/xml", "application/xml")
_DOWN = ("SCSE001", "Service is not available")
_SEEN = 200_000
"""Ids that are refused when they come again: more than a test or the demonstration sends."""
_SILENCE = 600.0
"""Seconds: longer than any client waits, and not for ever, or a long test would run out of connections."""
_CHUNK = b" " * 65_536
"""So that an oversized answer of gigabytes costs no more memory than this."""


class Gateway:
    """Answers `SendMessage` for the three agencies."""

    def __init__(self, settings: SimulatorSettings, population: Population, stats: Stats) -> None:
        self._settings = settings
        self._stats = stats
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._shapes: dict[str, Shape] = {}
        self._by_id: dict[str, SimulatedService] = {}
        self._closing = asyncio.Event()
        chance = Chance(settings.seed)
        for made, bound in (
            (gbdfl.agency, settings.gbdfl),
            (gbdul.agency, settings.gbdul),
            (egkn.agency, settings.egkn),
        ):
            service = SimulatedService(made(bound.service_id), bound.misbehaviour, chance, population, stats)
            self._by_id[bound.service_id] = service
            self._shapes[service.name] = bound.shape

    @property
    def services(self) -> dict[str, SimulatedService]:
        """The services by name."""
        return {service.name: service for service in self._by_id.values()}

    def close(self) -> None:
        """Let go of everybody who is kept waiting."""
        self._closing.set()

    async def send_message(self, request: web.Request) -> web.StreamResponse:
        """Answer one POST."""
        try:
            service, asked, question = self._admit(request, await request.read())
        except RequestRefused as refusal:
            self._stats.refusals[refusal.code] += 1
            log.info("simulator.refused", code=refusal.code)
            return _xml(build_fault(refusal.code, refusal.reason, fault_code="Client"), status=500)
        left = service.outage_left()
        if left > 0:
            self._stats.answer(service.name, "outage")
            headers = {"Retry-After": str(int(left) + 1)}
            return web.Response(status=503, text="Service Unavailable", headers=headers)
        fate = service.fate(question)
        if fate.delay:
            await asyncio.sleep(fate.delay)
        return await self._answer(request, service, asked, question, fate)

    def _admit(self, request: web.Request, body: bytes) -> tuple[SimulatedService, GatewayRequest, AgencyQuestion]:
        if request.content_type not in _CONTENT_TYPES:
            raise RequestRefused("request.content_type", "SOAP 1.1 comes as text/xml")
        if request.headers.get("SOAPAction", "absent").strip() not in ("", '""'):
            raise RequestRefused("request.soap_action", "the channel's operation has an empty SOAPAction")
        asked = read_request(body)
        service = self._by_id.get(asked.service_id)
        self._stats.question(service.name if service else "", asked.correlation_id, asked.message_id)
        if service is None:
            raise RequestRefused("request.service", "no service is registered under this serviceId")
        self._check_sender(asked)
        self._check_message_id(asked.message_id)
        try:
            return service, asked, service.question(asked.payload)
        except QuestionRefused as refusal:
            raise RequestRefused("request.data", str(refusal)) from None

    def _check_sender(self, asked: GatewayRequest) -> None:
        expected = self._settings.password
        known = asked.sender_id == self._settings.sender_id
        if expected is not None:
            known &= hmac.compare_digest((asked.password or "").encode(), expected.encode())
        if not known:
            raise RequestRefused("request.sender", "the sender or its password is unknown")

    def _check_message_id(self, message_id: str) -> None:
        if not message_id.strip():
            raise RequestRefused("request.message_id", "the message has no messageId")
        if message_id in self._seen:
            raise RequestRefused("request.repeated", "a message with this messageId has come before")
        self._seen[message_id] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    async def _answer(
        self,
        request: web.Request,
        service: SimulatedService,
        asked: GatewayRequest,
        question: AgencyQuestion,
        fate: Fate,
    ) -> web.StreamResponse:
        match fate.kind:
            case Kind.OVERSIZED:
                return await _oversized(request, service.rules.oversized_bytes)
            case Kind.SILENT:
                return await self._silent(request)
            case Kind.CUT:
                return await _cut(request, self._message(service, asked, question.answer(0), fate))
            case Kind.FAULT | Kind.STATUS | Kind.HTTP_500 | Kind.HTTP_502 | Kind.EMPTY | Kind.ENTITY_BOMB:
                return self._instead(fate.kind, service, asked, fate)
            case _:
                return _xml(self._spoilt(service, asked, question, fate))

    def _instead(self, kind: Kind, service: SimulatedService, asked: GatewayRequest, fate: Fate) -> web.Response:
        """Return what comes in place of an answer."""
        if kind is Kind.FAULT:
            causes = [("SCSE003", "The service did not answer")]
            return _xml(build_fault("SCSE002", "Message was not processed", causes=causes), status=500)
        if kind is Kind.STATUS:
            return _xml(self._message(service, asked, None, fate, status=_DOWN))
        if kind is Kind.HTTP_500:
            return web.Response(status=500, text="Internal Server Error")
        if kind is Kind.HTTP_502:
            return web.Response(status=502, body=spoil.HTML_502, content_type="text/html")
        return _xml(b"" if kind is Kind.EMPTY else spoil.ENTITY_BOMB)

    def _spoilt(self, service: SimulatedService, asked: GatewayRequest, question: AgencyQuestion, fate: Fate) -> bytes:
        """Return an answer, good or spoilt."""
        answer = service.answer(question, fate)
        message = self._message(service, asked, answer, fate, other=fate.kind is Kind.REPEATED)
        match fate.kind:
            case Kind.WRONG_NAMESPACE:
                return spoil.moved(message)
            case Kind.TRUNCATED:
                return spoil.truncated(message)
            case Kind.DOUBLED:
                return spoil.doubled(message)
            case _:
                return message

    def _message(
        self,
        service: SimulatedService,
        asked: GatewayRequest,
        answer: etree._Element | None,
        fate: Fate,
        *,
        status: tuple[str, str] = (SUCCESS, SUCCESS_MESSAGE),
        other: bool = False,
    ) -> bytes:
        # The gateway's own message ids are decimal numbers.
        return build_response(
            answer,
            shape=self._shapes[service.name],
            type_name=service.agency.answer_type,
            code=status[0],
            message=status[1],
            correlation_id=str(uuid.UUID(int=int(fate.token))) if other else asked.correlation_id,
            message_id=fate.token,
        )

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        try:
            await asyncio.wait_for(self._closing.wait(), _SILENCE)
        except TimeoutError:
            log.debug("simulator.silence_ended")
        return _hang_up(request)


def _xml(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="text/xml", charset="utf-8")


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def _cut(request: web.Request, message: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    response.content_length = len(message)
    await response.prepare(request)
    await response.write(message[: len(message) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _oversized(request: web.Request, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    await response.prepare(request)
    await response.write(spoil.OVERSIZED_HEAD)
    for _ in range(0, size, len(_CHUNK)):
        await response.write(_CHUNK)
    await response.write(spoil.OVERSIZED_TAIL)
    await response.write_eof()
    return response
