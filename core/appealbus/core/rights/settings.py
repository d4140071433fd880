"""The tables of a policy file."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from appealbus.core.config.models import Line, Name
from appealbus.core.config.types import Settings
from appealbus.core.domain.client import EVERY, Role
from appealbus.core.rights.fields import problem_of
from appealbus.core.rights.paths import Pattern
from appealbus.schemas.appeal import AppealKind
from appealbus.schemas.change import ChangeKind
from appealbus.schemas.identifiers import parse_kato, parse_or_none
from appealbus.schemas.suggestion import did_you_mean


def _path(text: str) -> str:
    if problem := problem_of(Pattern.parse(text)):
        raise ValueError(problem)
    return text


MaskPath = Annotated[str, AfterValidator(_path)]


class MaskSettings(Settings):
    """A table `[masks.NAME]`: what is seen of a dossier."""

    shows: list[MaskPath] = ["*"]
    """Paths that are shown, as `explain` writes them: `appeal.place`, `gbdfl.person/surname`, `egkn.*`; else all."""
    hides: list[MaskPath] = []
    """Paths that are hidden; they count more."""
    identifiers: list[Literal["iin", "bin", "cadastral_number"]] = []
    """Numbers that are hidden wherever they stand, in texts too."""
    process: bool = False
    """Whether it is shown when and how questions ended that rest on hidden fields, and which of these have warnings.

    Then may be concluded whether a hidden field has a value, and when it changed; never what it is.
    """


def _change(text: str) -> str:
    if text != EVERY and text not in set(ChangeKind):
        raise ValueError(f"there is no such kind of change; {did_you_mean(text, [*ChangeKind, EVERY])}")
    return text


def _place(text: str) -> str:
    if (place := parse_or_none(parse_kato, text)) is None:
        raise ValueError("write a territory by КАТО, nine digits")
    return place


Changes = list[Annotated[str, AfterValidator(_change)]]


class RoleSettings(Settings):
    """A table `[roles.ROLE]`: what clients of a role see, and which changes they may send."""

    mask: Name | None = None
    """The mask of those that have none of their own; else the built-in one."""
    purpose: bool | None = None
    """Whether each read needs a purpose, which the log keeps; else as built in."""
    changes: Changes | None = None
    """Kinds of change that they may send, `*` for all; else of channels `corrected` and `withdrawn`, of others none."""


class ClientSettings(Settings):
    """A table `[clients.NAME]`: what one client sees and may send, whatever its role says."""

    mask: Name | None = None
    """Its mask; else that of its role."""
    purpose: bool | None = None
    """Whether each of its reads needs a purpose; else as its role says."""
    changes: Changes | None = None
    """Kinds of change that it may send; else as its role says."""


class ChannelSettings(Settings):
    """A table `[channels.NAME]`: which changes may come by an intake, or by `appealbus intake`, as this channel's."""

    changes: Changes | None = None
    """Kinds of change, `*` for all; else `corrected` and `withdrawn`, and none if it may change all appeals."""
    places: list[Annotated[str, AfterValidator(_place)]] = []
    """Only of appeals about these territories by КАТО and below, before and after the change; else about any."""
    kinds: list[AppealKind] = []
    """Only of appeals of these kinds, before and after the change; else of any."""


class ReceiverSettings(Settings):
    """A table `[receivers.NAME]`: what the delivery of that name hands over."""

    mask: Name
    """Its mask."""


class PolicySettings(Settings):
    """The whole file."""

    masks: dict[Name, MaskSettings] = {}
    """What is seen of a dossier, by the name of the mask. Built in: `everything` and `technical`."""
    roles: dict[Role, RoleSettings] = {}
    """What clients see, by their role."""
    clients: dict[Name, ClientSettings] = {}
    """What single clients see."""
    channels: dict[Line, ChannelSettings] = {}
    """Which changes come by intakes, by the names of these."""
    receivers: dict[Name, ReceiverSettings] = {}
    """What deliveries hand over, by their names in `[deliveries.NAME]`; others hand over everything."""
