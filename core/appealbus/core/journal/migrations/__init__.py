"""Migrations of the journal, run when it is opened. `REVISIONS` lists them in order."""

REVISIONS = tuple(f"{number:04}" for number in range(1, 18))
UNFILLED, FILLED = "0005", "0006"
"""Between these two rows are moved, in batches: see filling.py."""
