"""Documents, skeletons and replies are packed by zstd from now on. What was written before stays as it is.

Nothing else changes: the revision keeps workers of earlier releases out, which could not read what is packed.
"""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change nothing."""
