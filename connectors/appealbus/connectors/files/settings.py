"""What can be set about files."""

from enum import StrEnum

from pydantic import Field

from appealbus.core import Settings
from appealbus.core.config.types import ConfigPath, Seconds


class Encoding(StrEnum):
    """How the text of a file is written down. Nothing is guessed: a wrong guess makes wrong names."""

    UTF_8 = "utf-8"
    CP1251 = "cp1251"


class FolderSettings(Settings):
    """A table `[intakes.NAME]` with `kind = "files"`."""

    folder: ConfigPath
    """The folder to watch. Files that are dealt with move to `done` or `failed` inside it."""
    encoding: Encoding = Encoding.UTF_8
    """Of files whose format does not say it: JSON Lines and CSV."""
    poll: Seconds = Field(default=1.0, gt=0)
    """How often to look."""
    settle: Seconds = Field(default=2.0, ge=0)
    """How long a file must have kept its size before it counts as whole. Names in `.part` are left alone."""


class OutboxSettings(Settings):
    """A table `[deliveries.NAME]` with `kind = "files"`."""

    path: ConfigPath
    """The file that dossiers are appended to, one JSON object a line."""
