"""Settings of the console."""

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from appealbus.core import Settings
from appealbus.core.config.types import Seconds, Secret
from appealbus.core.management.people import Role


def _https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise ValueError("write it as https://…; http only for this machine itself")
    return url


class OidcSettings(Settings):
    """The table `[plugins.console.oidc]`: people sign in at a provider of OpenID Connect."""

    issuer: Annotated[str, AfterValidator(_https)]
    """The provider, as its tokens name it, such as `"https://id.example.kz"`."""
    client_id: str
    """Who the console is there."""
    client_secret: Secret
    """Its secret there."""
    url: Annotated[str, AfterValidator(_https)]
    """Where people reach this server; `URL/console/oidc/back` has to be registered at the provider."""
    roles: dict[str, Role]
    """Which value of `role_claim` makes somebody what: the first that fits, such as `{ "bus-operators" = "ops" }`."""
    role_claim: str = "groups"
    """The claim that says what somebody may."""
    name_claim: str = "preferred_username"
    """The claim by which somebody is named in the log: Latin letters, digits, `_` and `-`."""
    scope: str = "openid profile"
    """What the provider is asked for."""

    @field_validator("roles")
    @classmethod
    def _people(cls, roles: dict[str, Role]) -> dict[str, Role]:
        if Role.CHANNEL in roles.values():
            raise ValueError("a channel is a system, and sees no console")
        return roles


class ConsoleSettings(Settings):
    """The table `[plugins.console]`."""

    idle: Seconds = Field(default=1800.0, ge=60, le=86_400)
    """After how long without a request a person is signed out."""
    longest: Seconds = Field(default=43_200.0, ge=60, le=604_800)
    """After how long a person is signed out in any case."""

    oidc: OidcSettings | None = None
    """The provider at which people sign in; none: by one-time links alone."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.idle > self.longest:
            raise ValueError("idle: nobody is signed in for longer than `longest`; write a shorter time")
        return self
