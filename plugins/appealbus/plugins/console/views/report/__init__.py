"""Figures: the report of a period, as in `appealbus report` and `GET /v1/report`, and the appeals behind it."""

from appealbus.plugins.console.views.report import listed
from appealbus.plugins.console.views.report.figures import view

__all__ = ["listed", "view"]
