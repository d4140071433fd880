"""What can be set about the console."""

from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from appealbus.core import Settings
from appealbus.core.config.types import Seconds


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError('write the name of a time zone, such as "Asia/Almaty"') from None
    return name


class ConsoleSettings(Settings):
    """The table `[plugins.console]`."""

    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Almaty"
    """The time zone of the region: all times are told in it."""
    idle: Seconds = Field(default=1800.0, ge=60, le=86_400)
    """After how long without a request a person is signed out."""
    longest: Seconds = Field(default=43_200.0, ge=60, le=604_800)
    """After how long a person is signed out in any case."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.idle > self.longest:
            raise ValueError("idle: nobody is signed in for longer than `longest`; write a shorter time")
        return self
