"""A plain count of a register: lists, loops and the words of the article, and nothing of the plugin.

The hand that wrote the plugin wrote this before it, so a definition that was misread is misread twice.
"""

from datetime import date
from typing import Any

Story = dict[str, Any]
"""`day`, `body`, `kato`, `code`, `repeat`, `due`, and `events` in their order: `(day, kind, result, part)`."""

LAND = "10"
LOCAL = "аким"


def newest(story: Story) -> list[tuple[date, str, str | None]]:
    """Return the ends since it was last taken up, or sent on as a whole."""
    ends: list[tuple[date, str, str | None]] = []
    for day, kind, result, part in story["events"]:
        if kind in ("answered", "withdrawn", "closed"):
            ends.append((day, kind, result))
        if kind in ("due", "extended") or (kind == "redirected" and not part):
            ends = []
    return ends


def decided(story: Story) -> str | None:
    """Return how an appeal was decided, by its last answer, if there is one; None where it was not, or goes on."""
    ends = newest(story)
    answers = [result or kind for _, kind, result in ends if kind == "answered"]
    return answers[-1] if answers else ends[-1][1] if ends else None


def answered(story: Story) -> date | None:
    """Return when it was answered first."""
    return next((day for day, kind, _ in newest(story) if kind == "answered"), None)


def sent_on(story: Story) -> bool:
    """Say whether the whole of it went to another body."""
    return any(kind == "redirected" and not part for _, kind, _, part in story["events"])


def reversed_later(story: Story) -> bool:
    """Say whether it was answered in another way after somebody complained about an answer."""
    kinds = [(kind, result) for _, kind, result, _ in story["events"]]
    for first, (kind, _) in enumerate(kinds):
        for complaint in range(first + 1, len(kinds)):
            for after in range(complaint + 1, len(kinds)):
                if kind == "answered" and kinds[complaint][0] == "complained" and kinds[after][0] == "answered":
                    before = [each for each in kinds[:complaint] if each[0] == "answered"][-1][1]
                    if kinds[after][1] != before:
                        return True
    return False


def plain_count(register: list[Story], since: date, until: date, today: date) -> dict[str, int]:
    """Return the figures of one row."""
    mine = [each for each in register if since <= each["day"] <= until]
    local = [each for each in mine if LOCAL in each["body"].lower()]
    done = [(each, decided(each)) for each in mine if decided(each)]
    undone = [each for each in mine if not decided(each)]
    stay = [each for each in undone if not sent_on(each)]
    how = [found for _, found in done if found]
    told = [(each, answered(each)) for each, _ in done]
    days = sorted(max(0, (day - each["day"]).days) for each, day in told if day)
    left = [(each["due"] - day).days for each, day in told if day and each["due"]]
    last_year = [each for each in register if since.replace(year=since.year - 1) <= each["day"]]
    last_year = [each for each in last_year if each["day"] <= until.replace(year=until.year - 1)]
    good = how.count("satisfied") + how.count("partly_satisfied")
    return {
        "registered": len(mine),
        "local": len(local),
        "land": len([each for each in local if each["code"].split(".")[0] == LAND]),
        "considered": len(done),
        "satisfied": good,
        "refused": how.count("refused"),
        "explained": how.count("explained"),
        "other": len(how) - good - how.count("refused") - how.count("explained"),
        "redirected": len(undone) - len(stay),
        "open": len(stay),
        "overdue": len([each for each in stay if each["due"] and each["due"] < today]),
        "repeats": len([each for each in mine if each["repeat"]]),
        "repeats_before": len([each for each in last_year if each["repeat"]]),
        "redirected_considered": len([each for each, _ in done if sent_on(each)]),
        "late": len([each for each in left if each < 0]),
        "last_two_days": len([each for each in left if each in (0, 1)]),
        "extended": len([each for each in mine if any(event[1] == "extended" for event in each["events"])]),
        "reversed": len([each for each in mine if reversed_later(each)]),
        "days_median": next((day for at, day in enumerate(days, 1) if at * 2 >= len(days)), -1),
        "days_p90": next((day for at, day in enumerate(days, 1) if at * 10 >= len(days) * 9), -1),
    }
