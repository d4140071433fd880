"""The kinds of parts that plugins register, in one table for the host and the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from appealbus.core.config.models import Configuration
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.delivery import Delivery
from appealbus.core.interfaces.intake import Intake
from appealbus.core.interfaces.journal_part import JournalPart
from appealbus.core.interfaces.lookup import Lookup
from appealbus.core.interfaces.pages import Pages
from appealbus.core.interfaces.part import Factory
from appealbus.core.interfaces.service import Service
from appealbus.core.interfaces.terms import Terms
from appealbus.core.interfaces.wire import Wire
from appealbus.core.interfaces.work import WorkQueue


@dataclass(frozen=True, slots=True)
class PartKind:
    """A row of the table.

    Parts named in the configuration have their own settings, in any number: plugins register factories. Other parts
    exist once: plugins register instances. The `name` of either is unique within a kind.
    """

    plural: str
    """The hook is `register_PLURAL`."""
    title: str
    """Title of a registered object."""
    part: str
    """Title of a working part: defects are counted as `PART.NAME`."""
    interface: type
    """The interface of a part."""
    table: str = ""
    """The configuration table that names factories; empty: plugins register instances."""
    key: str = "kind"
    """The table's key with the factory."""
    many: bool = True
    """Whether there are several tables, `[TABLE.NAME]`, or just one, `[TABLE]`."""

    @property
    def hook(self) -> str:
        return f"register_{self.plural}"

    @property
    def registered(self) -> type:
        """The type that plugins return from the hook, in a list."""
        return Factory if self.table else self.interface

    def counted_as(self, name: str) -> str:
        return f"{self.part}.{name}" if self.many else self.part

    def configured(self, settings: Configuration) -> Iterator[tuple[tuple[str, ...], str]]:
        """Yield the tables of this kind: the path of each, which ends in its name, and its factory."""
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
    PartKind("journal_parts", "part of the journal", "journal_part", JournalPart),
    PartKind("services", "service", "service", Service),
    PartKind("terms", "terms", "terms", Terms),
    PartKind("pages", "path of pages", "pages", Pages),
)
