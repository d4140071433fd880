"""Migrations of the journal, run when it is opened. `REVISIONS` lists them in order."""

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
)
UNFILLED, FILLED = "0005", "0006"
"""Between these two rows are moved, in batches: see filling.py."""
