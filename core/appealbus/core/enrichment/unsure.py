"""Handles records with unreadable parts: they are provisional, and assessors draw no conclusions from them."""

from collections.abc import Iterable
from dataclasses import replace

from appealbus.core.domain.pauses import PARTLY_READ
from appealbus.core.enrichment.fields import titled
from appealbus.core.guards.question import Ended
from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.planning.paths import of_each, touch, within
from appealbus.core.planning.plan import Node
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.outcome import Outcome, OutcomeKind
from appealbus.schemas.record import Record
from appealbus.schemas.signal import Severity, Signal


def provisional(node: Node, ended: Ended) -> Outcome[Record]:
    """Return the outcome, as provisional if a decisive field is unknown."""
    unknown = None if ended.provenance is None or ended.stale else ended.provenance.unknown
    if ended.outcome.kind is not OutcomeKind.FOUND or not unknown or not node.decides(unknown):
        return ended.outcome
    return replace(ended.outcome, code=PARTLY_READ, reason="the reply may tell more that could not be read")


def judged(assessor: Assessor, signals: Iterable[Signal], dossier: Dossier) -> list[Signal]:
    """Return the signals that depend on no unknown field, plus a signal if the assessor reads one."""
    unknown = [
        f"{titled(fact, dossier)}/{field}"
        for fact in dossier.facts
        for field in fact.provenance.unknown or ()
        if assessor.reads is None or any(touch(f"{fact.lookup}/{field}", read) for read in assessor.reads)
    ]
    if not unknown:
        return list(signals)
    places = [of_each(each) for each in unknown]
    certain = [
        signal
        for signal in signals
        if not any(within(place, of_each(field)) for field in signal.fields for place in places)
    ]
    return [*certain, _partly_read(assessor.name, unknown)]


def _partly_read(assessor: str, fields: list[str]) -> Signal:
    return Signal(
        assessor=assessor,
        code=PARTLY_READ,
        severity=Severity.WARNING,
        message_ru="Оценка неполна: в ответе реестра может быть то, что не удалось прочитать.",
        message_kk="Бағалау толық емес: тізілім жауабында оқылмаған мәліметтер болуы мүмкін.",
        message_en="This assessment is incomplete: the register's reply may tell something that could not be read.",
        fields=fields,
    )
