"""The SOAP wire: one source, one contract."""

import asyncio
import hashlib
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TypeVar

import structlog
from aiohttp.hdrs import CONTENT_TYPE
from lxml import etree
from multidict import CIMultiDict
from yarl import URL

from appealbus.connectors.http import HttpClient, HttpReply, hand_over, kept_reply, tls_context
from appealbus.connectors.soap.contract import WsdlContract, load_contract
from appealbus.connectors.soap.envelope import build_envelope, serialise
from appealbus.connectors.soap.headers import Headers
from appealbus.connectors.soap.problems import listed
from appealbus.connectors.soap.reply import WRONG_ANSWER, OpenedReply, answer_in, echoes, open_reply
from appealbus.connectors.soap.settings import SoapSettings
from appealbus.connectors.soap.wsdl import Operation
from appealbus.core import (
    Call,
    CallFailed,
    ConfigError,
    Health,
    LinkState,
    MessageContract,
    Notes,
    Reply,
    Request,
    Wire,
)
from appealbus.core.replies.xmlread import text
from appealbus.schemas.namespaces import SOAP11
from appealbus.schemas.outcome import OutcomeKind

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TOLD = 20
"""Names in a line of the log; a contract may have hundreds."""


class SoapWire(Wire):
    """Sends requests to a SOAP service by its contract."""

    rereads = True

    def __init__(self, source: str, settings: SoapSettings, http: HttpClient) -> None:
        self._source = source
        self._settings = settings
        self.replies = settings.replies
        self._http = http
        self._open = False
        self._contract: WsdlContract
        self._headers: Headers
        self._tls: ssl.SSLContext | None = None
        self._url: URL
        self._http_headers: dict[str, CIMultiDict[str]] = {}
        self._is_slow = False
        self._checking = threading.Lock()

    async def start(self) -> None:
        """Read the contract, the certificates and the secrets, within `load_timeout`. Raises ConfigError."""
        try:
            async with asyncio.timeout(self._settings.load_timeout):
                await asyncio.to_thread(self._load)
        except TimeoutError:
            raise ConfigError(
                f"sources.{self._source}.wsdl: reading the contract took more than {self._settings.load_timeout:g} s; "
                "raise load_timeout"
            ) from None
        self._http.open()
        self._open = True
        for note in self._contract.notes:
            log.warning("soap.contract.left_out", source=self._source, part=note)

    async def call(self, request: Request, call: Call) -> Reply:
        """Send the request and return the element of the answer; an empty mapping if the contract has none."""
        operation = self._operation(request)
        headers, content = await self._aside(partial(self._parts, operation, call, request))
        if call.answer is not None:
            return await self._read(operation, kept_reply(call.answer), echoes(headers), call.answer.answered_at)
        envelope = build_envelope(content, self._contract.port.namespace, headers)
        answer = await self._http.post(
            self._url,
            serialise(envelope),
            self._http_headers[operation.name],
            timeout=call.timeout,
            connect_timeout=self._settings.connect_timeout,
            limit=self._settings.limit,
            tls=self._tls,
            source=self._source,
            alone=call.alone or not self._settings.reuse,
        )
        observed_at = datetime.now(UTC)
        hand_over(answer, call, observed_at)
        return await self._read(operation, answer, echoes(headers), observed_at)

    async def _read(
        self, operation: Operation, answer: HttpReply, wanted: Mapping[str, str], observed_at: datetime
    ) -> Reply:
        try:
            return await self._reply(operation, answer, open_reply(answer, self._settings, wanted), observed_at)
        except CallFailed as failed:
            if failed.code == WRONG_ANSWER:
                self.doubt()
            raise failed.over(answer.body, observed_at) from failed.__cause__

    async def _reply(
        self, operation: Operation, answer: HttpReply, opened: OpenedReply, observed_at: datetime
    ) -> Reply:
        """Return the answer's content after validating it."""
        envelope, notes = opened.envelope, Notes(self.replies)
        header = envelope.header if envelope is not None else None
        element: etree._Element | None = None
        if operation.output is not None:
            if envelope is None:
                raise CallFailed(OutcomeKind.INVALID, "soap.empty", "the reply is empty")
            element = answer_in(envelope, operation.output)
            if self._contract.checker is not None:
                await self._aside(partial(self._contract.checker.take, element, notes))
        return Reply(
            {} if element is None else element,
            hashlib.sha256(answer.body).hexdigest(),
            observed_at,
            message_id=text(header, "MessageID") if header is not None else None,
            correlated=opened.correlated,
            attachments=opened.attachments,
            differences=notes.differences,
            gaps=notes.gaps if notes.compared else None,
            headers=tuple(header) if header is not None else (),
        )

    async def health(self) -> Health:
        """Check that an HTTP server answers at the service's address."""
        try:
            status = await self._http.probe(self._url, timeout=self._settings.connect_timeout, tls=self._tls)
        except CallFailed as failed:
            return Health(ok=False, detail=failed.reason)
        return Health(ok=status not in (502, 503, 504), detail=f"HTTP {status}")

    def describe(self) -> str:
        """List the contract's operations, and its omitted and renamed parts."""
        names = list(self._contract.port.operations)
        said = f"{len(names)} {'operation' if len(names) == 1 else 'operations'}: {listed(names, _TOLD, ', ')}"
        if unset := self._headers.unset():
            said += f"; headers of the contract that the settings do not give: {listed(unset, _TOLD, ', ')}"
        notes = self._contract.notes
        return f"{said}; notes: {listed(notes, _TOLD, '; ')}" if notes else said

    def contract(self, request: str | None, operation: str | None) -> MessageContract:
        """Return the schemas of the WSDL, and the elements of the operation. Raises CallFailed if it does not match."""
        chosen = self._found(request, operation)
        if request is not None and request != chosen.input:
            raise CallFailed(OutcomeKind.INVALID, "soap.request", "the operation takes another element")
        return MessageContract(self._documents, chosen.input, chosen.output)

    def doubt(self) -> None:
        self._http.doubt(self._url, self._source)

    def links(self) -> Sequence[LinkState]:
        """Return the state of connections in doubt."""
        return self._http.links(self._source, self._url)

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self._http.close()

    @cached_property
    def _documents(self) -> list[etree._Element]:
        return self._contract.schemas.roots()

    def _load(self) -> None:
        settings = self._settings
        key = f"sources.{self._source}"
        contract = load_contract(
            settings.wsdl,
            settings.catalog,
            service=settings.service,
            port=settings.port,
            folder=settings.folder,
            xsd=settings.xsd,
            replies=settings.replies,
        )
        address = settings.url or contract.port.address
        try:
            self._url = URL(address)
        except ValueError:
            self._url = URL()
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigError(f"{key}.url: the contract gives no usable address; write where the service is")
        self._headers = Headers(contract, settings.soap_headers, f"{key}.soap_headers", self._url, settings.addressing)
        if self._url.scheme == "https":
            self._tls = tls_context(settings.tls, f"{key}.tls")
        secrets = {name: secret.get() for name, secret in settings.secret_headers.items()}
        extra = _checked(settings.http_headers, f"{key}.http_headers") | _checked(secrets, f"{key}.secret_headers")
        if settings.basic is not None:
            pair = f"{settings.basic.user}:{settings.basic.password.get()}"
            extra["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
        for operation in contract.port.operations.values():
            _checked({"SOAPAction": operation.action if settings.action is None else settings.action}, f"{key}.action")
            self._http_headers[operation.name] = _http_headers(
                operation, contract.port.namespace, settings.action, extra
            )
        self._contract = contract
        self._is_slow = contract.schemas.is_slow

    async def _aside(self, step: Callable[[], T]) -> T:
        """Run a step of validation, in a thread if the contract makes it slow."""
        return await asyncio.to_thread(self._alone, step) if self._is_slow else step()

    def _alone(self, step: Callable[[], T]) -> T:
        with self._checking:  # a validator has one log of errors for all threads
            return step()

    def _parts(
        self, operation: Operation, call: Call, request: Request
    ) -> tuple[tuple[etree._Element, ...], etree._Element | None]:
        return self._headers.made(operation, call, request), self._content(request, operation)

    def _operation(self, request: Request) -> Operation:
        tag = str(request.body.tag) if isinstance(request.body, etree._Element) else None
        return self._found(tag, request.operation)

    def _found(self, tag: str | None, name: str | None) -> Operation:
        """Find the operation by name, else by element, else the only one."""
        operations = self._contract.port.operations
        if name is not None:
            chosen = operations.get(name)
        elif tag is not None:
            chosen = self._contract.by_input.get(tag)
        else:
            chosen = next(iter(operations.values())) if len(operations) == 1 else None
        if chosen is None:
            raise CallFailed(OutcomeKind.INVALID, "soap.operation", "the contract has no such operation")
        return chosen

    def _content(self, request: Request, operation: Operation) -> etree._Element | None:
        body = request.body
        if isinstance(body, etree._Element):
            if body.tag != operation.input:
                raise CallFailed(OutcomeKind.INVALID, "soap.request", "the operation takes another element")
            # Putting an element into the envelope takes it out of where it is.
            content = body if body.getparent() is None else deepcopy(body)
        elif operation.input is None:
            return None
        elif self._contract.builder is None:
            raise CallFailed(OutcomeKind.INVALID, "soap.request", "this contract takes requests as XML alone")
        else:
            content = self._contract.builder.build(operation.input, body)
        if self._contract.checker is not None:
            self._contract.checker.check(content, "soap.request", "the request")
        return content


def _checked(headers: dict[str, str], key: str) -> dict[str, str]:
    for name, value in headers.items():
        if not name.isascii() or not f"{name}{value}".isprintable():
            raise ConfigError(f"{key}: {name}: a header is one line of printable characters")
    return headers


def _http_headers(operation: Operation, namespace: str, action: str | None, extra: dict[str, str]) -> CIMultiDict[str]:
    action = operation.action if action is None else action
    headers = CIMultiDict(extra)
    if namespace == SOAP11:
        headers[CONTENT_TYPE] = "text/xml; charset=utf-8"
        headers["SOAPAction"] = f'"{action}"'
    else:
        headers[CONTENT_TYPE] = "application/soap+xml; charset=utf-8" + (f'; action="{action}"' if action else "")
    return headers
