"""What people did, and who looked at what: indexes that have these entries of the log alone."""

from appealbus.core.journal.migrations.indexes import partial_index

revision = "0012"
down_revision = "0011"

_LOOK = "what = 'read'"
_DEED = "substr(actor, 1, 7) = 'person:' AND what != 'read'"


def upgrade() -> None:
    """Add the indexes."""
    for name, where in (("look", _LOOK), ("deed", _DEED)):
        for end, columns in (("", ["position"]), ("_by", ["actor", "position"])):
            partial_index(f"ix_log_entry_{name}{end}", "log_entry", columns, where)
