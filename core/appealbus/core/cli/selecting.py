"""The options that select appeals, shared by all commands, and the prompts for personal data.

Persons and parcels are never command-line arguments, since every account of the machine can read these.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from appealbus.core.clocks import wall
from appealbus.core.domain.listing import AppealState
from appealbus.core.domain.selection import OLDEST, Selection, before_days
from appealbus.core.journal.naming import holder, parcel
from appealbus.schemas.dossier import Completeness
from appealbus.schemas.identifiers import parse_body, parse_kato, parse_or_none
from appealbus.schemas.signal import Severity

_LONGEST = 500
_DAY = "%Y-%m-%d"
_SPELT = 300
"""Characters of an identifier with separators."""
_WORDS: dict[str, type[Completeness] | type[Severity]] = {"completeness": Completeness, "signal": Severity}

PersonFile = Annotated[
    Path | None, typer.Option("--person-file", metavar="FILE", help="The same, by the first line of a file.")
]
ParcelFile = Annotated[
    Path | None, typer.Option("--parcel-file", metavar="FILE", help="The same, by the first line of a file.")
]
Purpose = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why a person or a parcel is looked for; else it is asked for.")
]


def _options(
    *,
    state: Annotated[AppealState | None, typer.Option(help="Of one state alone.")] = None,
    held: Annotated[bool, typer.Option("--held", help="Held: the same as --state held.")] = False,
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Parked until this source is asked again, or held so; most urgent first."),
    ] = None,
    code: Annotated[
        str | None, typer.Option(metavar="CODE", help="With a question that ended so, as `why` shows: guard.timeout.")
    ] = None,
    due_before: Annotated[
        datetime | None,
        typer.Option(metavar="DAY", formats=[_DAY], help="Due by law before this day, as 2026-12-05; urgent first."),
    ] = None,
    due_from: Annotated[
        datetime | None, typer.Option(metavar="DAY", formats=[_DAY], help="Due by law on this day or later.")
    ] = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", metavar="DAYS", min=0, max=OLDEST, help="Accepted longer ago.")
    ] = None,
    completeness: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Of the newest dossier: partial, complete or settled; several with commas."),
    ] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Of one kind, such as complaint.")] = None,
    place: Annotated[str | None, typer.Option(metavar="КАТО", help="About one place.")] = None,
    body: Annotated[
        str | None,
        typer.Option(
            metavar="БИН|КАТО", help="Written to this body; of one that they name by its territory alone, that."
        ),
    ] = None,
    signal: Annotated[
        str | None, typer.Option(metavar="SEVERITY", help="Whose worst signal is critical, warning or info.")
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(metavar="NAME", help="With a version that this receiver has not confirmed.")
    ] = None,
    lacking: Annotated[
        bool, typer.Option("--lacking", help="Only those whose contract wants a lookup that was not loaded.")
    ] = False,
    unassessed: Annotated[bool, typer.Option("--unassessed", help="Over whose dossier an assessor raised.")] = False,
    misdated: Annotated[
        bool, typer.Option("--misdated", help="With a date that is implausible or cannot be read.")
    ] = False,
    person: Annotated[
        bool, typer.Option("--person", help="Who names a person or a body: the ИИН or БИН is asked for.")
    ] = False,
    person_file: PersonFile = None,
    parcel: Annotated[bool, typer.Option("--parcel", help="Who names a parcel: its number is asked for.")] = False,
    parcel_file: ParcelFile = None,
    purpose: Purpose = None,
) -> None:
    """Declares the options; never called."""


@dataclass(frozen=True, slots=True)
class Chosen:
    selection: Selection
    purpose: str = ""
    """Purpose of a search for a person or parcel; empty without one."""


def selects(command: Callable[..., None]) -> Callable[..., None]:
    """Add the selection options to a command, which receives them as `chosen`."""
    options = inspect.signature(_options).parameters

    @wraps(command)
    def run(*args: Any, **given: Any) -> None:
        said = {name: given.pop(name) for name in options}
        command(*args, chosen=chosen_by(**said), **given)

    own = [parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "chosen"]
    every = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *options.values())]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    return run


def chosen_by(
    *, person: bool, person_file: Path | None, parcel: bool, parcel_file: Path | None, purpose: str | None, **said: Any
) -> Chosen:
    """Build the selection; prompt for personal data. BadParameter if a value is invalid."""
    if said.pop("held"):
        if said["state"] not in (None, AppealState.HELD):
            raise typer.BadParameter("--held is --state held; write one of them")
        said["state"] = AppealState.HELD
    for name in ("due_before", "due_from"):
        said[name] = None if said[name] is None else said[name].date()
    for name, words in _WORDS.items():
        known = [word.value for word in words]
        if said[name] is not None and not set(said[name].split(",")).issubset(known):
            raise typer.BadParameter(f"write {', '.join(known[:-1])} or {known[-1]}", param_hint=f"--{name}")
    if said["place"] is not None:
        said["place"] = parse_or_none(parse_kato, said["place"])
        if said["place"] is None:
            raise typer.BadParameter("write the nine digits of a place in КАТО", param_hint="--place")
    if said["body"] is not None:
        said["body"] = parse_body(said["body"])
        if said["body"] is None:
            raise typer.BadParameter("write a БИН, or the nine digits of a territory in КАТО", param_hint="--body")
    days = said.pop("older_than")
    said["accepted_before"] = None if days is None else before_days(days, wall())
    named = named_by(person=person, person_file=person_file, parcel=parcel, parcel_file=parcel_file)
    return Chosen(Selection(named=named, **said), checked_purpose(purpose, asked=bool(named)))


def named_by(
    *, person: bool, person_file: Path | None, parcel: bool, parcel_file: Path | None
) -> tuple[tuple[str, str], ...]:
    """Return person and parcel by kind, from a prompt or a file. BadParameter if a value is invalid."""
    named = []
    if person or person_file is not None:
        named.append(_named("ИИН or БИН", "--person", person_file, _person))
    if parcel or parcel_file is not None:
        named.append(_named("cadastral number", "--parcel", parcel_file, _parcel))
    return tuple(named)


def checked_purpose(purpose: str | None, *, asked: bool) -> str:
    """Check the purpose of an access; prompt if it is required but missing."""
    if purpose is None and asked:
        purpose = typer.prompt("What for (it is noted)", err=True)
    if purpose is not None and not 0 < len(purpose.strip()) <= _LONGEST:
        raise typer.BadParameter(f"write one to {_LONGEST} characters", param_hint="--purpose")
    return purpose or ""


def _named(what: str, option: str, file: Path | None, read: Callable[[str], tuple[str, str] | None]) -> tuple[str, str]:
    """Read a person or parcel. Errors never repeat the input."""
    written = typer.prompt(f"The {what}", err=True) if file is None else _first_line(file, f"{option}-file")
    value = read(written) if len(written) <= _SPELT else None
    if value is None:
        raise typer.BadParameter(f"this is no {what}: look whether all its digits are right", param_hint=option)
    return value


def _person(written: str) -> tuple[str, str] | None:
    person = holder(written, "")
    return None if person is None else person[:2]


def _parcel(written: str) -> tuple[str, str] | None:
    land = parcel(written, "")
    return None if land is None else land[:2]


def _first_line(file: Path, option: str) -> str:
    try:
        with file.open("rb") as opened:
            return opened.readline(4 * _SPELT).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise typer.BadParameter(f"the file cannot be read: {why}", param_hint=option) from None
