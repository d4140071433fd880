"""One earlier appeal compared with this one: new content, and the legal status of the repeat."""

from dataclasses import dataclass

from appealbus.core import Other, Past
from appealbus.core.texts import ALIKE, SHORTEST, normal, shingles, similarity
from appealbus.plugins.repeats.sentences import News, news
from appealbus.plugins.repeats.standing import AppealResult, same_body, standing_of
from appealbus.plugins.repeats.words import Article, Came
from appealbus.schemas.appeal import Appeal, AppealKind, Attachment

_LONGEST = 200_000
"""Characters of a text that the bus keeps; a text of this length may be truncated."""
_SIMPLIFIED = (AppealKind.REPORT, AppealKind.PROPOSAL, AppealKind.RESPONSE, AppealKind.INQUIRY)
"""Kinds with the simplified procedure (АППК ch. 13): messages, proposals, responses, requests."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An earlier appeal compared with this one.

    Attributes:
        other: the earlier appeal.
        standing: its status.
        news: new content of this appeal.
        attachments: number of new files.
        parcels: number of new parcels in the fields.
        same_body: whether both are with the same body.
        similarity: exact similarity of the texts; 0.0 if one is too short.
    """

    other: Other
    standing: AppealResult
    news: News
    attachments: int
    parcels: int
    same_body: bool
    similarity: float

    @property
    def nothing_new(self) -> bool:
        return self.news.nothing and not self.attachments and not self.parcels


def beside(appeal: Appeal, other: Other, like: float) -> Beside:
    return Beside(
        other,
        standing_of(other),
        news(appeal.text, other.appeal.text),
        _new_files(appeal, other.appeal),
        len(_parcels_of(appeal) - _parcels_of(other.appeal, mentioned=True)),
        same_body(appeal, other.appeal),
        like,
    )


def _new_files(appeal: Appeal, earlier: Appeal) -> int:
    had = {_named(attachment) for attachment in earlier.attachments}
    return sum(_named(attachment) not in had for attachment in appeal.attachments)


def _named(file: Attachment) -> object:
    return file.sha256 or (file.file_name, file.size, file.reference)


def _parcels_of(appeal: Appeal, *, mentioned: bool = False) -> set[str]:
    named = [parcel.cadastral_number for parcel in appeal.parcels]
    named += [number.value for number in appeal.mentions.cadastral_numbers] if mentioned else []
    return {"".join(filter(str.isalnum, number)) for number in named if number}


def article_of(appeal: Appeal, one: Beside) -> Article:
    """Return the legal status of the repeat; a signal for the official, who decides."""
    if not one.standing.decided:
        return Article.UNDECIDED
    if appeal.kind is AppealKind.COMPLAINT and one.other.appeal.kind is not AppealKind.COMPLAINT:
        return Article.COMPLAINT
    if not normal(appeal.text) or not normal(one.other.appeal.text):
        return Article.NO_TEXT
    if not one.nothing_new:
        return Article.NEW_ARGUMENTS
    return Article.NO_TEXT if len(appeal.text) >= _LONGEST else _without_news(appeal, one)


def _without_news(appeal: Appeal, one: Beside) -> Article:
    match one.standing.came:
        case Came.TERMINATED:
            return Article.IDENTICAL if one.same_body else Article.UNDECIDED
        case Came.ANSWERED:
            return Article.UNDECIDED
        case _:
            return Article.TERMINABLE if appeal.kind in _SIMPLIFIED else Article.DECIDED


class Compared:
    def __init__(self, appeal: Appeal, past: Past) -> None:
        self.appeal, self.past = appeal, past
        own = shingles(normal(appeal.text))
        likes = {other.appeal_id: _likeness(own, other) for other in past.others if other.like or other.matter}
        self.matters = [
            beside(appeal, other, likes.get(other.appeal_id, 0.0))
            for other in past.others
            if other.matter or (other.person and likes.get(other.appeal_id, 0.0) >= ALIKE)
        ]
        """Appeals of the same person about the same matter, the oldest first."""
        self.copies = [
            (other, likes[other.appeal_id])
            for other in past.others
            if other.person is not True and likes.get(other.appeal_id, 0.0) >= ALIKE
        ]
        """Appeals with the same text by other or unknown people; compared exactly."""
        self.neighbours = [other for other in past.others if other.person is False and other.parcel]
        """Appeals of other people about the same parcel."""

    @property
    def last(self) -> Beside | None:
        """The most relevant appeal of the same matter, the newest of the first group that is not empty.

        Groups: decided with nothing new here; decided; ended otherwise; all.
        """
        decided = [matter for matter in self.matters if matter.standing.decided]
        ended = [matter for matter in self.matters if matter.standing.came is not Came.OPEN]
        said = [matter for matter in decided if matter.nothing_new]
        known = said or decided or ended or self.matters
        return known[-1] if known else None


def _likeness(own: set[str], other: Other) -> float:
    theirs = shingles(normal(other.appeal.text))
    return similarity(own, theirs) if len(own) >= SHORTEST <= len(theirs) else 0.0
