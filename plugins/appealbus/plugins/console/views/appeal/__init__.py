"""One appeal: state, gaps and their causes, dossier, history and actions."""

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
