"""The wire to a register behind the SHEP gateway."""

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from appealbus.connectors.http import BUSY, HttpClient, HttpReply, charset_of, status_failure, tls_context
from appealbus.connectors.shep.message import MessageBuilder
from appealbus.connectors.shep.outcomes import fault_failure, gateway_failure, untrusted
from appealbus.connectors.shep.reply import content_of, read_response
from appealbus.connectors.shep.settings import ShepSettings
from appealbus.connectors.soap.envelope import Envelope, Fault, read_envelope
from appealbus.connectors.soap.outcomes import by_precedence
from appealbus.connectors.wssec import Signer, Unsigned, Verifier, load_signer, load_verifier
from appealbus.core import Call, CallFailed, Health, LinkState, Reply, Request, Wire
from appealbus.core.clocks import monotonic
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
        self._tls = tls_context(settings.tls, f"{key}.tls") if settings.url.lower().startswith("https:") else None

    async def call(self, request: Request, call: Call) -> Reply:
        """Carry the question through the gateway and return the register's answer."""
        if not isinstance(request.body, etree._Element):
            raise CallFailed(OutcomeKind.INVALID, "shep.question", "a question to this gateway must be an XML element")
        ends = monotonic() + call.timeout
        message = await self._signer.sign(self._builder.build(request.body, call.question_id))
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
        return await self._read(reply, call)

    async def _read(self, reply: HttpReply, call: Call) -> Reply:
        observed_at = datetime.now(UTC)
        envelope = await self._verified(reply)
        response = read_response(envelope.children)
        # Another question's answer must not pass for this one's, whatever its status says. Where signatures count,
        # the id may not be absent either: an old answer stays validly signed for ever.
        own = {call.question_id} if self._verifier is not None else {call.question_id, None}
        if response.correlation_id not in own:
            self._http.doubt(self._settings.url, self._source)
            raise CallFailed(OutcomeKind.INVALID, "shep.correlation", "the reply belongs to another question")
        correlated = response.correlation_id is not None or reply.alone
        failure = gateway_failure(response.status, self._settings)
        if failure is not None:
            failure.correlated = correlated
            raise failure
        return Reply(
            body=content_of(response, limit=self._settings.limit),
            raw_sha256=hashlib.sha256(reply.body).hexdigest(),
            observed_at=observed_at,
            message_id=response.message_id,
            session_id=response.session_id,
            correlated=correlated,
        )

    async def _verified(self, reply: HttpReply) -> Envelope:
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
            fault = by_precedence(await self._fault(envelope, envelope.fault), reply, failed)
            fault.correlated = reply.alone
            raise fault
        if failed is not None:
            raise failed
        if self._verifier is not None:
            await self._verifier(envelope.root)
        return envelope

    async def _fault(self, envelope: Envelope, fault: Fault) -> CallFailed:
        """Return what a fault means. Where signatures count, it ends no question: gateways seldom sign theirs, and
        one that is signed repeats no id of the question, so it stays validly signed for ever for all of them."""
        failure = fault_failure(fault, self._settings)
        if self._verifier is None or failure.kind is OutcomeKind.UNAVAILABLE:
            return failure
        try:
            await self._verifier(envelope.root)
        except CallFailed:
            return untrusted("shep.fault_unsigned", "a fault that the gateway did not sign came instead of an answer")
        if failure.kind.final:
            return untrusted("shep.fault_untied", "a signed fault came that may be the answer to another question")
        return failure

    async def health(self) -> Health:
        """Ask the gateway for its contract. Any answer but a proxy's excuse shows that it is there."""
        try:
            status = await self._http.probe(f"{self._settings.url}?wsdl", timeout=5.0, tls=self._tls)
        except CallFailed as failure:
            return Health(ok=False, detail=f"{failure.code}: {failure.reason}")
        return Health(ok=status not in (502, 503, 504), detail=f"HTTP {status}")

    def describe(self) -> str:
        """Name the service and who asks. Only a question would show whether the gateway knows them."""
        settings = self._settings
        return f"{settings.service_id} as {settings.sender_id}; the gateway is not asked whether it knows them"

    def links(self) -> Sequence[LinkState]:
        """Say whether the gateway ever sent what nobody had asked for."""
        return self._http.links(self._source, self._settings.url)

    async def close(self) -> None:
        """Leave the shared session."""
        if self._open:
            self._open = False
            await self._http.close()
