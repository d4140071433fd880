"""The tables of the configuration file. What belongs to a plugin or a connector is kept raw for a second stage."""

import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationInfo, model_validator

from appealbus.core.clocks import DAY
from appealbus.core.config.types import ConfigPath, Seconds, Secret, Settings
from appealbus.core.guards.settings import GuardSettings
from appealbus.core.logs.setup import LogFormat, LogLevel
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.renames import Rename
from appealbus.schemas.suggestion import did_you_mean

_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql://"
_FILES = frozenset({"sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"})
_KINDS = ("default", *AppealKind)


def _journal(url: str, info: ValidationInfo) -> str:
    folder: Path = (info.context or {}).get("folder") or Path()
    if url.startswith(_POSTGRESQL):
        return _postgresql(url, folder)
    path = url.removeprefix(_SQLITE)
    if path == url or not path:
        raise ValueError('write a URL such as "sqlite:///appealbus.db" or "postgresql://appealbus@host/appealbus"')
    return f"{_SQLITE}{folder / path}"


def _postgresql(url: str, folder: Path) -> str:
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        raise ValueError('the URL is malformed; write "postgresql://user@host:5432/database"') from None
    if parts.password is not None or any(name in {"password", "sslpassword"} for name, _ in query):
        raise ValueError('a password does not belong into the URL; write bus.journal_password = { file = "path" }')
    if not parts.username or not parts.path.strip("/") or parts.fragment:
        raise ValueError('write the role and the database too: "postgresql://user@host:5432/database"')
    query = [(name, str(folder / value) if name in _FILES and value != "system" else value) for name, value in query]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _plugin(name: str, info: ValidationInfo) -> str:
    if name.endswith(".py"):
        folder: Path = (info.context or {}).get("folder") or Path()
        return str(folder / name)
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name, re.ASCII):
        raise ValueError('write the path of a file, such as "./my_plugin.py", or the name of a module')
    return name


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,99}", name):
        raise ValueError("no such name is possible; write Latin letters, digits, _ and -, with a letter first")
    return name


def _kind(name: str) -> str:
    if name not in _KINDS:
        raise ValueError(f"no such kind of appeal; {did_you_mean(name, _KINDS)}")
    return name


Name = Annotated[str, AfterValidator(_name)]
Kind = Annotated[str, AfterValidator(_kind)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class RenameSettings(Settings):
    """A table `[[bus.renames]]`: what a channel writes under a name of its own, and the form of an appeal has."""

    channel: Line
    """The channel that writes so."""
    path: Line
    """Where it stands, as its appeals have it: `aplicant`, `applicant.inn`, `parcels[*].cadastre`."""
    to: Line
    """The field of the form that it is: `applicant`, `applicant.iin`, `parcels[*].cadastral_number`."""
    reason: Line
    """Why it is that field."""
    until: date | None = None
    """The last day on which it is read so; left out: for good."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if problem := Rename(self.path, self.to).problem():
            raise ValueError(problem)
        return self


class BusSettings(Settings):
    """The table `[bus]`: who the bus is and how much it does at once."""

    name: Line = "appealbus"
    """How this bus is called, in logs and pages."""
    accepted_by: Line = "appealbus"
    """Who accepts appeals, as receipts say it."""
    actor: Line = "appealbus"
    """Who asks the sources, as the access log says it."""
    legal_basis: Line = "АППК РК № 350-VI"
    """The norm that allows questions, for lookups that name none themselves."""
    number_prefix: Annotated[str, StringConstraints(pattern=r"^\S*$", max_length=20)] = "AB"
    """What the numbers that the bus gives begin with."""
    journal: Annotated[str, AfterValidator(_journal)] = Field(default="sqlite:///appealbus.db", validate_default=True)
    """URL of the journal: `sqlite:///appealbus.db`, or `postgresql://user@host:5432/database` for several workers.

    A relative path starts at the folder of this file. TLS as libpq has it: `?sslmode=verify-full&sslrootcert=ca.pem`.
    """
    key: ConfigPath = Field(default=Path("appealbus.key"), validate_default=True)
    """The file with the journal's key, made at the first start: people and parcels are found by it. Back it up apart.

    Left out: beside an SQLite journal, `appealbus.db.key`. All that work one journal in PostgreSQL have the same key.
    """
    checkpoint: ConfigPath = Field(default=Path("appealbus.checkpoint"), validate_default=True)
    """A small file that knows how far the journal was, so that an older copy is found out: each machine has its own.

    Put it where a restore of the journal does not restore it too: on another disk. Left out: beside an SQLite journal,
    `appealbus.db.checkpoint`.
    """
    journal_password: Secret | None = None
    """The password of the role in PostgreSQL; read again at each new connection."""
    policy: ConfigPath | None = None
    """The file that says who sees what: masks for roles, clients and receivers. Left out: the built-in policy."""
    plugins: list[Annotated[str, AfterValidator(_plugin)]] = []
    """Plugins beside the installed ones: a file, such as `"./my_plugin.py"`, or an importable module."""
    disabled: list[Line] = []
    """Names of plugins that are installed and shall not run."""
    retired: list[Line] = []
    """Lookups and assessors that are gone for good: nobody waits for them. Others that were once there are missed."""
    concurrency: int = Field(default=200, ge=1, le=10_000)
    """Appeals in flight at once."""
    first_share: float = Field(default=0.25, ge=0.05, le=0.95)
    """The part of these, and of each quota, that first versions have before what returns, such as a backlog.

    What returns has the rest before them. What either leaves idle is the other's.
    """
    grace: Seconds = Field(default=20.0, ge=0)
    """How long what is in flight may take to end when the bus is told to stop."""
    max_fan_out: int = Field(default=100, ge=1, le=10_000)
    """Questions that one lookup may put for one appeal."""
    due_within_days: int = Field(default=3, ge=0, le=60)
    """How many days before an answer is due health tells of an appeal that still lacks facts.

    Three are what a register needs to answer at all, or to ask for an extension.
    """
    retention: Seconds = Field(default=365 * DAY, ge=DAY)
    """How long the journal keeps what is done."""
    access_retention: Seconds | None = Field(default=None, ge=DAY)
    """How long the journal keeps who looked at whose data, at least as long as `retention`; none: for good."""
    versions_retention: Seconds | None = Field(default=None, ge=0)
    """How long a version is kept once a newer one has superseded it and nobody waits for it; none: as its appeal is."""
    log_retention: Seconds = Field(default=3 * 365 * DAY, ge=DAY)
    """How long the log keeps what happened, at least as long as `retention`.

    Its beginning goes, up to the first entry that is younger.
    """
    quarantine_messages: int = Field(default=10_000, ge=1)
    """How many messages of one channel quarantine keeps that nobody has replayed or closed; over that the oldest go."""
    quarantine_megabytes: int = Field(default=2048, ge=16)
    """How many megabytes of one channel it keeps."""
    quarantine_retention: Seconds = Field(default=365 * DAY, ge=DAY)
    """How long it keeps them."""

    renames: list[RenameSettings] = []
    """Fields that channels misname. One that came under its own name, too, stays; what was misnamed is told then."""
    changes_from: list[Line] = []
    """Channels whose changes count for appeals of every channel, those of others only for their own appeals; which
    kinds of change, and within which places, the policy says."""
    waiting_changes: int = Field(default=10_000, ge=0)
    """How many changes of one channel may wait for appeals that are not known yet; over that they go into quarantine.

    A tenth more may wait of those by which an appeal ends: answered, withdrawn, closed.
    """
    waiting_changes_for: Seconds = Field(default=7 * DAY, ge=0)
    """How long a change waits for its appeal; then it goes into quarantine."""

    @model_validator(mode="after")
    def _one_for_each(self) -> Self:
        for names in (
            [(rename.channel, rename.path) for rename in self.renames],
            [(rename.channel, rename.to) for rename in self.renames],
        ):
            if twice := [f"{name} of {channel}" for (channel, name), count in Counter(names).items() if count > 1]:
                raise ValueError(f"renames: {', '.join(twice)} stands there twice")
        return self

    def renames_of(self, channel: str, day: date) -> list[Rename]:
        """Return what a channel misnames on a day."""
        return [
            Rename(rename.path, rename.to)
            for rename in self.renames
            if rename.channel == channel and (rename.until is None or rename.until >= day)
        ]

    @property
    def quarantine_bytes(self) -> int:
        """What `quarantine_megabytes` amounts to."""
        return self.quarantine_megabytes * 2**20

    def key_file(self) -> Path:
        """Return where the journal's key is."""
        if "key" in self.model_fields_set or not self.journal.startswith(_SQLITE):
            return self.key
        return Path(f"{self.journal.removeprefix(_SQLITE)}.key")

    def checkpoint_file(self) -> Path:
        """Return where the checkpoint is."""
        if "checkpoint" in self.model_fields_set or not self.journal.startswith(_SQLITE):
            return self.checkpoint
        return Path(f"{self.journal.removeprefix(_SQLITE)}.checkpoint")


class MeaninglessSettings(Settings):
    """A table `[[sources.NAME.meaningless]]`: an element of its replies that no contract knows, and nobody needs."""

    path: Line
    """How its path ends, as `appealbus sources --paths` tells it: `ObjectInfo/RowNumber`."""
    reason: Line
    """Why it tells nothing that a record lacks."""
    until: date | None = None
    """The last day on which that holds; left out: for good."""


class SourceSettings(Settings):
    """A table `[sources.NAME]`: which wire leads to a source. Other keys are the connector's."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]

    connector: Line
    """The wire: `shep`, `soap` …"""
    guard: GuardSettings = GuardSettings()
    """Limits, retries and the breaker of this source."""
    keep_replies: Seconds = Field(default=0.0, ge=0)
    """How long its replies are kept as they came, so that they can be read again; 0: not at all.

    They hold all that the source told, and are not encrypted in the journal yet.
    """
    meaningless: list[MeaninglessSettings] = []
    """Elements beside which a field that is absent is absent, and not unknown."""


class PartSettings(Settings):
    """A table `[intakes.NAME]`, `[deliveries.NAME]` or `[work]`. Other keys are those of its kind."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]

    kind: Line
    """What it is: `files` …"""


class CompletenessSettings(Settings):
    """A table `[completeness.KIND]`: what a dossier needs for appeals of that kind; `default` for all others."""

    required: list[Line] | None = None
    """Lookups that a complete dossier needs in each appeal, loaded or not.

    Of several with `or` between them it needs those that have something to ask about, and one at least:
    "gbdfl.person or gbdul.organisation".

    Left out: all that can be asked, or could once be asked in this journal, and that are not optional or retired; each
    where there is something to ask about.
    """
    where_given: list[Line] = []
    """Lookups that it needs besides, loaded or not, where there is something to ask about: a parcel that is named."""
    optional: list[Line] = []
    """Lookups that are asked too, but a dossier is complete without them."""
    wait: Seconds = Field(default=20.0, gt=0)
    """How long the first delivery waits for the lookups."""

    @property
    def groups(self) -> frozenset[frozenset[str]]:
        """What `required` names: of each group one at least."""
        return frozenset(frozenset(group.split(" or ")) for group in self.required or ())

    @property
    def names(self) -> set[str]:
        """All lookups that the table names."""
        return {*frozenset[str]().union(*self.groups), *self.where_given, *self.optional}


class RetrySettings(Settings):
    """The table `[retry]`: when a parked lookup is asked again."""

    first: Seconds = Field(default=30.0, gt=0)
    """The pause before the first new attempt."""
    factor: float = Field(default=2.0, ge=1, le=100)
    """Each later pause is this many times the one before."""
    max: Seconds = Field(default=6 * 3600.0, gt=0)
    """The longest pause."""
    give_up_after: Seconds = Field(default=7 * DAY, gt=0)
    """How long after the appeal came nobody asks by themselves any more; later where a question has hardly been put."""
    awaiting: Seconds = Field(default=900.0, gt=0)
    """The pause while consent or an asynchronous answer is on its way."""


class LogSettings(Settings):
    """The table `[log]`."""

    level: LogLevel = LogLevel.INFO
    """The least important events that are written."""
    format: LogFormat = LogFormat.AUTO
    """`auto` is `console` on a terminal and `json` elsewhere."""


class Configuration(Settings):
    """The whole file."""

    bus: BusSettings = Field(default_factory=BusSettings)
    """Who the bus is and how much it does at once."""
    log: LogSettings = LogSettings()
    """How the bus logs."""
    retry: RetrySettings = RetrySettings()
    """When parked lookups are asked again."""
    completeness: dict[Kind, CompletenessSettings] = {}
    """What a dossier needs, for each kind of appeal."""
    sources: dict[Name, SourceSettings] = {}
    """Which wire leads to each source."""
    intakes: dict[Name, PartSettings] = {}
    """Where appeals come from."""
    deliveries: dict[Name, PartSettings] = {}
    """Where dossiers go."""
    work: PartSettings | None = None
    """How workers of one journal tell each other of work; none: each looks into the journal once a second."""
    plugins: dict[Name, dict[str, Any]] = {}
    """What each plugin lets one set."""

    def contract(self, kind: AppealKind | None) -> CompletenessSettings:
        """Return what a dossier needs for appeals of this kind; None: of a kind that nobody knows."""
        return self.completeness.get(kind or "default") or self.completeness.get("default") or CompletenessSettings()
