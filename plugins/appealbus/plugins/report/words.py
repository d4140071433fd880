"""The plugin's vocabularies; the catalogues have the Kazakh and Russian texts."""

from typing import Self

from appealbus.schemas.base import Word


class By(Word):
    """Grouping of rows."""

    BODY = "body"
    DISTRICT = "district"
    CATEGORY = "category"
    PERIOD = "period"


class Column(Word):
    """Columns, in the table's order, each with the column of which it tells the share."""

    whole: str

    def __new__(cls, name: str, whole: str = "") -> Self:
        column = str.__new__(cls, name)
        column._value_, column.whole = name, whole
        return column

    REGISTERED = "registered"
    LOCAL = "local", "registered"
    LAND = "land", "local"
    CONSIDERED = "considered", "registered"
    SATISFIED = "satisfied", "considered"
    REFUSED = "refused", "considered"
    EXPLAINED = "explained", "considered"
    OTHER = "other", "considered"
    REDIRECTED = "redirected", "registered"
    OPEN = "open", "registered"
    OVERDUE = "overdue", "open"
    REPEATS = "repeats", "registered"
    REPEATS_BEFORE = "repeats_before"
    REPEATS_CHANGE = "repeats_change"
    REDIRECTED_CONSIDERED = "redirected_considered", "considered"
    LATE = "late", "considered"
    LAST_TWO_DAYS = "last_two_days", "considered"
    EXTENDED = "extended", "registered"
    REVERSED = "reversed", "registered"
    REVIEWED = "reviewed", "registered"
    COMPLETE_BEFORE = "complete_before", "reviewed"
    HOURS_SAVED = "hours_saved"
    SETTLED = "settled", "considered"
    FIRST_RIGHT = "first_right", "settled"
    DAYS_MEDIAN = "days_median"
    DAYS_P90 = "days_p90"


class Formula(Word):
    """Definition and denominator of each column, for footnotes."""

    REGISTERED = "N: appeals registered in the period"
    LOCAL = "L: of N, those that came first to a local executive body; share of N"
    LAND = "of L, those about land; share of L"
    CONSIDERED = "C: of N, those answered, withdrawn or closed and not taken up again; share of N"
    SATISFIED = "of C, satisfied wholly or in part; share of C"
    REFUSED = "of C, refused by a decision; share of C"
    EXPLAINED = "of C, explained; share of C"
    OTHER = "C - satisfied - refused - explained: taken note of, terminated, left, withdrawn, silence; share of C"
    REDIRECTED = "of N, sent wholly to another body by competence and not considered since; share of N"
    OPEN = "N - C - redirected; share of N"
    OVERDUE = "of the open, those whose last day is before the day of the report; share of the open"
    REPEATS = "of N, those that name earlier appeals; share of N"
    REPEATS_BEFORE = "the same in the same days of the year before"
    REPEATS_CHANGE = "(repeats - repeats before) / repeats before"
    REDIRECTED_CONSIDERED = "of C, those that were sent wholly to another body before; share of C"
    LATE = "of C, those answered after their last day; share of C"
    LAST_TWO_DAYS = "of C, those answered on their last day or on the one before; share of C"
    EXTENDED = "of N, those whose term was extended; share of N"
    REVERSED = "of N, those answered in another way after a complaint; share of N"
    REVIEWED = (
        "V: of N, those that a person has begun to review: directed, redirected, extended, told, answered, "
        "closed; share of N"
    )
    COMPLETE_BEFORE = "of V, those whose dossier was complete before the first of these; share of V"
    HOURS_SAVED = (
        "of these, whole hours from acceptance by the bus to the complete dossier, and the minutes that their "
        "records take by hand, as set"
    )
    SETTLED = (
        "A: of C, those answered more than 60 days ago, of which it is told by number whose matter they are; share of C"
    )
    FIRST_RIGHT = (
        "of A, those without another appeal of the same person about the same category or parcel in the 60 "
        "days after the answer; share of A"
    )
    DAYS_MEDIAN = "of C, days of the calendar in which half was answered"
    DAYS_P90 = "of C, days of the calendar in which nine of ten were answered"


class Label(Word):
    """Other words of a report."""

    TITLE = "Appeals"
    TOTAL = "total"
    UNTOLD = "not told"
    THOUSAND = "thousand"
    TRUNCATED = "Shares are cut after one decimal."
    ROUNDED = "Shares are rounded to one decimal."
    MASKED = "A dash stands where fewer appeals than may be told, or what they follow from, are."
    BY_HAND = "Minutes by hand for a record, as set"
    OTHERS = "others"
    STATES = "Answers are counted as they are known on the day of the report."
