"""What can be set about a SOAP source."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from yarl import URL

from appealbus.connectors.http import TlsSettings
from appealbus.core import Settings
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


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""The address of a service."""

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
    know them. `{question_id}` and `{number}` in a text stand for the question's id and the appeal's number."""
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
    validate_messages: bool = Field(default=True, alias="validate")
    """Check requests and replies against the contract's schema. Without, broken values reach the lookup."""
    encoding: str | None = None
    """What replies are written in that claim to be UTF-8, or say nothing, and are not: "windows-1251"."""
    faults: dict[str, FaultOutcome] = {}
    """Outcomes of faults, by the name of the detail's element, by subcode, or by code."""
