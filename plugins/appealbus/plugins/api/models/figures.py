"""What answers say in figures."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from appealbus.schemas.base import Model


class Figure(Model):
    """A cell of a report."""

    count: int | None
    """Appeals, days or hours; None: there is none, or it may not be told."""
    percent: float | None
    """The share, of what the column's formula says."""


class ReportRow(BaseModel):
    """A row of a report: beside these, a figure under the name of each column."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Figure]

    key: str
    """A БИН, the beginning of КАТО, the code of a category, a month; empty: it is not told."""
    label: str
    """What that is called."""


class Report(Model):
    """The figures of a period."""

    by: str
    """What a row is."""
    since: date
    until: date
    place: str
    """What КАТО begins with; empty: all."""
    on: date
    """The day of the report."""
    shares: str
    """`truncated` or `rounded`."""
    public: bool
    """Whether small numbers are hidden."""
    minutes_by_hand: float
    formulas: dict[str, str]
    """By column what it counts, and of what its share is."""
    rows: list[ReportRow]
    total: dict[str, Figure]
