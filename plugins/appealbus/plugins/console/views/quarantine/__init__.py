"""Quarantine: what could not be taken and why, what would become of it now, and what a person decides."""

from appealbus.plugins.console.views.quarantine import doing, listing, message, trying, warned
from appealbus.plugins.console.views.quarantine.sight import view

__all__ = ["doing", "listing", "message", "trying", "view", "warned"]
