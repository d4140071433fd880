"""What a plugin's own tables refer to, and the questions of its `JournalPart` are made of: statements of SQLAlchemy."""

from appealbus.core.interfaces.journal_part import Rows, SecretOf
from appealbus.core.journal.changes.changes import change, change_from_row
from appealbus.core.journal.codec import columns_of, public_id_of
from appealbus.core.journal.drivers.direct import Bound, among, ask
from appealbus.core.journal.key import key_of
from appealbus.core.journal.naming import named_by_appeal
from appealbus.core.journal.tables import Id, appeal, document, subject
from appealbus.core.packing import unpack

__all__ = ["Bound", "Id", "Rows", "SecretOf", "among", "appeal", "ask", "change", "change_from_row", "columns_of"]
__all__ += ["document", "key_of", "named_by_appeal", "public_id_of", "subject", "unpack"]
