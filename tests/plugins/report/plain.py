"""A plain count, written from the page docs/report.md by somebody who had not read the plugin.

Where it and the plugin differed, page and law decided: silence is no answer, both answers of a reversal have to be
told, a redirect to the body that has it is none. What *reviewed* to *first right* count was written by the hand of
these columns.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from math import ceil
from typing import TypedDict

ENDS = {"answered", "withdrawn", "closed"}
LOCAL = ("аким", "әкім")
PERSONAL = {"directed", "redirected", "extended", "preliminary", "notified", "answered", "closed"}
NOON = 12


class Event(TypedDict):
    """One change of a letter."""

    on: date
    kind: str
    result: str | None
    part: bool
    to: str
    answered_on: date | None


class Letter(TypedDict):
    """What is known of an appeal, in the order in which it happened."""

    on: date
    body: str
    kato: str
    code: str
    repeat: bool
    due: date | None
    events: list[Event]
    person: str
    parcels: list[str]
    ready: datetime | None
    records: int


def once(events: list[Event]) -> list[Event]:
    """What says the same of the same day as one before is a repetition, unless the letter moved in between."""
    kept: list[Event] = []
    for event in events:
        same = [at for at, each in enumerate(kept) if each == event]
        moves = {"redirected", "registered"} if event["kind"] in {"redirected", "registered"} else set()
        between = kept[same[-1] + 1 :] if same else []
        if not same or any(each["kind"] == "redirected" and not each["part"] and moves for each in between):
            kept.append(event)
    return kept


def walk(letter: Letter) -> tuple[list[Event], bool]:
    """Return the ends since it was last taken up by a later term, extension or other body; and whether it was sent."""
    holder, sent = letter["body"], False
    ends: list[Event] = []
    parts: set[str] = set()
    for event in once(letter["events"]):
        kind, to = event["kind"], event["to"]
        if kind in ENDS:
            ends.append(event)
        if kind in {"due", "extended"}:
            ends = []
        if kind == "redirected" and not event["part"] and (not to or to.casefold() != holder.casefold()):
            ends, sent, holder = [], True, to
        if kind == "redirected" and event["part"]:
            parts.add(to)
        if kind == "registered" and to and to not in parts:
            ends = [] if holder and to.casefold() != holder.casefold() else ends
            holder = to
    return ends, sent


def answers(events: list[Event]) -> list[Event]:
    """Return the answers. Silence is none."""
    return [each for each in events if each["kind"] == "answered" and each["result"] != "silence"]


def result(letter: Letter) -> str | None:
    """How it was decided: what is withdrawn or closed after an answer stays as it was answered."""
    decided = [each for each in walk(letter)[0] if each["kind"] == "answered"]
    return decided[-1]["result"] if decided else None


def first_answer(letter: Letter) -> date | None:
    """Return the day of the first answer since it was last taken up."""
    for each in answers(walk(letter)[0]):
        return each["answered_on"] or each["on"]
    return None


def is_reversed(letter: Letter) -> bool:
    """Answered in another way after somebody complained about the answer; both have to be known."""
    told = once(letter["events"])
    for at, complaint in enumerate(told):
        before = answers(told[:at])
        if complaint["kind"] == "complained" and before and before[-1]["result"]:
            after = [each["result"] for each in answers(told[at:])]
            if any(each and each != before[-1]["result"] for each in after):
                return True
    return False


def review_began(letter: Letter) -> datetime | None:
    """Return when a person first did something with it; all changes happen at noon. Silence does nothing."""
    steps = [each for each in letter["events"] if each["kind"] in PERSONAL and each["result"] != "silence"]
    moments = [datetime(*each["on"].timetuple()[:3], NOON) for each in steps]
    moments += [datetime(*told.timetuple()[:3]) for each in steps if (told := each["answered_on"])]
    return min(moments, default=None)


def ready_before(letter: Letter) -> bool:
    began = review_began(letter)
    return began is not None and letter["ready"] is not None and letter["ready"] < began


def saved(letters: Iterable[Letter], minutes: float) -> int:
    """Return whole hours: from noon of the day on which it came until it was ready, and minutes for each record."""
    seconds = 0.0
    for each in letters:
        if ready_before(each) and each["ready"] is not None:
            seconds += (each["ready"] - datetime(*each["on"].timetuple()[:3], NOON)).total_seconds()
            seconds += 60 * minutes * each["records"]
    return int(seconds // 3600)


def settled(letter: Letter, today: date) -> bool:
    """Answered, more than 60 days ago; and it is known who wrote about what."""
    answered = first_answer(letter)
    known = letter["person"] and (letter["code"] or letter["parcels"])
    return bool(known) and answered is not None and (today - answered).days > 60


def came_again(letter: Letter, every: Iterable[Letter]) -> bool:
    """Say whether the same person wrote about the same category or parcel in the 60 days after the answer."""
    answered = first_answer(letter)
    for other in every:
        if other is letter or answered is None or other["person"] != letter["person"]:
            continue
        same = (letter["code"] and other["code"] == letter["code"]) or set(other["parcels"]) & set(letter["parcels"])
        if same and 1 <= (other["on"] - answered).days <= 60:
            return True
    return False


def nearest_rank(days: list[int], share: float) -> int | None:
    return sorted(days)[ceil(share * len(days)) - 1] if days else None


def year_before(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, 28) if day.month == 2 else day.day)


def count(
    letters: list[Letter], span: tuple[date, date], today: date, within: Callable[[Letter], bool], minutes: float
) -> dict[str, int | None]:
    """Return each column of the page, counted over those letters that are within a row."""
    since, until = span
    every = [each for each in letters if within(each)]
    n = [each for each in every if since <= each["on"] <= until]
    before = [each for each in every if year_before(since) <= each["on"] <= year_before(until)]
    local = [each for each in n if any(word in each["body"].casefold() for word in LOCAL)]
    land = [each for each in local if each["code"] == "10" or each["code"].startswith("10.")]
    c = [each for each in n if walk(each)[0]]
    results = [result(each) for each in c]
    satisfied = results.count("satisfied") + results.count("partly_satisfied")
    refused, explained = results.count("refused"), results.count("explained")
    redirected = [each for each in n if walk(each)[1] and not walk(each)[0]]
    is_open = [each for each in n if not walk(each)[1] and not walk(each)[0]]
    answered = [(each, first) for each in n if (first := first_answer(each)) is not None]
    in_c = [(each["due"], first) for each, first in answered if each["due"]]
    days = [max(0, (first - each["on"]).days) for each, first in answered]
    over = [each for each in n if settled(each, today)]
    one = timedelta(days=1)
    return {
        "registered": len(n),
        "local": len(local),
        "land": len(land),
        "considered": len(c),
        "satisfied": satisfied,
        "refused": refused,
        "explained": explained,
        "other": len(c) - satisfied - refused - explained,
        "redirected": len(redirected),
        "open": len(is_open),
        "overdue": sum(1 for each in is_open if each["due"] is not None and each["due"] < today),
        "repeats": sum(1 for each in n if each["repeat"]),
        "repeats_before": sum(1 for each in before if each["repeat"]),
        "redirected_considered": sum(1 for each in c if walk(each)[1]),
        "late": sum(1 for due, first in in_c if due is not None and first > due),
        "last_two_days": sum(1 for due, first in in_c if due is not None and due - one <= first <= due),
        "extended": sum(1 for each in n if any(event["kind"] == "extended" for event in each["events"])),
        "reversed": sum(1 for each in n if is_reversed(each)),
        "reviewed": sum(1 for each in n if review_began(each)),
        "complete_before": sum(1 for each in n if ready_before(each)),
        "hours_saved": saved(n, minutes),
        "settled": len(over),
        "first_right": sum(1 for each in over if not came_again(each, letters)),
        "days_median": nearest_rank(days, 0.5),
        "days_p90": nearest_rank(days, 0.9),
    }
