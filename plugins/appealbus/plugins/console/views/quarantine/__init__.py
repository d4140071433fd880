"""Quarantine: what could not be taken and why, what would become of it now, and what a person decides."""

from appealbus.plugins.console.views.quarantine import actions, listing, message, trying, warned
from appealbus.plugins.console.views.quarantine.queries import view

__all__ = ["actions", "listing", "message", "trying", "view", "warned"]
