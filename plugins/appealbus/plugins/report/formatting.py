"""Formats a table as JSON, CSV, text, and a page for printing."""

import base64
import csv
import io
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any

from appealbus.core.escaping import blanked
from appealbus.core.language import Reader, ReaderLanguage
from appealbus.plugins.report.row import Row, Table
from appealbus.plugins.report.table import OTHERS
from appealbus.plugins.report.words import By, Column, Formula, Label
from appealbus.schemas.territory import KATO_OBLASTS

HIDDEN = "–"
"""Placeholder of a hidden number."""
_STYLE = (
    "@page{size:A3 landscape;margin:10mm}body{font:10pt sans-serif}table{border-collapse:collapse}"
    "th,td{border:1px solid #888;padding:2pt 4pt;text-align:right;vertical-align:top}"
    "th:first-child,td:first-child{text-align:left}thead{display:table-header-group}tr{break-inside:avoid}"
    "tr.total{font-weight:bold}"
)
STYLE_HASH = f"sha256-{base64.b64encode(sha256(_STYLE.encode()).digest()).decode()}"
"""Hash of the style for a content security policy."""


class Teller:
    def __init__(self, table: Table, to: Reader, *, rounds: bool, public: bool) -> None:
        self._table, self._to, self._rounds, self._public = table, to, rounds, public

    def as_json(self) -> dict[str, Any]:
        """Return JSON with a fixed order of keys; null is hidden or absent."""
        table = self._table
        return {
            "by": table.by.value,
            "since": table.span.since,
            "until": table.span.until,
            "place": table.span.place,
            "on": table.today,
            "shares": "rounded" if self._rounds else "truncated",
            "public": self._public,
            "minutes_by_hand": table.by_hand,
            "formulas": {column.value: Formula[column.name].value for column in Column},
            "rows": [{"key": row.key, "label": self._label(row), **self._figures(row)} for row in table.rows],
            "total": self._figures(table.total),
        }

    def as_csv(self) -> bytes:
        """Return CSV in UTF-8, the header first and the total last; a dash is hidden or absent."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(
            [
                self._table.by.value,
                "label",
                *(name for column in Column for name in (column.value, f"{column.value}_percent")),
            ]
        )
        for row in (*self._table.rows, self._table.total):
            key = "total" if row is self._table.total else row.key
            cells = [cell for column in Column for cell in self._cells(row, column)]
            rows.writerow([_no_formula(key), _no_formula(self._label(row)), *cells])
        return text.getvalue().encode()

    def lines(self) -> Iterator[str]:
        """Yield lines of text: the total with its formulas, then each row."""
        yield self._title()
        number = self._table.total.count(Column.REGISTERED)
        if number is not None and number >= 1000:
            yield f"{self._to.word(Column.REGISTERED)}: {self._thousands(number)} {self._to.word(Label.THOUSAND)}"
        for row in (self._table.total, *self._table.rows):
            yield ""
            yield self.name(row)
            for at, column in enumerate(Column, 1):
                yield f"  {self._to.word(column)} [{at}]: {self._cell(row, column)}"
        yield ""
        yield from self.footnotes()

    def page(self) -> str:
        """Return a self-contained HTML page for printing, without scripts and external files."""
        to = self._to
        heads = "".join(f"<th>{escape(to.word(column))}<sup>{at}</sup></th>" for at, column in enumerate(Column, 1))
        rows = "".join(
            f"<tr{' class=total' if row is self._table.total else ''}><td>{escape(self.name(row))}</td>"
            + "".join(f"<td>{escape(self._cell(row, column))}</td>" for column in Column)
            + "</tr>\n"
            for row in (*self._table.rows, self._table.total)
        )
        notes = "".join(f"<p>{escape(footnote)}</p>\n" for footnote in self.footnotes())
        title = escape(self._title())
        return (
            f'<!doctype html>\n<html lang="{to.language.value}"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n<table><thead><tr>"
            f"<th>{escape(to.word(self._table.by))}</th>{heads}</tr></thead>\n<tbody>{rows}</tbody></table>\n"
            f"{notes}</body></html>"
        )

    def name(self, row: Row) -> str:
        if row is self._table.total:
            return self._to.word(Label.TOTAL)
        if not row.key:
            return self._to.word(Label.UNTOLD)
        if row.key == OTHERS:
            return self._to.word(Label.OTHERS)
        label = blanked(self._label(row))
        return f"{blanked(row.key)} {label}".strip() if self._table.by is not By.BODY else label or blanked(row.key)

    def _label(self, row: Row) -> str:
        """Return a district's name in the reader's language, else that of its oblast."""
        if self._table.by is not By.DISTRICT or row is self._table.total:
            return row.label
        russian, kazakh = row.names
        named = kazakh or russian if self._to.language is ReaderLanguage.KAZAKH else russian or kazakh
        oblast = KATO_OBLASTS.get(row.key[:2])
        return named or (f"({oblast})" if oblast else "")

    def footnotes(self) -> Iterator[str]:
        for at, column in enumerate(Column, 1):
            yield f"[{at}] {self._to.word(column)}: {self._to.word(Formula[column.name])}"
        yield self._to.word(Label.ROUNDED if self._rounds else Label.TRUNCATED)
        yield self._to.word(Label.STATES)
        yield f"{self._to.word(Label.BY_HAND)}: {self._table.by_hand:g}"
        if self._public:
            yield self._to.word(Label.MASKED)

    def _title(self) -> str:
        span, to = self._table.span, self._to
        where = f", КАТО {blanked(span.place)}…" if span.place else ""
        return (
            f"{to.word(Label.TITLE)}: {to.day(span.since)} – {to.day(span.until)}{where} ({to.day(self._table.today)})"
        )

    def _thousands(self, number: int) -> int:
        return (number + 500) // 1000 if self._rounds else number // 1000

    def _figures(self, row: Row) -> dict[str, Any]:
        shares = {column: row.share(column, rounds=self._rounds) for column in Column}
        return {
            column.value: {"count": row.count(column), "percent": None if share is None else float(share)}
            for column, share in shares.items()
        }

    def _cells(self, row: Row, column: Column) -> tuple[object, object]:
        if column in row.hidden:
            return HIDDEN, HIDDEN
        count, share = row.count(column), row.share(column, rounds=self._rounds)
        return "" if count is None else count, "" if share is None else share

    def _cell(self, row: Row, column: Column) -> str:
        count, share = self._cells(row, column)
        if count == HIDDEN:
            return HIDDEN
        part = f"{share} %" if share != "" else ""
        if self._to.language is not ReaderLanguage.ENGLISH:
            part = part.replace(".", ",")
        return f"{count} ({part})" if count != "" and part else f"{count}{part}"


def _no_formula(text: str) -> str:
    """Neutralise text that a spreadsheet would run as a formula; negative shares stay numbers."""
    text = blanked(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", " ")) else text
