"""Nothing: the tables that this made are those of a plugin now, see 0017."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Leave them to the plugin, which makes them where they are not there."""
