"""Competence: compares the addressee of an appeal with the installation's table of bodies.

The result is a hint that cites rows, never a decision: law 94-V art. 19-1 leaves the decision to people. Nothing is
learned from data, and without a matching row there is no signal.
"""

from collections.abc import Iterator, Sequence

from appealbus.core import Assessor, Settings, hookimpl
from appealbus.plugins.competence.evidence import arrival_day, matter_of
from appealbus.plugins.competence.loading import load_table
from appealbus.plugins.competence.messages import signal
from appealbus.plugins.competence.overlaps import overlaps
from appealbus.plugins.competence.scope import ALL, Match
from appealbus.plugins.competence.settings import CompetenceSettings
from appealbus.plugins.competence.table import NAMED, Table
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal


class Competence(Assessor):
    """Signals that the table rules the addressee out, and names competent bodies; silent where the table has no row."""

    name = "competence"
    reads = ("address.by_rka/kato", "address.by_cadastral_number/kato", "address.by_cadastral_number/cadastral_number")

    def __init__(self, table: Table) -> None:
        self.table = table

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        matter = matter_of(dossier)
        if matter.category == ALL and ALL in matter.places:
            return
        day = arrival_day(dossier)
        own, path = self.table.of_addressee(dossier.appeal.addressee)
        counting = [row for row in own if row.counts_on(day)]
        if any(row.match(matter) is not Match.NO for row in counting):
            return
        named, certain = self.table.competent(matter, day)
        dated = any(row.said.valid_from or row.said.valid_until for row in (*own, *named))
        came = ("appeal.received_at",) if dated and dossier.appeal.received_at is not None else ()
        fields = (path, *matter.category_fields, *matter.place_fields, *came)
        # Where the question is not known, everybody there could be right: nobody is named.
        few = 0 < len(named) <= NAMED and matter.category != ALL
        only = certain and len(named) == 1
        if not own:
            if few:
                yield signal("competence.named" if only else "competence.several", own, named, fields)
        elif few:
            yield signal("competence.other_body" if only else "competence.other_bodies", own, named, fields)
        elif named or (counting and all(row.rules_out(matter) for row in counting)):
            # That a question is not in the addressee's rows tells nothing where it is in nobody's.
            yield signal("competence.not_addressee", own, (), fields)

    def warnings(self) -> Sequence[str]:
        return overlaps(self.table.rows)


@hookimpl
def register_settings() -> type[Settings]:
    return CompetenceSettings


@hookimpl
def register_shared(settings: CompetenceSettings) -> Table | None:
    """Share the table with other plugins: it has the official names of bodies."""
    return None if settings.table is None else load_table(settings.table)


@hookimpl
def register_assessors(shared: Table | None) -> list[Assessor]:
    return [] if shared is None else [Competence(shared)]
