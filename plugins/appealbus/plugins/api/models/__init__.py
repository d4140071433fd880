"""What answers say beside appeals, receipts and dossiers, whose schemas are those of the contract."""

from pydantic import BaseModel

from appealbus.plugins.api.models.about import Me, Trouble
from appealbus.plugins.api.models.appeals import (
    Explained,
    FallsDue,
    Found,
    History,
    Patch,
    Repeats,
    Search,
    State,
    Term,
    Versions,
    Why,
)
from appealbus.plugins.api.models.feed import Feed, Readers
from appealbus.plugins.api.models.figures import Report
from appealbus.plugins.surges.alarm import SurgeAlarm, SurgeAlarms, Surges

__all__ = ["MODELS", "Trouble"]

MODELS: tuple[type[BaseModel], ...] = (
    State,
    Search,
    Found,
    Versions,
    Patch,
    Why,
    Explained,
    Term,
    FallsDue,
    Repeats,
    Surges,
    SurgeAlarms,
    SurgeAlarm,
    History,
    Feed,
    Readers,
    Report,
    Me,
)
"""Those that have a schema of their own in the document of the API."""
