"""The plugin's vocabularies; the catalogues have the Kazakh and Russian texts."""

from appealbus.schemas.base import Word


class DayKind(Word):
    """Why a day of a term counts or does not."""

    COUNTED = "counted"
    WEEKEND = "weekend"
    MOVED = "moved"
    """A day off in exchange for a working weekend day."""
    NEW_YEAR = "new_year"
    CHRISTMAS = "christmas"
    WOMENS_DAY = "womens_day"
    NAURYZ = "nauryz"
    UNITY_DAY = "unity_day"
    DEFENDER_DAY = "defender_day"
    VICTORY_DAY = "victory_day"
    CAPITAL_DAY = "capital_day"
    KURBAN_AIT = "kurban_ait"
    CONSTITUTION_DAY = "constitution_day"
    REPUBLIC_DAY = "republic_day"
    INDEPENDENCE_DAY = "independence_day"


class Duty(Word):
    """Duties with a term."""

    TERM = "term"
    """The answer itself."""
    REDIRECT = "redirect"
    EXTENSION = "extension"
    EXTENSION_NOTICE = "extension_notice"
    PRELIMINARY = "preliminary"
    OBJECTIONS = "objections"
    TERMINATION_NOTICE = "termination_notice"
    EXECUTION = "execution"
    COMPLAINT_FILING = "complaint_filing"
    COMPLAINT_FORWARDING = "complaint_forwarding"


class Actor(Word):
    """Who must act."""

    REGISTRAR = "registrar"
    EXECUTOR = "executor"
    HEAD = "head"
    BODY = "body"
    APPLICANT = "applicant"


class TermState(Word):
    """State of a milestone, or of the whole term, on a day."""

    OPEN = "open"
    LATE = "late"
    """Its day is over, and no completion was reported."""
    DONE = "done"
    DONE_LATE = "done_late"


class Outcome(Word):
    """State or result of a consideration."""

    OPEN = "open"
    SILENCE = "silence"
    """The term has ended without a decision: by law that is a refusal (art. 91 ¶2)."""
    ANSWERED = "answered"
    SATISFIED = "satisfied"
    PARTLY_SATISFIED = "partly_satisfied"
    REFUSED = "refused"
    EXPLAINED = "explained"
    TAKEN_NOTE = "taken_note"
    TERMINATED = "terminated"
    LEFT = "left"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"
    REDIRECTED = "redirected"
    MOVED = "moved"
    """Another body has registered it, and no redirect was reported."""


class Remark(Word):
    """Contradictions in the data, and breaches of the law."""

    REGISTERED_TWICE = "registered_twice"
    REGISTERED_EARLY = "registered_early"
    REGISTERED_LATE = "registered_late"
    REGISTERED_ELSEWHERE = "registered_elsewhere"
    BEFORE_ARRIVAL = "before_arrival"
    ARRIVAL_UNREADABLE = "arrival_unreadable"
    AFTER_END = "after_end"
    ENDED_TWICE = "ended_twice"
    WITHDRAWN_LATE = "withdrawn_late"
    REDIRECTED_LATE = "redirected_late"
    REDIRECTED_TO_ITSELF = "redirected_to_itself"
    PING_PONG = "ping_pong"
    EXTENSION_FORBIDDEN = "extension_forbidden"
    EXTENSION_LATE = "extension_late"
    EXTENSION_TOO_LONG = "extension_too_long"
    EXTENSION_SHORTER = "extension_shorter"
    EXTENDED_AGAIN = "extended_again"
    OTHER_DUE_DATE = "other_due_date"
    SILENCE_EARLY = "silence_early"
    ANSWERED_LATE = "answered_late"
    COMPLAINED_EARLY = "complained_early"
    EXECUTED_WITHOUT_DECISION = "executed_without_decision"


class Label(Word):
    """Labels of `appealbus term`."""

    NORM = "norm"
    FIRST_WROTE = "first_wrote"
    HERE_SINCE = "here_since"
    REGISTERED = "registered"
    FIRST_DAY = "first_day"
    LAST_DAY = "last_day"
    DUE = "due"
    REGISTER_SAYS = "register_says"
    OUTCOME = "outcome"
    CALENDAR = "calendar"
    ASSUMED = "assumed"
    WORKING_DAYS_HERE = "working_days_here"
    WORKING_DAYS_IN_ALL = "working_days_in_all"
    EXTENDED = "extended"
    DAYS = "days"
    MILESTONES = "milestones"
    REMARKS = "remarks"
    BODIES = "bodies"
    PART = "part"
    """A part was sent to another body."""
    CALENDAR_LACKS = "calendar_lacks"
    """The first missing year because of which something is left out."""


class Assumption(Word):
    """Assumptions without a source, as sentences; those in the data files are shown in the same way."""

    NO_KIND = "the kind of the appeal is not known, or has no norm: the general term of art. 76 is taken"
    ARRIVAL = "nobody has told when it was registered: the day of arrival is taken, by art. 64 ¶3"
    REDIRECT = "nobody has told when the body that it went to registered it: the day of the redirect is taken"
    UNTIL = "the decision does not say until when: the most that art. 76 ¶3 allows is taken, two months"
    UNREAD = "whether this law lets the term be longer was not read: the date of the register is taken"
