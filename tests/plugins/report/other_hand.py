"""A second plain count, written from the page docs/report.md alone by somebody who had not read the plugin."""

from collections.abc import Iterable
from datetime import date, timedelta
from math import ceil
from typing import TypedDict

ENDS = {"answered", "withdrawn", "closed"}
LOCAL = ("аким", "әкім")


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


def is_considered(letter: Letter) -> bool:
    """Answered, withdrawn or closed, and not taken up again by a later term, extension or redirect of the whole."""
    ended = False
    for event in letter["events"]:
        if event["kind"] in ENDS:
            ended = True
        elif event["kind"] in {"due", "extended"} or sent_on(letter, event):
            ended = False
    return ended


def sent_on(letter: Letter, event: Event) -> bool:
    """A redirect of the whole."""
    return event["kind"] == "redirected" and not event["part"]


def was_sent_on(letter: Letter) -> bool:
    return any(sent_on(letter, event) for event in letter["events"])


def last_result(letter: Letter) -> str | None:
    """How it was answered, by the last answer, whatever ended it afterwards."""
    results = [event["result"] for event in letter["events"] if event["kind"] == "answered"]
    return results[-1] if results else None


def first_answer(letter: Letter) -> date | None:
    """The day of the first answer. Silence is none."""
    for event in letter["events"]:
        if event["kind"] == "answered" and event["result"] != "silence":
            return event["answered_on"] or event["on"]
    return None


def is_reversed(letter: Letter) -> bool:
    """Answered in another way after somebody complained about the answer."""
    before: str | None = None
    complained_of: list[str] = []
    for event in letter["events"]:
        if event["kind"] == "complained" and before is not None:
            complained_of.append(before)
        if event["kind"] == "answered":
            before = event["result"]
            if any(before != earlier for earlier in complained_of):
                return True
    return False


def nearest_rank(days: list[int], share: float) -> int | None:
    return sorted(days)[ceil(share * len(days)) - 1] if days else None


def year_before(day: date) -> date:
    return date(day.year - 1, day.month, min(day.day, 28) if day.month == 2 else day.day)


def count(letters: Iterable[Letter], since: date, until: date, today: date) -> dict[str, int | None]:
    """Return each column of the page, counted."""
    every = list(letters)
    n = [each for each in every if since <= each["on"] <= until]
    before = [each for each in every if year_before(since) <= each["on"] <= year_before(until)]
    local = [each for each in n if any(word in each["body"].casefold() for word in LOCAL)]
    land = [each for each in local if each["code"] == "10" or each["code"].startswith("10.")]
    c = [each for each in n if is_considered(each)]
    results = [last_result(each) for each in c]
    satisfied = results.count("satisfied") + results.count("partly_satisfied")
    refused, explained = results.count("refused"), results.count("explained")
    redirected = [each for each in n if was_sent_on(each) and not is_considered(each)]
    is_open = [each for each in n if not was_sent_on(each) and not is_considered(each)]
    answered = [(each, first) for each in n if (first := first_answer(each)) is not None]
    in_c = [(each["due"], first) for each, first in answered if is_considered(each) and each["due"]]
    days = [(first - each["on"]).days for each, first in answered]
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
        "redirected_considered": sum(1 for each in c if was_sent_on(each)),
        "late": sum(1 for due, first in in_c if due is not None and first > due),
        "last_two_days": sum(1 for due, first in in_c if due is not None and due - one <= first <= due),
        "extended": sum(1 for each in n if any(event["kind"] == "extended" for event in each["events"])),
        "reversed": sum(1 for each in n if is_reversed(each)),
        "days_median": nearest_rank(days, 0.5),
        "days_90": nearest_rank(days, 0.9),
    }
