"""Whose matter an appeal is, by a table of bodies that the installation keeps: a hint with its rows, never a decision.

Law 94-V art. 19-1 leaves it to people; nothing here learns, and nothing claims to be right where the table is not.
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
    """Says when the addressee cannot be right by the table, and whom it names; nothing where it does not know."""

    name = "competence"
    reads = ("address.by_rka/kato", "address.by_cadastral_number/kato", "address.by_cadastral_number/cadastral_number")

    def __init__(self, table: Table) -> None:
        self.table = table

    def assess(self, dossier: Dossier) -> Iterator[Signal]:
        """Return one signal at most."""
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
        """Say which rows overlap."""
        return overlaps(self.table.rows)


@hookimpl
def register_settings() -> type[Settings]:
    """Say what `[plugins.competence]` may hold."""
    return CompetenceSettings


@hookimpl
def register_shared(settings: CompetenceSettings) -> Table | None:
    """Let others read the table, where there is one: it has the official names of bodies."""
    return None if settings.table is None else load_table(settings.table)


@hookimpl
def register_assessors(shared: Table | None) -> list[Assessor]:
    """Bring the assessor, where there is a table."""
    return [] if shared is None else [Competence(shared)]
