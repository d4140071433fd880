"""Figures: the table of a period, as `appealbus report` and `GET /v1/report` have it, and what it counts."""

from appealbus.plugins.console.views.report import listed
from appealbus.plugins.console.views.report.figures import view

__all__ = ["listed", "view"]
