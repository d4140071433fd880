"""The tables of a policy file."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from appealbus.core.config.base import Settings
from appealbus.core.config.models import Name
from appealbus.core.domain.client import Role
from appealbus.core.rights.fields import problem_of
from appealbus.core.rights.paths import Pattern


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


class RoleSettings(Settings):
    """A table `[roles.ROLE]`: what clients of a role see."""

    mask: Name | None = None
    """The mask of those that have none of their own; else the built-in one."""
    purpose: bool | None = None
    """Whether each read needs a purpose, which the log keeps; else as built in."""


class ClientSettings(Settings):
    """A table `[clients.NAME]`: what one client sees, whatever its role says."""

    mask: Name | None = None
    """Its mask; else that of its role."""
    purpose: bool | None = None
    """Whether each of its reads needs a purpose; else as its role says."""


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
    receivers: dict[Name, ReceiverSettings] = {}
    """What deliveries hand over, by their names in `[deliveries.NAME]`; others hand over everything."""
