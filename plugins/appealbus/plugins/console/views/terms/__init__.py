"""Terms: due appeals by body and day."""

from appealbus.plugins.console.views.terms.due import view

__all__ = ["view"]
