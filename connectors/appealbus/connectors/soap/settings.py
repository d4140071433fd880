"""Settings of a SOAP source."""

from typing import Annotated, Any, Literal

from lxml import etree
from pydantic import AfterValidator, Field, StringConstraints, model_validator
from yarl import URL

from appealbus.connectors.http import TlsSettings
from appealbus.core import ReplyCheck, Settings
from appealbus.core.config.types import ExistingFile, ExistingFolder, Seconds, Secret
from appealbus.schemas.outcome import OutcomeKind


def _http_url(value: str) -> str:
    try:
        url = URL(value)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError('write a URL such as "https://host/path"')
    return value


def _encoding(value: str) -> str:
    try:
        etree.XMLParser(encoding=value)
    except LookupError:
        raise ValueError('there is no such encoding; write one such as "windows-1251"') from None
    return value


ReplyEncoding = Annotated[str, AfterValidator(_encoding)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""The address of a service."""

# What stands alone for anything would give every fault this outcome.
_Words = Annotated[str, StringConstraints(max_length=500, pattern=r"[^*\s]")]

FaultOutcome = Literal[
    OutcomeKind.NOT_FOUND,
    OutcomeKind.REFUSED,
    OutcomeKind.UNAVAILABLE,
    OutcomeKind.TIMED_OUT,
    OutcomeKind.INVALID,
    OutcomeKind.AWAITING,
]


class BasicSettings(Settings):
    """The `basic` table: HTTP basic authentication."""

    user: str
    """Who we are."""
    password: Secret
    """Proves it."""


class SoapSettings(Settings):
    """A source that speaks SOAP: document/literal or rpc/literal."""

    wsdl: ExistingFile
    """The contract: a WSDL file."""
    catalog: ExistingFile | None = None
    """Where the documents lie that the contract imports by URL: lines of URL, tab, file; or a TOML file of
    `"URL" = "file"`. Nothing is ever fetched from the network."""
    folder: ExistingFolder | None = None
    """The folder that holds the whole contract: its imports cannot leave it. None: the folder of the WSDL."""
    xsd: list[ExistingFile] = []
    """Schemas of what the contract leaves open, as `xs:any` and `xs:anyType` do: they are checked with it."""
    url: HttpUrl | None = None
    """Where the service is, if not where the contract says."""
    service: str | None = None
    """Which service of the contract, if it has several."""
    port: str | None = None
    """Which port of the service; none: its first SOAP port."""
    action: str | None = None
    """SOAPAction to send instead of the contract's."""
    addressing: bool = False
    """Send the WS-Addressing headers To, Action and MessageID."""
    soap_headers: dict[str, Any] = {}
    """Header elements, by their local name in the contract, or as `"{namespace}name"` where the contract does not
    know them: texts, or tables of what is in them. In a text `{question_id}`, `{message_id}`, `{number}` and `{now}`
    stand for the ids of the question and of this message, the appeal's number and the time."""
    http_headers: dict[str, str] = {}
    """HTTP headers to send."""
    secret_headers: dict[str, Secret] = {}
    """HTTP headers to send whose values are secret."""
    basic: BasicSettings | None = None
    """HTTP basic authentication."""
    tls: TlsSettings = TlsSettings()
    """Whom to trust, and our certificate."""
    connect_timeout: Seconds = Field(default=5.0, gt=0)
    """The longest that getting a connection may take."""
    reuse: bool = True
    """Put questions over connections that have carried others. Without, each gets a connection of its own."""
    load_timeout: Seconds = Field(default=60.0, gt=0)
    """The longest that reading the contract may take."""
    limit: int = Field(default=2 * 1024 * 1024, ge=1024)
    """The most bytes that a reply may have, decompressed."""
    replies: ReplyCheck = ReplyCheck.LENIENT
    """What becomes of a reply that breaks the contract's schema: `strict`, it is invalid; `lenient`, what the record
    needs decides, a value that the schema does not allow is none, and differences are counted; `off`, it is not
    compared. Requests are always checked."""
    encoding: ReplyEncoding | None = None
    """What replies are written in that claim to be UTF-8 or ISO 8859-1, or say nothing, and are not: "windows-1251"."""
    faults: dict[str, FaultOutcome] = {}
    """Outcomes of faults, by the name of an element in the detail or of one in that, by subcode, or by code."""
    fault_texts: dict[_Words, FaultOutcome] = {}
    """Outcomes of faults by words of their text, in any case; `*` stands for anything between them."""

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        for name in ("validate", "validate_messages"):
            if isinstance(given, dict) and name in given:
                raise ValueError(f'{name} is gone; write replies = "strict", "lenient", or "off" for what was false')
        return given
