"""Quarantine: messages that were rejected, the reasons, a trial of each, and decisions."""

from appealbus.plugins.console.views.quarantine import actions, listing, message, trying, warned
from appealbus.plugins.console.views.quarantine.queries import view

__all__ = ["actions", "listing", "message", "trying", "view", "warned"]
