"""Pseudonymous marks of matters: equal for the same person and matter, and not reversible."""

from collections.abc import Callable, Iterator

from appealbus.core.management.appeals import holder, parcel
from appealbus.plugins.report.counted import CountedAppeal

Mark = Callable[[str, str], bytes]
"""`JournalKey.mark`: a hash with the journal's key."""
_MOST = 20
"""Maximum number of parcels of one appeal: with more, it is about a block."""


def matters_of(appeal: CountedAppeal, category: str, mark: Mark) -> tuple[bytes, ...]:
    """Return a mark for each matter: the applicant with the category, and with each parcel.

    Without a valid ИИН or БИН there are none.
    """
    who = appeal.applicant
    person = None if who is None else holder(who.bin if who.type == "organisation" else who.iin, "applicant")
    if person is None:
        return ()
    topics = dict.fromkeys(_about(appeal, category))
    return tuple(mark("report", f"{person[1]}|{topic}") for topic in topics)


def _about(appeal: CountedAppeal, category: str) -> Iterator[str]:
    if category:
        yield f"category:{category}"
    for plot in appeal.parcels[:_MOST]:
        if (land := parcel(plot.cadastral_number, "parcel")) is not None:
            yield f"parcel:{land[1]}"
