"""What a configuration wants of a broker."""

from collections.abc import Callable, Mapping
from typing import Any

from appealbus.connectors.amqp.brokers import MAIN, Brokers
from appealbus.connectors.amqp.topology.wanted import Exchange, Foreign, Queue, Wanted, answers_of, bus_of

_NAMED: Mapping[str, Callable[[str], Exchange | Queue]] = {
    "queue": lambda name: Queue(name, {}),
    "dead_letters": lambda name: Queue(name, {}),
    "exchange": lambda name: Exchange(name, "topic"),
}


def wanted_of(document: dict[str, Any], brokers: Brokers, name: str) -> Wanted:
    """Return what a configuration wants of one of its brokers."""
    names = brokers.names
    parts = [document.get("work", {}), *_tables(document, "intakes"), *_tables(document, "deliveries")]
    # The main broker may serve those who have no table yet.
    ours = name == MAIN or any(_on(part, "kind", name) for part in parts)
    wanted = bus_of(names) if ours else Wanted()
    for source, table in (document.get("sources") or {}).items():
        if _on(table, "connector", name) and table.get("answers"):
            wanted += answers_of(names, source)
    return wanted


def foreign_of(document: dict[str, Any], name: str) -> Wanted:
    """Return what a configuration names on one of its brokers beside what is the bus's own."""
    tables: dict[str, Any] = {"work": document.get("work")}
    for kind in ("intakes", "deliveries", "sources"):
        tables |= {f"{kind}.{each}": table for each, table in (document.get(kind) or {}).items()}
    return Wanted(
        foreign=tuple(
            Foreign(make(table[key]), f"{where}.{key}")
            for where, table in tables.items()
            if _on(table, "connector" if where.startswith("sources.") else "kind", name)
            for key, make in _NAMED.items()
            if isinstance(table.get(key), str)
        )
    )


def _tables(document: dict[str, Any], kind: str) -> list[Any]:
    return list((document.get(kind) or {}).values())


def _on(table: Any, key: str, name: str) -> bool:
    return isinstance(table, dict) and table.get(key) == "amqp" and table.get("broker", MAIN) == name
