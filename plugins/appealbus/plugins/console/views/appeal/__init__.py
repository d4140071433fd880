"""One appeal: how it stands, what it lacks and why, what was found, what happened, and what can be done."""

from appealbus.plugins.console.views.appeal import (
    actions,
    dossier,
    overview,
    repeats,
    rereading,
    term,
    timeline,
    versions,
)
from appealbus.plugins.console.views.appeal.queries import view

__all__ = ["actions", "dossier", "overview", "repeats", "rereading", "term", "timeline", "versions", "view"]
