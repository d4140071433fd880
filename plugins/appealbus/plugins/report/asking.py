"""Parameters of a report."""

from contextlib import closing
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import orjson

from appealbus.core.escaping import escaped, escaped_json
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.core.management import JournalReader
from appealbus.plugins.report.following import follow
from appealbus.plugins.report.formatting import Teller
from appealbus.plugins.report.public import published
from appealbus.plugins.report.row import ReportSpan, Table
from appealbus.plugins.report.settings import ReportSettings
from appealbus.plugins.report.store import Store
from appealbus.plugins.report.table import make_table
from appealbus.plugins.report.words import By


class ReportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class Ask:
    """Parameters of a table.

    Attributes:
        span: selected appeals.
        by: grouping of rows.
        today: day of the report.
        public: whether small numbers are hidden.
    """

    span: ReportSpan
    by: By
    today: date
    public: bool


@dataclass(frozen=True, slots=True)
class ReportOrder:
    ask: Ask
    form: ReportFormat
    language: ReaderLanguage
    rounds: bool


async def counted(journal: JournalReader, journal_id: str, settings: ReportSettings, ask: Ask) -> Table:
    """Update the counts from the journal, then build a table; raise ConfigError or JournalError if either fails."""
    with closing(Store(settings.file)) as store:
        await follow(journal, journal_id, store)
        table = make_table(store, settings, ask.span, ask.by, ask.today)
    return published(table, settings.smallest) if ask.public else table


def told(table: Table, wanted: ReportOrder) -> bytes:
    teller = Teller(table, Reader(wanted.language), rounds=wanted.rounds, public=wanted.ask.public)
    match wanted.form:
        case ReportFormat.JSON:
            return escaped_json(orjson.dumps(teller.as_json(), option=orjson.OPT_INDENT_2))
        case ReportFormat.CSV:
            return teller.as_csv()
        case ReportFormat.HTML:
            return escaped(teller.page()).encode()
