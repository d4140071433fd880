"""What Alembic runs. The connection comes from the one who opens the journal; the transaction is theirs too."""

from alembic import context

from appealbus.core.journal.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
