"""The gateway's synchronous channel over HTTP: strict about requests, with configurable failures."""

import asyncio
import hmac
from collections import OrderedDict
from functools import partial

import structlog
from aiohttp import web
from lxml import etree

from appealbus.simulator import egkn, gbdfl, gbdul, spoil
from appealbus.simulator.agency import AgencyQuestion, bounded
from appealbus.simulator.answers import AnswerWriter, ReceivedQuestion
from appealbus.simulator.messages import GatewayRequest, read_envelope, read_request
from appealbus.simulator.population import Population
from appealbus.simulator.refusal import BAD_FORMAT, INTERNAL_ERROR, NO_SERVICE, RequestRefused
from appealbus.simulator.service import Chance, SimulatedService, Stats
from appealbus.simulator.settings import Kind, ServiceSettings, SimulatorSettings
from appealbus.simulator.signing.security import MessageSecurity, keys_of
from appealbus.simulator.signing.xmldsig import without_signature

log = structlog.get_logger(__name__)

_CHUNK = b" " * 65_536
"""An oversized answer is sent in such chunks, to save memory."""

_CONTENT_TYPES = ("text/xml", "application/xml")
_SEEN = 200_000
"""Ids remembered to reject duplicates: more than a test or the demonstration sends."""
_SILENCE = 600.0
"""Seconds without an answer: longer than any client waits, but finite, so that long tests keep free connections."""


def xml(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="text/xml", charset="utf-8")


def hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


async def cut(request: web.Request, message: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    response.content_length = len(message)
    await response.prepare(request)
    await response.write(message[: len(message) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def oversized(request: web.Request, size: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    await response.prepare(request)
    await response.write(spoil.OVERSIZED_HEAD)
    for _ in range(0, size, len(_CHUNK)):
        await response.write(_CHUNK)
    await response.write(spoil.OVERSIZED_TAIL)
    await response.write_eof()
    return response


def instead(kind: Kind) -> web.Response:
    match kind:
        case Kind.HTTP_500:
            return web.Response(status=500, text="Internal Server Error")
        case Kind.HTTP_502:
            return web.Response(status=502, body=spoil.HTML_502, content_type="text/html")
        case _:
            return xml(b"" if kind is Kind.EMPTY else spoil.ENTITY_BOMB)


class Gateway:
    def __init__(self, settings: SimulatorSettings, population: Population, stats: Stats) -> None:
        self._settings = settings
        self._stats = stats
        self._security = MessageSecurity(keys_of(settings))
        self._writer = AnswerWriter(self._security)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._by_id: dict[str, tuple[SimulatedService, ServiceSettings]] = {}
        self._closing = asyncio.Event()
        chance = Chance(settings.seed)
        for made, bound in (
            (partial(gbdfl.agency, token=settings.gbdfl.token), settings.gbdfl),
            (gbdul.agency, settings.gbdul),
            (egkn.agency, settings.egkn),
        ):
            service = SimulatedService(made(bound.service_id), bound.misbehaviour, chance, population, stats)
            self._by_id[bound.service_id] = service, bound

    @property
    def services(self) -> dict[str, SimulatedService]:
        return {service.name: service for service, _ in self._by_id.values()}

    def close(self) -> None:
        """Release all waiting requests."""
        self._closing.set()

    async def send_message(self, request: web.Request) -> web.StreamResponse:
        try:
            service, bound, read, question = await self._admit(request, await request.read())
        except RequestRefused as refusal:
            self._stats.refusals[refusal.code] += 1
            log.info("simulator.refused", code=refusal.code)
            return xml(await self._writer.fault(refusal.code, refusal.reason), status=500)
        left = service.outage_left()
        if left > 0:
            self._stats.answer(service.name, "outage")
            headers = {"Retry-After": str(int(left) + 1)}
            return web.Response(status=503, text="Service Unavailable", headers=headers)
        fate = service.fate(question)
        if fate.delay:
            await asyncio.sleep(fate.delay)
        return await self._answer(request, ReceivedQuestion(service, bound, read, question, fate))

    async def _admit(
        self, request: web.Request, body: bytes
    ) -> tuple[SimulatedService, ServiceSettings, GatewayRequest, AgencyQuestion]:
        if request.content_type not in _CONTENT_TYPES:
            raise RequestRefused(BAD_FORMAT, "SOAP 1.1 comes as text/xml")
        if request.headers.get("SOAPAction", "absent").strip() not in ("", '""'):
            raise RequestRefused(BAD_FORMAT, "the channel's operation has an empty SOAPAction")
        envelope = read_envelope(body)
        await self._security.verify(envelope)
        asked = read_request(envelope)
        service, bound = self._by_id.get(asked.service_id, (None, None))
        ids = bounded(asked.correlation_id or ""), bounded(asked.message_id)
        self._stats.question(service.name if service else "", *ids)
        if service is None or bound is None:
            raise RequestRefused(NO_SERVICE, "no service is registered under this serviceId")
        self._check_sender(asked)
        self._check_message_id(asked.message_id)
        return service, bound, asked, service.question(await self._content(service, asked), asked.shape)

    async def _content(self, service: SimulatedService, asked: GatewayRequest) -> etree._Element:
        if not service.agency.asks_signature or asked.shape not in service.agency.forms:
            return asked.payload
        await self._security.verify_content(asked.payload)
        return without_signature(asked.payload)

    def _check_sender(self, asked: GatewayRequest) -> None:
        expected = self._settings.password
        known = asked.sender_id == self._settings.sender_id
        if expected is not None:
            known &= hmac.compare_digest((asked.password or "").encode(), expected.encode())
        if not known:
            raise RequestRefused(BAD_FORMAT, "the sender or its password is unknown")

    def _check_message_id(self, message_id: str) -> None:
        if not message_id.strip():
            raise RequestRefused(BAD_FORMAT, "the message has no messageId")
        kept = bounded(message_id)
        if kept in self._seen:
            raise RequestRefused(BAD_FORMAT, "a message with this messageId has come before")
        self._seen[kept] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)

    async def _answer(self, request: web.Request, asked: ReceivedQuestion) -> web.StreamResponse:
        match asked.fate.kind:
            case Kind.OVERSIZED:
                return await oversized(request, asked.service.rules.oversized_bytes)
            case Kind.SILENT:
                return await self._silent(request)
            case Kind.CUT:
                return await cut(request, await self._writer.message(asked))
            case Kind.FAULT:
                return xml(await self._writer.fault(INTERNAL_ERROR, "Internal error"), status=500)
            case Kind.HTTP_500 | Kind.HTTP_502 | Kind.EMPTY | Kind.ENTITY_BOMB as kind:
                return instead(kind)
            case _:
                return xml(await self._writer.message(asked))

    async def _silent(self, request: web.Request) -> web.StreamResponse:
        try:
            await asyncio.wait_for(self._closing.wait(), _SILENCE)
        except TimeoutError:
            log.debug("simulator.silence_ended")
        return hang_up(request)
