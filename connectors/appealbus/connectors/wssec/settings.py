"""What can be set about signatures."""

from typing import Literal, Self

from pydantic import model_validator

from appealbus.core import Settings
from appealbus.core.config.types import ExistingFile, Secret


class SignatureSettings(Settings):
    """The `signature` table of a source."""

    sign: Literal["none", "rsa-sha256"] = "none"
    """How the body of a question is signed."""
    key: ExistingFile | None = None
    """Our private key, as PEM."""
    key_password: Secret | None = None
    """The password of the key, if it has one."""
    certificate: ExistingFile | None = None
    """Our certificate, as PEM or DER. It goes out whole with each question."""
    trusted: list[ExistingFile] = []
    """Certificates of the peer, as PEM or DER. An answer must be signed with one of them."""
    verify: bool = True
    """Whether answers are held to `trusted`. Off is for test contours alone."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.sign == "rsa-sha256" and (self.key is None or self.certificate is None):
            raise ValueError('sign = "rsa-sha256" needs key = "our.key" and certificate = "our.crt"')
        if self.sign != "none" and self.verify and not self.trusted:
            raise ValueError('give trusted = ["peer.crt"], or verify = false where it is only a test')
        return self
