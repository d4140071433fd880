"""Terms: until when an appeal has to be answered by law, with the proof of it."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import typer

from appealbus.core import KeptChange, Settings, Terms, hookimpl
from appealbus.plugins.terms.calendar import load_calendar
from appealbus.plugins.terms.clock import Told, due_on
from appealbus.plugins.terms.command import add_commands
from appealbus.plugins.terms.formatting import proof
from appealbus.plugins.terms.norms import Law, load_norms
from appealbus.plugins.terms.settings import NAME, TermsSettings
from appealbus.schemas.appeal import Appeal


class LegalTerms(Terms):
    """Counts by the norms and the calendar."""

    name = NAME
    rests_on = ()

    def __init__(self, law: Callable[[], Law]) -> None:
        self._law = law

    @property
    def law(self) -> Law:
        """By which it counts."""
        return self._law()

    def due_on(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange]
    ) -> date | None:
        """Return the last day for whoever has the appeal now."""
        return due_on(Told(appeal, first, accepted_at, changes), self.law)

    def known_until(self) -> date:
        """Return the last day of the calendar."""
        return date.fromordinal(self.law.calendar.last)

    def works_on(self, day: date) -> bool | None:
        """Say so by the calendar; of a year that it does not have nothing is said."""
        calendar = self.law.calendar
        return calendar.is_working(day) if calendar.first <= day.toordinal() <= calendar.last else None

    def proof(
        self, appeal: Appeal, first: Appeal, accepted_at: datetime, changes: Sequence[KeptChange], today: date
    ) -> dict[str, Any]:
        """Return the whole proof; of an appeal that falls due in an unknown year that one alone."""
        return proof(Told(appeal, first, accepted_at, changes), self.law, today)


@hookimpl
def register_settings() -> type[Settings]:
    """Say by what terms are counted."""
    return TermsSettings


@hookimpl
def register_shared(settings: TermsSettings) -> Callable[[], Law]:
    """Return what reads norms and calendar, once and where somebody counts: most commands do not.

    Files of an installation's own are read at once, so that `appealbus check` says what is wrong with them.
    """

    @cache
    def law() -> Law:
        return Law(load_norms(settings.norms, settings.day_ends), load_calendar(settings.calendar))

    if settings.norms is not None or settings.calendar is not None:
        law()
    return law


@hookimpl
def register_terms(shared: Callable[[], Law]) -> list[Terms]:
    """Count terms for the bus."""
    return [LegalTerms(shared)]


@hookimpl
def register_commands(app: typer.Typer, settings: TermsSettings, shared: Callable[[], Law]) -> None:
    """Add `appealbus term` and `appealbus terms`."""
    add_commands(app, settings, shared)
