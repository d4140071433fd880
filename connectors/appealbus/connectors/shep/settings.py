"""Settings of a source behind the SHEP gateway."""

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from appealbus.connectors.http import TlsSettings
from appealbus.connectors.signing import SignatureSettings
from appealbus.connectors.soap.settings import HttpUrl, ReplyEncoding
from appealbus.core import Form, ReplyCheck, Settings, Shape
from appealbus.core.config.types import Seconds, Secret

# What a message can carry: text without control characters.
_Word = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f\ufffe\uffff]*$")]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=30, pattern=r"^[^\x00-\x1f\x7f\ufffe\uffff]*$")]
_Type = Annotated[str, StringConstraints(pattern=r"^(\{[^{}\s\"<>&]+\})?[^\W\d][\w.-]*$")]


class ShepSettings(Settings):
    """The settings of a source with `connector = "shep"`."""

    url: HttpUrl
    """Where the gateway's synchronous channel listens."""
    service_id: _Word
    """The service's id in the gateway's registry: `GBDFLUniversal_token`."""
    sender_id: _Word
    """Our id at the gateway."""
    password: Secret | None = None
    """Our password at the gateway."""
    route_id: _Word | None = None
    """Where the gateway shall route the question, for services that ask for it."""
    properties: dict[_Key, _Word] = {}
    """Properties of the message, by key."""
    payload: Shape | None = None
    """How the question lies in `data`; none: as the lookup says, else as a `child`.

    `bare`: its children directly in data; `typed`: the same, with their type; `text`, `cdata`: as escaped or raw text.
    """
    payload_type: _Type | None = None
    """For `typed`: the type's name as "{namespace}name"; none: as the lookup says, else that of its own element."""
    success_codes: list[_Word] = Field(default=["SCSS001"], min_length=1)
    """Statuses of the gateway that mean: here is the answer. Some services have words of their own: `Success`, `1`."""
    not_found_codes: list[_Word] = []
    """Statuses and error codes that mean: there is no such record."""
    refused_codes: list[_Word] = []
    """Statuses and error codes that mean: we have no right to ask, or no consent."""
    foreign_correlation: bool = False
    """Take answers whose correlationId is not ours: some services put ids of their own there. Those tie nothing."""
    date_window: Seconds = Field(default=600.0, gt=0, le=12 * 3600)
    """How far from our clock the date of an answer may be, either way, where answers must be signed."""
    replies: ReplyCheck = ReplyCheck.LENIENT
    """What becomes of an answer that breaks the lookup's schema: `strict`, it is invalid; `lenient`, what the record
    needs decides, a value that the schema does not allow is none, and differences are counted; `off`, it is not
    compared."""
    encoding: ReplyEncoding | None = None
    """What answers are written in that claim to be UTF-8 or ISO 8859-1, or say nothing, and are not: "windows-1251"."""
    limit: int = Field(default=2 * 1024 * 1024, ge=1024, le=16 * 1024 * 1024)
    """The most bytes that an answer may have. The gateway carries 15 MB. Reading takes up to twelve times as much."""
    reuse: bool = True
    """Put questions over connections that have carried others. Without, each gets a connection of its own."""
    tls: TlsSettings = TlsSettings()
    """Whom to trust for HTTPS, and our client certificate."""
    signature: SignatureSettings = SignatureSettings()
    """How questions are signed and answers verified."""
    data_signature: SignatureSettings = SignatureSettings()
    """How the content in `data` is signed and verified, beside the message: by an enveloped XML signature.

    A service that takes signed content alone says so in its lookup; `sign = "none"` sends it unsigned all the same.
    """

    def form(self, wanted: Form | None) -> Form:
        """Return how a question lies in `data`, by these settings and what its lookup wants."""
        form = wanted or Form()
        if self.payload is None:
            return form
        return replace(form, shape=self.payload, type_name=self.payload_type or form.type_name)

    @model_validator(mode="after")
    def _clear(self) -> Self:
        if self.payload_type is not None and self.payload is not Shape.TYPED:
            raise ValueError('payload_type needs payload = "typed"')
        codes = [*self.success_codes, *self.not_found_codes, *self.refused_codes]
        if len(set(codes)) != len(codes):
            raise ValueError("success_codes, not_found_codes and refused_codes must not share a code")
        return self
