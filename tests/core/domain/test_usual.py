"""How often fields are told: that a share has fallen is told, and what comes by chance is not."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from appealbus.core.domain.usual import Shares

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FIELDS = ("often", "half", "seldom", "never")
USUALLY = {"often": 0.98, "half": 0.5, "seldom": 0.03, "never": 0.0}


def counted(shares: Shares, replies: int, chances: dict[str, float], seed: int = 1) -> Shares:
    chance = random.Random(seed)
    for i in range(replies):
        told = [name for name in FIELDS if chance.random() < chances[name]]
        shares.count(told, FIELDS, NOW + timedelta(seconds=i))
    return shares


@pytest.mark.parametrize("seed", range(20))
def test_by_chance_none_falls(seed: int) -> None:
    assert counted(Shares(), 3000, USUALLY, seed).fell == {}


@pytest.mark.parametrize("before", [100, 120, 150, 990, 5000])
def test_a_share_that_falls_is_told_and_is_over_once_it_is_as_before(before: int) -> None:
    """Within 50 replies, in an hour at one a minute; with the share before and now, since when and how many."""
    shares = counted(Shares(), before, USUALLY)
    counted(shares, 50, {**USUALLY, "often": 0.0})
    fell = shares.fell["often"]
    assert 60 <= fell.was <= 99  # some of the bad ones may have come in a block with good ones
    assert fell.now <= 24
    assert 25 <= fell.replies <= 50
    begun, replies = fell.since, fell.replies
    counted(shares, 1000, {**USUALLY, "often": 0.0})
    assert (shares.fell["often"].since, shares.fell["often"].replies) == (begun, replies + 1000)
    counted(shares, 200, USUALLY)
    assert shares.fell == {}


def test_small_numbers_and_what_is_told_seldom_say_nothing() -> None:
    shares = counted(Shares(), 99, USUALLY)
    assert counted(shares, 24, dict.fromkeys(FIELDS, 0.0)).fell == {}
    shares = counted(Shares(), 1000, USUALLY)
    assert "seldom" not in counted(shares, 1000, dict.fromkeys(FIELDS, 0.0)).fell


def test_a_field_that_the_plugin_has_no_more_is_forgotten() -> None:
    shares = counted(counted(Shares(), 200, USUALLY), 125, dict.fromkeys(FIELDS, 0.0))
    for _ in range(25):
        shares.count(["half"], ["half"], NOW)
    assert "often" not in shares.fell
    assert shares.before.keys() == {"half"}
