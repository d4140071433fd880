"""The kinds of parts that plugins register, in one table: the host and the configuration go by it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from appealbus.core.config.models import Configuration
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.factory import Factory
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.terms import Terms
from appealbus.core.interfaces.wire import Wire
from appealbus.core.interfaces.work import WorkQueue


@dataclass(frozen=True, slots=True)
class PartKind:
    """A row of the table.

    Parts that the configuration names have settings of their own, and there may be several of one sort or none:
    plugins register factories of them. Of the others there is one, as its plugin brings it: those are instances.
    Either has a `name` that no other plugin may use for the same kind.
    """

    plural: str
    """The hook is `register_PLURAL`."""
    title: str
    """What one is called that a plugin registers."""
    part: str
    """What one is called that works: defects are counted as `PART.NAME`."""
    interface: type
    """What a part is an instance of."""
    table: str = ""
    """The table of the configuration that names factories; empty: plugins register instances."""
    key: str = "kind"
    """The key in there that says which factory."""
    many: bool = True
    """Whether there is a table for each of them, `[TABLE.NAME]`, or one alone, `[TABLE]`."""

    @property
    def hook(self) -> str:
        """The hook by which plugins register."""
        return f"register_{self.plural}"

    @property
    def registered(self) -> type:
        """What a plugin returns from the hook, in a list."""
        return Factory if self.table else self.interface

    def counted_as(self, name: str) -> str:
        """Return the name that the defects of a part are counted by."""
        return f"{self.part}.{name}" if self.many else self.part

    def configured(self, settings: Configuration) -> Iterator[tuple[tuple[str, ...], str]]:
        """Go through the tables of this kind: the path of each, which ends in its name, and the factory it names."""
        tables: Any = getattr(settings, self.table) if self.table else {}
        if not self.many and tables is not None:
            yield (self.table,), getattr(tables, self.key)
        elif self.many:
            yield from (((self.table, name), getattr(table, self.key)) for name, table in tables.items())


KINDS: Final = (
    PartKind("connectors", "connector", "source", Wire, "sources", "connector"),
    PartKind("lookups", "lookup", "lookup", Lookup),
    PartKind("intakes", "intake", "intake", Intake, "intakes"),
    PartKind("deliveries", "delivery", "delivery", Delivery, "deliveries"),
    PartKind("work_queues", "work queue", "work_queue", WorkQueue, "work", many=False),
    PartKind("assessors", "assessor", "assessor", Assessor),
    PartKind("services", "service", "service", Service),
    PartKind("terms", "terms", "terms", Terms),
)
