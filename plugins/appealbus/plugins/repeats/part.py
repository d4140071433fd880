"""What the plugin keeps in the journal, a sketch of each text, and what it finds by these."""

from typing import Any

import structlog

from appealbus.core import Past, PastFinder
from appealbus.core.management.tables import Rows, SecretOf
from appealbus.plugins.repeats.past import AT_INTAKE, FOR_READERS, past
from appealbus.plugins.repeats.sketch import INDEXED, PURPOSE, packed, sketcher_of
from appealbus.plugins.repeats.tables import TABLES, make
from appealbus.schemas.appeal import Appeal

log = structlog.get_logger(__name__)


class Sketches(PastFinder):
    name = "sketches"
    tables = TABLES
    migrations = (make,)

    def rows(self, appeal: Appeal, secret_of: SecretOf) -> Rows:
        """Return the sketch, of a short text an empty one, and its hashes for the index."""
        sketch = sketcher_of(secret_of(PURPOSE)).of(appeal.text)
        return {
            "sketch": [{"hashes": packed(sketch)}],
            "sketch_hash": [{"hash": digest} for digest in sketch[:INDEXED]],
        }

    def find(self, connection: Any, appeal_id: int, appeal: Appeal, *, thorough: bool = False) -> Past:
        return past(connection, appeal_id, appeal, FOR_READERS if thorough else AT_INTAKE)

    def filled(self, count: int, code: str = "") -> None:
        if code:
            log.warning("sketches.failed", code=code)
        else:
            log.info("sketches.drawn", count=count)
