"""The plugin's vocabularies; the catalogues have the Kazakh and Russian texts."""

from appealbus.plugins.terms.citing import CODE, Cited, CitedPlace, cite
from appealbus.schemas.base import Word


class Came(Word):
    """Result of an earlier appeal."""

    OPEN = "open"
    """No result was reported yet."""
    ANSWERED = "answered"
    """An answer of unknown content."""
    SATISFIED = "satisfied"
    PARTLY_SATISFIED = "partly_satisfied"
    REFUSED = "refused"
    EXPLAINED = "explained"
    TAKEN_NOTE = "taken_note"
    TERMINATED = "terminated"
    LEFT = "left"
    RETURNED = "returned"
    SILENCE = "silence"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class Article(Word):
    """Legal status of a repeat: a signal, never a decision."""

    NEW_ARGUMENTS = "new_arguments"
    """АППК art. 70 ¶5: a repeat with new arguments is a right."""
    IDENTICAL = "identical"
    """АППК art. 64 ¶7 2): the same body has ended the same before, and nothing is new."""
    TERMINABLE = "terminable"
    """АППК art. 88 ¶1 1): of the simplified kinds; an answer was given, and nothing is new."""
    DECIDED = "decided"
    """АППК art. 70 ¶1: there is a decision on the same subject and grounds."""
    COMPLAINT = "complaint"
    """АППК art. 91: a complaint about a decision is a right, whatever its wording."""
    UNDECIDED = "undecided"
    """None of these: no decision on the earlier appeal was reported."""
    NO_TEXT = "no_text"
    """None of these: without both full texts, new content cannot be detected."""


def _of(article: str, part: str = "", subpoint: str = "") -> Cited:
    return cite(CODE, [CitedPlace(article=article, part=part, subpoint=subpoint)])


NORMS = {
    Article.NEW_ARGUMENTS: _of("70", "5"),
    Article.IDENTICAL: _of("64", "7", "2"),
    Article.TERMINABLE: _of("88", "1", "1"),
    Article.DECIDED: _of("70", "1"),
    Article.COMPLAINT: _of("91"),
}
"""Norms of the articles (Code № 350-VI, as amended by law № 241-VIII of 17.12.2025)."""


class Label(Word):
    """Labels of values."""

    NOBODY = "nobody"
    SAME_MATTER = "same_matter"
    SAME_TEXT = "same_text"
    SAME_PARCEL = "same_parcel"
    AT_LEAST = "at_least"
    NEW = "new"
    CHANGED = "changed"
    WAS = "was"
    SAME = "same"
    GONE = "gone"
    ATTACHMENTS = "attachments"
    PARCELS = "parcels"
    SIMILARITY = "similarity"
    OTHER_APPLICANT = "other_applicant"
    UNKNOWN_APPLICANT = "unknown_applicant"
    SAME_APPLICANT = "same_applicant"
