"""One earlier appeal beside this one: what is new here, and what the repeat may be under the law."""

from dataclasses import dataclass

from appealbus.core import Other, Past
from appealbus.core.texts import normal, shingles, similarity
from appealbus.plugins.repeats.sentences import News, news
from appealbus.plugins.repeats.standing import DECIDED, Standing, same_body, standing_of
from appealbus.plugins.repeats.words import Article, Came
from appealbus.schemas.appeal import Appeal, AppealKind, Attachment

ALIKE = 0.8
"""From this similarity on two texts are the same letter, but for names, numbers and a sentence."""
_FEWEST = 50
"""Shingles of a text that is compared: shorter ones are alike by chance."""
_SIMPLIFIED = (AppealKind.REPORT, AppealKind.PROPOSAL, AppealKind.RESPONSE, AppealKind.INQUIRY)
"""Kinds that are considered in the simplified procedure (АППК ch. 13): messages, proposals, responses, requests."""


@dataclass(frozen=True, slots=True)
class Beside:
    """An earlier appeal beside this one.

    Attributes:
        other: the earlier one.
        standing: how it stands.
        news: what this one says beside it.
        attachments: how many files this one has that it had not.
        same_body: whether both are with the same body.
        similarity: of their texts, exactly; 0.0 where one is too short.

    """

    other: Other
    standing: Standing
    news: News
    attachments: int
    same_body: bool
    similarity: float

    @property
    def nothing_new(self) -> bool:
        """Whether this one brings neither a sentence nor a file that the earlier one had not."""
        return self.news.nothing and not self.attachments


def beside(appeal: Appeal, other: Other, like: float) -> Beside:
    """Return an earlier appeal beside this one."""
    return Beside(
        other,
        standing_of(other),
        news(appeal.text, other.appeal.text),
        _new_files(appeal, other.appeal),
        same_body(appeal, other.appeal),
        like,
    )


def _new_files(appeal: Appeal, earlier: Appeal) -> int:
    had = {_named(each) for each in earlier.attachments}
    return sum(_named(each) not in had for each in appeal.attachments)


def _named(file: Attachment) -> object:
    return file.sha256 or (file.file_name, file.size, file.reference)


def article_of(appeal: Appeal, one: Beside) -> Article:
    """Return what the repeat may be: signals for an official, who decides."""
    came = one.standing.came
    decided = came in DECIDED or came in (Came.TERMINATED, Came.ANSWERED)
    if not decided:
        return Article.UNDECIDED
    if not normal(appeal.text) or not normal(one.other.appeal.text):
        return Article.NO_TEXT
    if not one.nothing_new:
        return Article.NEW_ARGUMENTS
    if came is Came.TERMINATED:
        return Article.IDENTICAL if one.same_body else Article.UNDECIDED
    if came is Came.ANSWERED:
        return Article.UNDECIDED
    return Article.TERMINABLE if appeal.kind in _SIMPLIFIED else Article.DECIDED


class Compared:
    """An appeal beside all that were read of its past."""

    def __init__(self, appeal: Appeal, past: Past) -> None:
        self.appeal, self.past = appeal, past
        its = shingles(normal(appeal.text))
        likes = {each.appeal_id: _likeness(its, each) for each in past.others if each.like or each.matter}
        self.matters = [
            beside(appeal, each, likes.get(each.appeal_id, 0.0))
            for each in past.others
            if each.matter or (each.person and likes.get(each.appeal_id, 0.0) >= ALIKE)
        ]
        """Of the same person about the same matter, the oldest first."""
        self.copies = [
            (each, likes[each.appeal_id])
            for each in past.others
            if each.person is not True and likes.get(each.appeal_id, 0.0) >= ALIKE
        ]
        """Of other people, or of people who are not known, with the same text: compared exactly."""
        self.neighbours = [each for each in past.others if each.person is False and each.parcel]
        """Of other people about the same parcel."""

    @property
    def last(self) -> Beside | None:
        """The newest of the same matter that was decided, or else the newest."""
        decided = [each for each in self.matters if each.standing.came is not Came.OPEN]
        known = decided or self.matters
        return known[-1] if known else None


def _likeness(its: set[str], other: Other) -> float:
    theirs = shingles(normal(other.appeal.text))
    return similarity(its, theirs) if len(its) >= _FEWEST <= len(theirs) else 0.0
