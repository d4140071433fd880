"""Wire to a register behind the SHEP gateway."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

from lxml import etree

from appealbus.connectors.http import (
    BUSY,
    HttpClient,
    HttpReply,
    charset_of,
    hand_over,
    kept_reply,
    status_failure,
    tls_context,
)
from appealbus.connectors.shep.data import MessageBuilder, build_response, put, put_signed
from appealbus.connectors.shep.outcomes import fault_failure, gateway_failure, status_code, untrusted
from appealbus.connectors.shep.reply import Response, content_of, read_response, single_use
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.signing import certificates_of
from appealbus.connectors.soap.envelope import Envelope, Fault, read_envelope
from appealbus.connectors.soap.outcomes import by_precedence
from appealbus.connectors.wssec import MessageSigner, Unsigned, Verifier, load_signer, load_verifier
from appealbus.connectors.xmldsig import DataSigner, DataVerifier, load_data_signer, load_data_verifier
from appealbus.core import (
    Call,
    CallFailed,
    CertificateState,
    Form,
    Health,
    LinkState,
    Reply,
    Request,
    Shape,
    SingleUse,
    Wire,
)
from appealbus.core.clocks import monotonic, wall
from appealbus.core.replies.xmlread import text
from appealbus.schemas.outcome import OutcomeKind

_HEADERS: Final = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""', "Accept": "text/xml"}
_LARGE: Final = 512 * 1024
"""Bytes of an answer from which each step may block the loop for over 5 ms. A thread costs 0.1 ms."""
_CROWDED: Final = 32 * 1024
"""Bytes from which canonicalization may block the loop: it sorts attributes, and 512 KB of them take 0.2 s."""
_VERIFIED_AT_ONCE: Final = 2
"""Concurrent verifications of one source: six heavy ones at once would block everything for seconds."""
_BARE: Final = (Shape.BARE, Shape.TYPED)
T = TypeVar("T")


class ShepWire(Wire):
    """One service of the gateway."""

    rereads = True

    def __init__(self, source: str, settings: ShepSettings, http: HttpClient) -> None:
        self._source = source
        self._settings = settings
        self.replies = settings.replies
        self._http = http
        self._open = False
        self._builder: MessageBuilder
        self._signer: MessageSigner = Unsigned()
        self._verifier: Verifier | None = None
        self._data_signer: DataSigner | None = None
        self._data_verifier: DataVerifier | None = None
        self._certificates: tuple[CertificateState, ...] = ()
        self._tls: ssl.SSLContext | None = None
        self._turns = asyncio.Semaphore(_VERIFIED_AT_ONCE)
        self._large = asyncio.Semaphore(2)

    async def start(self) -> None:
        await asyncio.to_thread(self._load)
        self._http.open()
        self._open = True

    def _load(self) -> None:
        settings, key = self._settings, f"sources.{self._source}"
        self._builder = MessageBuilder(settings)
        self._signer = load_signer(settings.signature, f"{key}.signature")
        self._verifier = load_verifier(settings.signature, f"{key}.signature")
        self._data_signer = load_data_signer(settings.data_signature, f"{key}.data_signature")
        self._data_verifier = load_data_verifier(settings.data_signature, f"{key}.data_signature")
        signed = certificates_of(settings.signature, f"{key}.signature")
        inside = certificates_of(settings.data_signature, f"{key}.data_signature")
        self._certificates = tuple(dict.fromkeys((*signed, *inside)))
        self._tls = tls_context(settings.tls, f"{key}.tls") if settings.url.lower().startswith("https:") else None

    async def call(self, request: Request, call: Call) -> Reply:
        """Send the question through the gateway and return the register's answer."""
        if not isinstance(request.body, etree._Element):
            raise CallFailed(OutcomeKind.INVALID, "shep.question", "a question to this gateway must be an XML element")
        form = self._settings.form(request.form)
        reply, came_at = await self._carried(request.body, form, call)
        bare = form.shape in _BARE
        try:
            if len(reply.body) <= _LARGE:
                return await self._read(reply, call, came_at, bare=bare)
            # Of each source no more stand in the line of all than there are turns: another source's is the next.
            async with self._large, self._http.large:
                return await self._read(reply, call, came_at, bare=bare)
        except CallFailed as failed:
            raise failed.over(reply.body, came_at) from failed.__cause__

    async def _carried(self, content: etree._Element, form: Form, call: Call) -> tuple[HttpReply, datetime]:
        if call.answer is not None:
            return kept_reply(call.answer), call.answer.answered_at
        ends = monotonic() + call.timeout
        message = await self._signer.sign(self._builder.build(await self._data(content, form), call))
        reply = await self._http.post(
            self._settings.url,
            message,
            _HEADERS,
            timeout=ends - monotonic(),
            limit=self._settings.limit,
            tls=self._tls,
            source=self._source,
            alone=call.alone or not self._settings.reuse,
        )
        came_at = wall()
        hand_over(reply, call, came_at)
        return reply, came_at

    async def _data(self, content: etree._Element, form: Form) -> bytes:
        """Build the `data` element, with signed content if there is a key for it."""
        self.check_form(form)
        if self._data_signer is None:
            return put(content, form.shape, form.type_name)
        return await put_signed(content, form.shape, form.type_name, self._data_signer)

    def check_form(self, form: Form) -> None:
        """Refuse to send unsigned content to a service that requires signed content, unless the settings allow it."""
        chosen = "sign" in self._settings.data_signature.model_fields_set
        if form.signed and self._data_signer is None and not chosen:
            raise CallFailed(
                OutcomeKind.INVALID,
                "data_signature.no_key",
                f"{self._settings.service_id} takes signed content alone: write sign, key and certificate into "
                f'[sources.{self._source}.data_signature], or sign = "none" to send it unsigned',
            )

    async def _read(self, reply: HttpReply, call: Call, observed_at: datetime, *, bare: bool) -> Reply:
        settings = self._settings
        envelope = await self._verified(reply, observed_at)
        response = read_response(envelope.children)
        correlation = response.correlation_id
        ours = correlation is not None and call.is_ours(correlation)
        # Another question's answer must not pass for this one's, whatever its status says.
        if correlation is not None and not ours and not settings.foreign_correlation:
            self.doubt()
            raise CallFailed(OutcomeKind.INVALID, "shep.correlation", "the reply belongs to another question")
        once = None if self._verifier is None else await self._once(reply, envelope, response.date, observed_at)
        correlated = ours or reply.alone
        failure = gateway_failure(response.status, settings, is_empty=response.is_empty)
        if failure is not None:
            failure.correlated = correlated
            failure.once = once if failure.kind.final else None
            raise failure
        status = response.status or ""
        return Reply(
            body=await self._content(reply, response, observed_at, bare=bare),
            raw_sha256=(await _aside(reply, hashlib.sha256, reply.body)).hexdigest(),
            observed_at=observed_at,
            message_id=response.message_id,
            session_id=response.session_id,
            correlated=correlated,
            status=None if status in settings.success_codes else status_code(status),
            once=once,
        )

    async def _content(self, reply: HttpReply, response: Response, came_at: datetime, *, bare: bool) -> etree._Element:
        take = partial(content_of, response, limit=self._settings.limit, bare=bare)
        if self._data_verifier is None:
            return await _aside(reply, take)
        async with self._turn(reply):
            return await asyncio.to_thread(take, verifier=partial(self._data_verifier, came_at=came_at))

    async def _once(self, reply: HttpReply, envelope: Envelope, date: str | None, now: datetime) -> SingleUse:
        used = partial(single_use, envelope.body, date, now=now, window=self._settings.date_window)
        return await asyncio.to_thread(used) if len(reply.body) > _CROWDED else used()

    async def _verified(self, reply: HttpReply, now: datetime) -> Envelope:
        """Return the reply's envelope, which is no fault and is signed if required."""
        failed = status_failure(reply)
        if failed is not None and reply.status in BUSY:
            raise failed
        try:
            charset = charset_of(reply.headers.get("Content-Type", ""))
            fallback = self._settings.encoding
            read = partial(read_envelope, reply.body, self._settings.limit, charset=charset, fallback=fallback)
            envelope = await _aside(reply, read)
        except CallFailed:
            # Proxies and crashed servers answer in HTML; then the status is all that there is.
            if failed is not None:
                raise failed from None
            raise
        if envelope.fault is not None:
            fault = by_precedence(await self._fault(reply, envelope, envelope.fault, now), reply, failed)
            fault.correlated = reply.alone
            raise fault
        if failed is not None:
            raise failed
        if self._verifier is not None:
            async with self._turn(reply):
                await self._verifier(envelope.root, now)
        return envelope

    async def _fault(self, reply: HttpReply, envelope: Envelope, fault: Fault, now: datetime) -> CallFailed:
        """Return the failure of a fault. If signatures are required, only a signed and recent fault is final."""
        failure = fault_failure(fault, self._settings)
        if self._verifier is None or not failure.kind.final:
            return failure
        try:
            async with self._turn(reply):
                await self._verifier(envelope.root, now)
        except CallFailed:
            return untrusted("shep.fault_unsigned", "a fault that the gateway did not sign came instead of an answer")
        date = text(fault.detail, "errorDate") if fault.detail is not None else None
        try:
            failure.once = await self._once(reply, envelope, date, now)
        except CallFailed:
            return untrusted("shep.fault_untied", "a signed fault came without a date of now: it may be an old one")
        return failure

    def _turn(self, reply: HttpReply) -> AbstractAsyncContextManager[None]:
        """Return the semaphore for verifying an answer; a large one already holds another."""
        return nullcontext() if len(reply.body) > _LARGE else self._turns

    async def health(self) -> Health:
        """Request the gateway's contract: any answer but a proxy's error shows that it is up. Test the signer, too."""
        signers = [signer for signer in (self._signer, self._data_signer) if signer is not None]
        wrong = [problem for signer in signers if (problem := await signer.health())]
        try:
            status = await self._http.probe(f"{self._settings.url}?wsdl", timeout=5.0, tls=self._tls)
        except CallFailed as failure:
            return Health(ok=False, detail="; ".join([*wrong, f"{failure.code}: {failure.reason}"]))
        ok = not wrong and status not in (502, 503, 504)
        return Health(ok=ok, detail="; ".join([*wrong, f"HTTP {status}"]))

    def describe(self) -> str:
        """Name the service, the sender and the signed parts. Whether the service is known only a question shows."""
        settings = self._settings
        who = f"{settings.service_id} as {settings.sender_id}; the gateway is not asked whether it knows them"
        inside = settings.data_signature
        signs = inside.sign != "none" or inside.is_verified
        return f"{who}; {settings.signature.describe()}" + (f"; inside data: {inside.describe()}" if signs else "")

    def doubt(self) -> None:
        self._http.doubt(self._settings.url, self._source)

    def enclose(self, answer: etree._Element, request: Request, call: Call) -> etree._Element:
        """Wrap an answer in the gateway's message."""
        bare = self._settings.form(request.form).shape in _BARE
        return build_response(answer, self._settings.success_codes[0], call, bare=bare)

    def links(self) -> Sequence[LinkState]:
        """Return the state of connections in doubt, and of the signing services."""
        signers = {"signer": self._signer, "data_signer": self._data_signer}
        named = ((f"{name}.{self._source}", signer) for name, signer in signers.items())
        states = (signer.link(name) for name, signer in named if signer is not None)
        return (*self._http.links(self._source, self._settings.url), *filter(None, states))

    def certificates(self) -> Sequence[CertificateState]:
        """Return the certificates for signing questions and verifying answers, and their content."""
        return self._certificates

    async def close(self) -> None:
        """Release the shared session."""
        if self._open:
            self._open = False
            await self._http.close()


async def _aside(reply: HttpReply, step: Callable[..., T], *values: object) -> T:
    """Run a step of reading an answer, in a thread if the answer is large."""
    return await asyncio.to_thread(step, *values) if len(reply.body) > _LARGE else step(*values)
