"""The topology that a configuration requires of a broker."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from appealbus.connectors.amqp.brokers import Brokers
from appealbus.connectors.amqp.names import Names
from appealbus.connectors.amqp.settings import MAIN
from appealbus.connectors.amqp.topology.wanted import Exchange, Foreign, Queue, Wanted, alarms_of, answers_of, bus_of

_NAMED: Mapping[str, Callable[[str], Exchange | Queue]] = {
    "queue": lambda name: Queue(name, {}),
    "dead_letters": lambda name: Queue(name, {}),
    "exchange": lambda name: Exchange(name, "topic"),
}


def wanted_of(document: dict[str, Any], brokers: Brokers, name: str) -> Wanted:
    names, users = brokers.names, list(_users(document, name))
    # The main broker may serve those who have no table yet.
    ours = name == MAIN or any(kind != "sources" for kind, _, _ in users)
    wanted = bus_of(names) if ours else Wanted()
    for kind, source, table in users:
        if kind == "sources" and table.get("answers"):
            wanted += answers_of(names, source)
        elif kind == "plugins" and not table.get("exchange"):
            wanted += alarms_of(names)
    return wanted


def foreign_of(document: dict[str, Any], names: Names, name: str) -> Wanted:
    """Return what the configuration names on a broker and the bus does not own."""
    outlets = [
        str(table.get("exchange") or names.out) for kind, _, table in _users(document, name) if kind == "deliveries"
    ]
    return Wanted(
        outlets=tuple(dict.fromkeys(outlets)),
        foreign=tuple(
            Foreign(make(table[key]), ".".join(filter(None, (kind, user, key))))
            for kind, user, table in _users(document, name)
            for key, make in _NAMED.items()
            if isinstance(table.get(key), str)
        ),
    )


def _users(document: dict[str, Any], name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the tables that name a broker: kind, name, and content."""
    tables = [("work", "", document.get("work"))]
    for kind in ("intakes", "deliveries", "sources"):
        tables += [(kind, user, table) for user, table in (document.get(kind) or {}).items()]
    for kind, user, table in tables:
        chooses = "connector" if kind == "sources" else "kind"
        if isinstance(table, dict) and table.get(chooses) == "amqp" and table.get("broker", MAIN) == name:
            yield kind, user, table
    alarms = (document.get("plugins") or {}).get("surges")
    if isinstance(alarms, dict) and alarms.get("broker") == name:
        yield "plugins", "surges", alarms
