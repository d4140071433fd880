"""Settings of signatures."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from appealbus.connectors.signing.ncanode import checked_url
from appealbus.core import Settings
from appealbus.core.config.types import ExistingFile, KeyFile, Seconds, Secret

_Attribute = Annotated[str, StringConstraints(pattern=r"^(CN|O|OU|C|serialNumber|[0-2](\.\d{1,20}){1,20})$")]

_NAMES = {"CN": "2.5.4.3", "serialNumber": "2.5.4.5", "C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11"}


class SignatureSettings(Settings):
    """The `signature` table of a source."""

    sign: Literal["none", "rsa-sha256", "gost-512", "gost-256", "ncanode"] = "none"
    """How questions are signed. `gost-…` is GOST 34.10-2015 and needs libgcrypt (Debian: `libgcrypt20`).

    `ncanode`: by a signing service that speaks the API of NCANode 3.
    """
    key: KeyFile | None = None
    """Our private key, as PEM (for GOST: PKCS #8); for `ncanode` the PKCS #12 file that the authority gave."""
    key_password: Secret | None = None
    """The password of the key, if it has one."""
    certificate: ExistingFile | None = None
    """Our certificate, as PEM or DER. It goes out whole with each question.

    `ncanode` takes it from the key's file; here its end is watched.
    """
    url: Annotated[str, AfterValidator(checked_url)] | None = None
    """For `ncanode`: where the service listens, `http://127.0.0.1:14579` or `unix:/run/ncanode.sock`.

    It is handed key and password with each question, so it must be on this machine.
    """
    key_alias: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """For `ncanode`: which key of the file; none: its only one."""
    timeout: Seconds = Field(default=5.0, gt=0, le=60)
    """For `ncanode`: how long a signature may take."""
    trusted: list[ExistingFile] = []
    """Certificates of the peer, as PEM or DER. An answer must be signed with one of them."""
    trusted_ca: list[ExistingFile] = []
    """Authorities, who sign `crl`. With `trusted_subject` an answer may bring a certificate that they issued."""
    trusted_subject: dict[_Attribute, str] = {}
    """What such a certificate must say of its owner: `{ OU = "BIN…" }`. All of it must be equal."""
    crl: list[ExistingFile] = []
    """Lists of revoked certificates, as PEM or DER, whole and signed by one of `trusted_ca`. A file that was replaced
    is read again within a minute."""
    verify: bool = True
    """Whether answers are held to `trusted`. Off is for tests, and for content that its service does not sign."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sign == "ncanode":
            if self.url is None or self.key is None or self.key_password is None:
                raise ValueError(
                    'sign = "ncanode" needs url = "http://127.0.0.1:14579", key = "our.p12" and '
                    'key_password = { env = "NAME" }'
                )
        elif self.url is not None or self.key_alias is not None:
            raise ValueError('url and key_alias are for sign = "ncanode"')
        elif self.sign != "none" and (self.key is None or self.certificate is None):
            raise ValueError(f'sign = "{self.sign}" needs key = "our.key" and certificate = "our.crt"')
        if self.crl and not self.trusted_ca:
            raise ValueError('crl needs trusted_ca = ["authority.crt"], whose signature it must have')
        if self.trusted_subject and not self.trusted_ca:
            raise ValueError('trusted_subject needs trusted_ca = ["authority.crt"], who issues such certificates')
        if self.trusted_ca and not (self.crl or self.trusted_subject):
            # An authority of a state issues certificates to everybody.
            raise ValueError(
                'trusted_ca alone would trust everybody whom it ever certified: give trusted_subject = { OU = "BIN…" }'
            )
        if self.sign != "none" and self.verify and not (self.trusted or self.trusted_subject):
            raise ValueError('give trusted = ["peer.crt"], or verify = false where it is only a test')
        return self

    def describe(self) -> str:
        """Return in words what is signed and what is held to whom, and what nobody looks at."""
        if self.sign == "none" and not self.is_verified:
            return "nothing is signed, and no signature is looked at"
        ours = "questions are not signed" if self.sign == "none" else f"questions are signed by {self.sign}"
        if not self.is_verified:
            return f"{ours}; no signature of answers is looked at"
        revoked = "looked up in crl" if self.crl else "not looked at, as there is no crl"
        return f"{ours}; answers must be signed with a trusted certificate; whether it was revoked is {revoked}"

    @property
    def is_verified(self) -> bool:
        """Whether answers are held to a signature."""
        return self.verify and bool(self.trusted or self.trusted_subject)

    def subject(self) -> dict[str, str]:
        """Return `trusted_subject` by object identifier."""
        return {_NAMES.get(name, name): value for name, value in self.trusted_subject.items()}
