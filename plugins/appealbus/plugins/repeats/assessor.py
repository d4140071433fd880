"""The assessor of repeats: signals about similar earlier appeals. Law 94-V art. 19-1: people decide."""

from collections.abc import Iterator
from datetime import datetime

from appealbus.core import Comparison, Past, PastAssessor
from appealbus.core.clocks import day_of
from appealbus.plugins.repeats.formatting import document
from appealbus.plugins.repeats.matter import Beside, Compared, article_of
from appealbus.plugins.repeats.messages import signal
from appealbus.plugins.repeats.phrases import came_in, many_in, new_in
from appealbus.plugins.repeats.standing import body_of
from appealbus.schemas.appeal import Appeal
from appealbus.schemas.signal import Signal


class Repeats(PastAssessor):
    """At most three signals: the same matter again, the same text by others, the same parcel of others."""

    name = "repeats"
    reads = ()

    def recall(self, appeal: Appeal, past: Past) -> Iterator[Signal]:
        """Return the signals with the fields that they rest on, so that masks apply to them."""
        if not past.others:
            return
        compared = Compared(appeal, past)
        if compared.last is not None:
            yield _same_matter(appeal, compared.last)
        who = _applicant(appeal)
        if compared.copies:
            first, _ = compared.copies[0]
            count, read = max(past.copies, len(compared.copies)), len(compared.copies)
            values = ({"first": first.number, "day": _day(first.accepted_at), "read": read}, count, past.more)
            yield signal("same_text", [*who, "appeal.text"], *_said(*values))
        if compared.neighbours:
            last = compared.neighbours[-1]
            values = ({"last": last.number, "day": _day(last.accepted_at)}, past.neighbours, past.more)
            yield signal("same_parcel", [*who, *_parcels(appeal)], *_said(*values))

    def compare(self, appeal: Appeal, past: Past) -> Comparison:
        """Compare with each earlier appeal: new content and the earlier decision."""
        return document(Compared(appeal, past))


def _same_matter(appeal: Appeal, one: Beside) -> Signal:
    earlier = one.other
    fields = [*_applicant(appeal), "appeal.text"]
    fields += ["appeal.category"] if earlier.category else []
    fields += _parcels(appeal) if earlier.parcel or one.parcels else []
    fields += ["appeal.repeats"] if earlier.told else []
    fields += ["appeal.addressee"] if appeal.addressee is not None else []
    fields += ["appeal.attachments"] if appeal.attachments else []
    fields += ["changes", "number"] if earlier.changes else ["number"]
    said: list[dict[str, object]] = [
        {
            "earlier": came_in(language, earlier.number, body_of(earlier.appeal), one.standing),
            "new": new_in(language, one.news, one.attachments, one.parcels),
        }
        for language in ("ru", "kk", "en")
    ]
    return signal(article_of(appeal, one), fields, *said)


def _said(values: dict[str, object], count: int, more: bool) -> list[dict[str, object]]:
    return [{**values, "count": many_in(language, count, more=more)} for language in ("ru", "kk", "en")]


def _applicant(appeal: Appeal) -> list[str]:
    who = appeal.applicant
    if who is None:
        return []
    # Which of the two it is says what the applicant is.
    return ["appeal.applicant.type", f"appeal.applicant.{'iin' if who.type == 'person' else 'bin'}"]


def _parcels(appeal: Appeal) -> list[str]:
    fields = ["appeal.parcels"] if appeal.parcels else []
    return fields + (["appeal.mentions.cadastral_numbers"] if appeal.mentions.cadastral_numbers else [])


def _day(moment: datetime | None) -> str:
    return "" if moment is None else day_of(moment).isoformat()
