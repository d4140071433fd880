"""Requirements on every assessor, checked in one call."""

from collections.abc import Iterable, Iterator

import orjson

from appealbus.core.interfaces.assessor import Assessor
from appealbus.core.interfaces.past import Past, PastAssessor
from appealbus.core.rights.fields import leads_in
from appealbus.core.rights.paths import path_of
from appealbus.schemas.dossier import Dossier
from appealbus.schemas.signal import Signal
from appealbus.schemas.stored import DOSSIER


def check_assessor(assessor: Assessor, dossiers: Iterable[Dossier], *, past: Past | None = None) -> list[str]:
    """Return everything about an assessor's signals that is not as it should be; an empty list if all is well.

    Each signal names the fields that it rests on, by paths that lead somewhere: one with another path, or without any,
    is hidden from whoever does not see everything. And the same dossier gives the same signals.

    Args:
        assessor: the assessor.
        dossiers: some from which it concludes all that it can conclude; of others nothing is said.
        past: what one that compares appeals is given with each.

    """
    problems: list[str] = []
    concluded = False
    for dossier in dossiers:
        signals = list(_signals(assessor, dossier, past))
        concluded = concluded or bool(signals)
        if signals != list(_signals(assessor, dossier, past)):
            problems.append("the same dossier gives other signals the second time")
        document = orjson.loads(DOSSIER.write(dossier, exclude_none=True))
        for signal in signals:
            if signal.assessor != assessor.name:
                problems.append(f"the signal {signal.code} is of the assessor {signal.assessor!r}; write its own name")
            if not signal.fields:
                problems.append(f"the signal {signal.code} names no field that it rests on")
            problems += [
                f"the signal {signal.code} names {field}, which leads nowhere: a mask hides the signal for it"
                for field in signal.fields
                if not leads_in(document, path_of(field))
            ]
    if not concluded:
        problems.append("it concludes nothing from these dossiers: give some from which it does")
    return list(dict.fromkeys(problems))


def _signals(assessor: Assessor, dossier: Dossier, past: Past | None) -> Iterator[Signal]:
    if isinstance(assessor, PastAssessor):
        yield from assessor.recall(dossier.appeal, past or Past())
    yield from assessor.assess(dossier)
