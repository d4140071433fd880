"""Which dates of a change cannot be: the last day that can, and the first that cannot."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appealbus.core.domain.change import KeptChange
from appealbus.schemas.change import Change

CAME = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER, BEFORE = timedelta(days=1), timedelta(days=3653)


def odd(**given: Any) -> list[str]:
    """Return which dates of a change that came then cannot be."""
    kept = KeptChange.of(Change.model_validate({"message_id": "c", "number": "N-1", **given}), CAME)
    assert kept.misdated == bool(kept.change.warnings)
    return [each.field for each in kept.change.warnings]


@pytest.mark.parametrize("name", ["dated_at", "answered_on", "due_on", "corrected.due_on"])
def test_the_bounds_of_each(name: str) -> None:
    """What has happened is of tomorrow at most, a term of two years; both are no more than ten years back."""

    def of(away: timedelta) -> list[str]:
        at = CAME + away
        value = at.isoformat() if name == "dated_at" else at.date().isoformat()
        return odd(corrected={"due_on": value}) if name.startswith("corrected") else odd(**{name: value})

    step = timedelta(seconds=1) if name == "dated_at" else timedelta(days=1)
    later = timedelta(days=731) if name.endswith("due_on") else LATER
    assert (of(later), of(later + step), of(-BEFORE), of(-BEFORE - step)) == ([], [name], [], [name])


def test_who_is_born_after_the_change_came_is_not_born() -> None:
    """The day itself is none too late; with a term that cannot be, both are told."""

    def born(day: str, **given: str) -> list[str]:
        return odd(kind="corrected", corrected={"applicant": {"type": "person", "birth_date": day}, **given})

    field = "corrected.applicant.birth_date"
    assert (born("2026-11-20"), born("2026-11-21"), born("2062-01-01")) == ([], [field], [field])
    assert born("2062-01-01", due_on="2062-01-01") == ["corrected.due_on", field]


def test_a_term_is_held_against_the_moment_that_its_change_counts_from() -> None:
    """So the past of a register stays as it was; of an implausible date that is when the change came."""
    assert odd(dated_at="2018-03-01", due_on="2018-05-01") == []
    assert odd(dated_at="2018-03-01", due_on="2026-12-01") == ["due_on"]
    assert odd(dated_at="2062-03-01", due_on="2026-12-01") == ["dated_at"]
    assert odd(dated_at="2026-11-01", answered_on="2026-11-15") == []
    assert odd() == []
