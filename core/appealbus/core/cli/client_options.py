"""Parses and checks the options of `appealbus client`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from appealbus.core.domain.client import Role
from appealbus.core.rights import certificates, tokens
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none
from appealbus.schemas.suggestion import did_you_mean

Name = Annotated[str, typer.Argument(metavar="NAME", help="The client's.")]
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}", re.ASCII)
_SPAN = re.compile(r"(\d{1,5})([smhd])|0", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST = 1000
"""Most territories or kinds of one client: they are compared with every appeal it requests."""


@dataclass(frozen=True, slots=True)
class Shown:
    kind: str
    id: str
    digest: bytes
    token: str | None = field(default=None, repr=False)


def name_of(name: str, option: str = "NAME") -> str:
    if not _NAME.fullmatch(name):
        wanted = "write Latin letters, digits, _ and -, with a letter first, 64 at most"
        raise typer.BadParameter(wanted, param_hint=option)
    return name


def role_of(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise typer.BadParameter(f"no such role; {did_you_mean(name, Role)}", param_hint="--role") from None


def places_of(places: Sequence[str]) -> tuple[str, ...]:
    katos = tuple(dict.fromkeys(parse_or_none(parse_kato, place) or "" for place in places))
    if "" in katos or len(katos) > _MOST:
        wanted = "write the nine digits of a territory in КАТО; zeros at the end mean all below it"
        raise typer.BadParameter(wanted, param_hint="--place")
    return katos


def kinds_of(kinds: Sequence[str]) -> tuple[str, ...]:
    known = [kind.value for kind in AppealKind]
    for kind in kinds:
        if kind not in known:
            raise typer.BadParameter(f"no such kind of appeal; {did_you_mean(kind, known)}", param_hint="--kind")
    return tuple(dict.fromkeys(kinds))


def span_of(text: str) -> timedelta:
    """Parse a time span such as `24h`, a year at most."""
    match = _SPAN.fullmatch(text)
    span = timedelta() if match is None or match[2] is None else timedelta(**{_UNITS[match[2]]: int(match[1])})
    if match is None or span > timedelta(days=366):
        raise typer.BadParameter("write a span such as 24h, 30m, 7d or 0, a year at most", param_hint="--keep-old")
    return span


def credential_of(certificate: Path | None) -> Shown:
    """Return the certificate in a file as a credential, or a new token."""
    if certificate is None:
        token, mark, digest = tokens.new_token()
        return Shown("token", mark, digest, token)
    try:
        with certificate.open("rb") as file:
            der = certificates.certificate_in(file.read(certificates.LARGEST + 1))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"the file cannot be used: {why}", param_hint="--certificate") from None
    return Shown("certificate", *certificates.fingerprint(der))
