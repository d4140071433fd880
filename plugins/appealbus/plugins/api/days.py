"""Days in queries."""

import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator

from appealbus.plugins.api.problems import NOT_A_DAY, Problem

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _day(value: object) -> date:
    """Read it by ourselves: pydantic would take a number for a moment in seconds, and a day with a time for one."""
    if isinstance(value, str) and _WRITTEN.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Problem(NOT_A_DAY, "write a day of the calendar as 2026-12-05")


Day = Annotated[date, BeforeValidator(_day)]
