"""Terms: the legal due date of an appeal, with its proof."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import typer

from appealbus.core import KeptChange, Settings, Terms, hookimpl
from appealbus.plugins.terms.calendar import load_calendar
from appealbus.plugins.terms.clock import TermInputs, due_on
from appealbus.plugins.terms.command import add_commands
from appealbus.plugins.terms.formatting import proof
from appealbus.plugins.terms.norms import Law, load_norms
from appealbus.plugins.terms.settings import NAME, TermsSettings
from appealbus.schemas.appeal import Appeal


class LegalTerms(Terms):
    """Terms by the norms and the calendar."""

    name = NAME
    rests_on = ()

    def __init__(self, law: Callable[[], Law]) -> None:
        self._law = law

    @property
    def law(self) -> Law:
        return self._law()

    def due_on(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange]
    ) -> date | None:
        return due_on(TermInputs(appeal, first, accepted_at, changes), self.law)

    def known_until(self) -> date:
        return date.fromordinal(self.law.calendar.last)

    def works_on(self, day: date) -> bool | None:
        """Return whether a day is a working day; None for a year without a calendar."""
        calendar = self.law.calendar
        return calendar.is_working(day) if calendar.first <= day.toordinal() <= calendar.last else None

    def proof(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange], today: date
    ) -> dict[str, Any]:
        """Return the whole proof; if the due date is in an unknown year, only that year."""
        return proof(TermInputs(appeal, first, accepted_at, changes), self.law, today)


@hookimpl
def register_settings() -> type[Settings]:
    return TermsSettings


@hookimpl
def register_shared(settings: TermsSettings) -> Callable[[], Law]:
    """Return a function that loads norms and calendar once, on first use: most commands need neither.

    Files of the installation are read at once, so that `appealbus check` reports their errors.
    """

    @cache
    def law() -> Law:
        return Law(load_norms(settings.norms, settings.day_ends), load_calendar(settings.calendar))

    if settings.norms is not None or settings.calendar is not None:
        law()
    return law


@hookimpl
def register_terms(shared: Callable[[], Law]) -> list[Terms]:
    return [LegalTerms(shared)]


@hookimpl
def register_commands(app: typer.Typer, settings: TermsSettings, shared: Callable[[], Law]) -> None:
    add_commands(app, settings, shared)
