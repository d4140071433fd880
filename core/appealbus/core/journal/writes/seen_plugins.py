"""What the journal remembers of the plugins that have worked it."""

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, select

from appealbus.core.domain.known import InputPaths, KnownLookup
from appealbus.core.journal import bulk
from appealbus.core.journal.tables import known_lookup


def remember(connection: Connection, items: Sequence[Sequence[KnownLookup]]) -> list[list[KnownLookup]]:
    """Write what can be asked here over what was known of it; return all that is known. Nothing is ever forgotten."""
    rows = [
        {"plugin": each.plugin, "lookup": each.lookup, "version": each.version, "detail": _detail(each)}
        for item in items
        for each in item
    ]
    bulk.upsert(connection, known_lookup, rows)
    return [known(connection)] * len(items)


def known(connection: Connection) -> list[KnownLookup]:
    """Return the lookups that could ever be asked here, and the plugins that were ever loaded."""
    query = select(known_lookup).order_by(known_lookup.c.lookup, known_lookup.c.plugin)
    return [_known(row.plugin, row.lookup, row.version, row.detail) for row in connection.execute(query)]


def _detail(each: KnownLookup) -> bytes:
    inputs = [[given.union, list(given.paths)] for given in each.inputs]
    return orjson.dumps({"inputs": inputs, "formerly": each.formerly})


def _known(plugin: str, lookup: str, version: str, detail: bytes) -> KnownLookup:
    told = orjson.loads(detail)
    inputs = tuple(InputPaths(bool(union), tuple(paths)) for union, paths in told["inputs"])
    return KnownLookup(plugin, lookup, version, inputs, tuple(told["formerly"]))
