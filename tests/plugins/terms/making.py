"""Changes and appeals by which terms are counted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from appealbus.core import KeptChange
from appealbus.core.clocks import KAZAKHSTAN
from appealbus.plugins.terms.calendar import load_calendar
from appealbus.plugins.terms.clock import Clock, TermInputs, read_clock
from appealbus.plugins.terms.norms import Law, load_norms
from appealbus.schemas.appeal import Addressee, Appeal
from appealbus.schemas.change import Change

LAW = Law(load_norms(), load_calendar())
HERE = {"name": "Отдел земельных отношений", "bin": "940340000421"}
THERE = {"name": "Управление природных ресурсов", "bin": "680340077935"}
NOON = timedelta(hours=12)


def at(day: str, hour: float = 10) -> datetime:
    """Return a moment of a day in Kazakhstan."""
    return datetime.fromisoformat(day).replace(tzinfo=KAZAKHSTAN) + timedelta(hours=hour)


def change(kind: str, day: str, hour: float = 10, **said: Any) -> KeptChange:
    """Return a change that happened on a day; its id tells what it says."""
    message_id = said.pop("message_id", f"{kind} {day} {sorted(said)}")
    made = Change.model_validate({"message_id": message_id, "number": "N", "kind": kind, **said})
    return KeptChange(made, at(day, hour).astimezone(UTC))


def told(*changes: KeptChange, arrived: datetime, kind: str | None = "application", **fields: Any) -> TermInputs:
    """Return an appeal that arrived at a moment, with its changes."""
    given = {"addressee": HERE, "received_at": arrived, "kind": kind, **fields}
    appeal = Appeal.model_validate({"message_id": "m", **given})
    return TermInputs(appeal, appeal, arrived.astimezone(UTC), changes)


def clock(
    *changes: KeptChange, arrived: datetime, today: str, kind: str | None = "application", **fields: Any
) -> Clock:
    """Return how the terms of an appeal stand on a day."""
    return read_clock(told(*changes, arrived=arrived, kind=kind, **fields), LAW, date.fromisoformat(today))


def due(*changes: KeptChange, arrived: datetime, kind: str | None = "application", **fields: Any) -> str:
    """Return when it is due."""
    found = clock(*changes, arrived=arrived, today="2026-11-27", kind=kind, **fields).here.term
    return "none" if found is None else str(found.due_on)


def remarks(found: Clock) -> list[str]:
    """Return what is remarked of a clock."""
    return [each.what.value for each in found.remarks]


__all__ = ["HERE", "LAW", "THERE", "Addressee", "at", "change", "clock", "due", "remarks", "told"]
