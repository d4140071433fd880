"""The wire to a register behind the SHEP gateway."""

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from lxml import etree

from appealbus.connectors.http import BUSY, HttpClient, HttpReply, charset_of, status_failure, tls_context
from appealbus.connectors.shep.data import DataSigner, put, put_document
from appealbus.connectors.shep.message import MessageBuilder
from appealbus.connectors.shep.outcomes import fault_failure, gateway_failure, status_code, untrusted
from appealbus.connectors.shep.replay import single_use
from appealbus.connectors.shep.reply import content_of, read_response
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.soap.envelope import Envelope, Fault, read_envelope
from appealbus.connectors.soap.outcomes import by_precedence
from appealbus.connectors.wssec import Signer, Unsigned, Verifier, certificates_of, load_signer, load_verifier
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


class ShepWire(Wire):
    """One service of the gateway."""

    def __init__(self, source: str, settings: ShepSettings, http: HttpClient) -> None:
        self._source = source
        self._settings = settings
        self._http = http
        self._open = False
        self._builder: MessageBuilder
        self._signer: Signer = Unsigned()
        self._verifier: Verifier | None = None
        self._data_signer: DataSigner | None = None
        self._certificates: tuple[CertificateState, ...] = ()
        self._tls: ssl.SSLContext | None = None

    async def start(self) -> None:
        """Read the secret, keys and certificates."""
        await asyncio.to_thread(self._load)
        self._http.open()
        self._open = True

    def _load(self) -> None:
        settings, key = self._settings, f"sources.{self._source}"
        self._builder = MessageBuilder(settings)
        self._signer = load_signer(settings.signature, f"{key}.signature")
        self._verifier = load_verifier(settings.signature, f"{key}.signature")
        self._certificates = certificates_of(settings.signature, f"{key}.signature")
        self._tls = tls_context(settings.tls, f"{key}.tls") if settings.url.lower().startswith("https:") else None

    async def call(self, request: Request, call: Call) -> Reply:
        """Carry the question through the gateway and return the register's answer."""
        if not isinstance(request.body, etree._Element):
            raise CallFailed(OutcomeKind.INVALID, "shep.question", "a question to this gateway must be an XML element")
        ends = monotonic() + call.timeout
        form = self._settings.form(request.form)
        message = await self._signer.sign(self._builder.build(await self._data(request.body, form), call))
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
        return await self._read(reply, call, bare=form.shape in (Shape.BARE, Shape.TYPED))

    async def _data(self, content: etree._Element, form: Form) -> bytes:
        """Return the `data` element, with the content signed where the service wants that."""
        if not form.signed or self._data_signer is None:
            return put(content, form.shape, form.type_name)
        xml = etree.tostring(content, encoding="unicode", with_tail=False)
        return put_document(await self._data_signer.sign(xml), form.shape)

    async def _read(self, reply: HttpReply, call: Call, *, bare: bool) -> Reply:
        observed_at, settings = wall(), self._settings
        envelope = await self._verified(reply, observed_at)
        response = read_response(envelope.children)
        told = response.correlation_id
        ours = told is not None and call.is_ours(told)
        # Another question's answer must not pass for this one's, whatever its status says.
        if told is not None and not ours and not settings.foreign_correlation:
            self.doubt()
            raise CallFailed(OutcomeKind.INVALID, "shep.correlation", "the reply belongs to another question")
        once = None if self._verifier is None else self._once(envelope, response.date, observed_at)
        correlated = ours or reply.alone
        failure = gateway_failure(response.status, settings, is_empty=response.is_empty)
        if failure is not None:
            failure.correlated = correlated
            failure.once = once if failure.kind.final else None
            raise failure
        status = response.status or ""
        return Reply(
            body=content_of(response, limit=settings.limit, bare=bare),
            raw_sha256=hashlib.sha256(reply.body).hexdigest(),
            observed_at=observed_at,
            message_id=response.message_id,
            session_id=response.session_id,
            correlated=correlated,
            status=None if status in settings.success_codes else status_code(status),
            once=once,
        )

    def _once(self, envelope: Envelope, date: str | None, now: datetime) -> SingleUse:
        return single_use(envelope.body, date, now=now, window=self._settings.date_window)

    async def _verified(self, reply: HttpReply, now: datetime) -> Envelope:
        """Return the reply's envelope: no fault, and signed where it must be."""
        failed = status_failure(reply)
        if failed is not None and reply.status in BUSY:
            raise failed
        try:
            envelope = read_envelope(
                reply.body, self._settings.limit, charset=charset_of(reply.headers.get("Content-Type", ""))
            )
        except CallFailed:
            # Proxies and crashed servers answer in HTML; then the status is all that there is.
            if failed is not None:
                raise failed from None
            raise
        if envelope.fault is not None:
            fault = by_precedence(await self._fault(envelope, envelope.fault, now), reply, failed)
            fault.correlated = reply.alone
            raise fault
        if failed is not None:
            raise failed
        if self._verifier is not None:
            await self._verifier(envelope.root)
        return envelope

    async def _fault(self, envelope: Envelope, fault: Fault, now: datetime) -> CallFailed:
        """Return what a fault means. Where signatures count, it ends a question only if it is signed and of now."""
        failure = fault_failure(fault, self._settings)
        if self._verifier is None or not failure.kind.final:
            return failure
        try:
            await self._verifier(envelope.root)
        except CallFailed:
            return untrusted("shep.fault_unsigned", "a fault that the gateway did not sign came instead of an answer")
        date = text(fault.detail, "errorDate") if fault.detail is not None else None
        try:
            failure.once = self._once(envelope, date, now)
        except CallFailed:
            return untrusted("shep.fault_untied", "a signed fault came without a date of now: it may be an old one")
        return failure

    async def health(self) -> Health:
        """Ask the gateway for its contract. Any answer but a proxy's excuse shows that it is there."""
        try:
            status = await self._http.probe(f"{self._settings.url}?wsdl", timeout=5.0, tls=self._tls)
        except CallFailed as failure:
            return Health(ok=False, detail=f"{failure.code}: {failure.reason}")
        return Health(ok=status not in (502, 503, 504), detail=f"HTTP {status}")

    def describe(self) -> str:
        """Name the service and who asks, and say what is signed. Only a question would show whether it is known."""
        settings = self._settings
        who = f"{settings.service_id} as {settings.sender_id}; the gateway is not asked whether it knows them"
        return f"{who}; {settings.signature.describe()}"

    def doubt(self) -> None:
        """Ask over connections of their own for a while."""
        self._http.doubt(self._settings.url, self._source)

    def links(self) -> Sequence[LinkState]:
        """Say whether the gateway ever sent what nobody had asked for."""
        return self._http.links(self._source, self._settings.url)

    def certificates(self) -> Sequence[CertificateState]:
        """Tell of those that sign questions and answers."""
        return self._certificates

    async def close(self) -> None:
        """Leave the shared session."""
        if self._open:
            self._open = False
            await self._http.close()
