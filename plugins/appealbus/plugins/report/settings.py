"""Settings of reports."""

from pydantic import Field

from appealbus.core import Settings
from appealbus.core.config.types import ConfigPath


class ReportSettings(Settings):
    """The table `[plugins.report]`."""

    file: ConfigPath | None = None
    """The file with what reports count, kept from one to the next. None: the whole journal is read each time."""
    local_words: list[str] = Field(default=["аким", "әкім"])
    """A body whose name has one of these is a local executive body, in small letters or large ones."""
    local_bins: list[str] = Field(default=[])
    """БИН of further local executive bodies."""
    land_codes: list[str] = Field(default=["10"])
    """Codes of the categories that are about land."""
    minutes_by_hand: float = Field(default=0.0, ge=0, le=480)
    """Minutes that looking up one record by hand takes, as you have measured it. 0: the time saved is what dossiers
    took alone."""
    smallest: int = Field(default=5, ge=2, le=1000)
    """With `--public` no number of fewer appeals is told, and none from which one follows."""
