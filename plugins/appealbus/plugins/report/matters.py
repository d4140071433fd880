"""Whose matters appeals are, as marks: the same for the same person and matter; neither follows from them."""

from collections.abc import Callable, Iterator

from appealbus.core.journal.naming import holder, parcel
from appealbus.plugins.report.counted import CountedAppeal

Mark = Callable[[str, str], bytes]
"""`JournalKey.mark`: a hash with the journal's key."""
_MOST = 20
"""Parcels of one appeal that are looked at: a letter that names more is about a block."""


def matters_of(appeal: CountedAppeal, category: str, mark: Mark) -> tuple[bytes, ...]:
    """Return a mark for each matter of an appeal: who writes, together with its category or with a parcel.

    Of an applicant without a right ИИН or БИН nobody can say what else they have written: there is none.
    """
    who = appeal.applicant
    person = None if who is None else holder(who.bin if who.type == "organisation" else who.iin, "applicant")
    if person is None:
        return ()
    told = dict.fromkeys(_about(appeal, category))
    return tuple(mark("report", f"{person[1]}|{each}") for each in told)


def _about(appeal: CountedAppeal, category: str) -> Iterator[str]:
    if category:
        yield f"category:{category}"
    for each in appeal.parcels[:_MOST]:
        if (found := parcel(each.cadastral_number, "parcel")) is not None:
            yield f"parcel:{found[1]}"
