"""Settings of the files plugin."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from appealbus.core import Settings
from appealbus.core.config.types import ConfigPath, ExistingFolder, Seconds


class Encoding(StrEnum):
    """How the text of a file is written down. Nothing is guessed: a wrong guess makes wrong names."""

    UTF_8 = "utf-8"
    CP1251 = "cp1251"


class FolderSettings(Settings):
    """A table `[intakes.NAME]` with `kind = "files"`."""

    folder: ExistingFolder
    """The folder to watch; it must exist. Files that are dealt with move to `done` or `failed` inside it."""
    encoding: Encoding = Encoding.UTF_8
    """Of files whose format does not say it: JSON Lines and CSV."""
    poll: Seconds = Field(default=1.0, gt=0)
    """How often to look."""
    settle: Seconds = Field(default=2.0, ge=0)
    """How long a file must have kept its size before it counts as whole. Names in `.part` are left alone."""


def _in_a_folder(path: Path) -> Path:
    if not path.parent.is_dir():
        raise ValueError(f"the folder {path.parent} does not exist; make it, or write another path")
    return path


class OutboxSettings(Settings):
    """A table `[deliveries.NAME]` with `kind = "files"`."""

    path: Annotated[ConfigPath, AfterValidator(_in_a_folder)]
    """The file that dossiers are appended to, one JSON object a line. Its folder must exist. A file that holds anything
    else is left alone; a last line without a break gets one, unless a crash left it of a dossier: that is dropped."""
