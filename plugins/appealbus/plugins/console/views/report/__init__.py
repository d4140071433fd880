"""Figures: the table of a period, as `appealbus report` and `GET /v1/report` have it."""

from appealbus.plugins.console.views.report.figures import view

__all__ = ["view"]
