"""Fates: what befalls which answer."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appealbus.simulator import service
from appealbus.simulator.service import Chance
from appealbus.simulator.settings import ROUGH, Kind, Misbehaviour


@given(st.integers(), st.lists(st.sampled_from("abcdef"), max_size=40), st.randoms())
def test_order_does_not_matter(seed: int, questions: list[str], shuffle: "st.randoms"):
    """Whatever the order in which questions come, the n-th time of each meets the same fate."""

    def fates(order: list[str]) -> Counter[tuple[str, object]]:
        chances = Chance(seed)
        return Counter((question, chances.fate("gbdfl", question, ROUGH)) for question in order)

    shuffled = list(questions)
    shuffle.shuffle(shuffled)
    assert fates(shuffled) == fates(questions)


@pytest.mark.proof
def test_shares_are_as_set():
    """Kinds come about as often as their probability says, and none that has none."""
    rules = Misbehaviour(fault=0.1, cut=0.05, http_502=0.3)
    chances = Chance(1)
    seen = Counter(chances.fate("egkn", str(question), rules).kind for question in range(20_000))
    assert set(seen) == {None, Kind.FAULT, Kind.CUT, Kind.HTTP_502}
    for kind, share in ((Kind.FAULT, 0.1), (Kind.CUT, 0.05), (Kind.HTTP_502, 0.3), (None, 0.55)):
        assert seen[kind] / 20_000 == pytest.approx(share, abs=0.02)


def test_latency_has_a_long_tail_within_bounds():
    """Half of the answers are quick, a few take many times longer, none longer than the bound."""
    rules = Misbehaviour(latency=0.05, latency_tail=0.1, latency_max=2)
    chances = Chance(1)
    delays = sorted(chances.fate("egkn", str(question), rules).delay for question in range(10_000))
    assert delays[0] >= 0.05
    assert delays[5000] == pytest.approx(0.05 + 0.0587, rel=0.1)
    assert 1 < delays[9900] < 2.0001
    assert delays[-1] == 2


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """Only so many questions are remembered; one that was forgotten counts from the start again."""
    monkeypatch.setattr(service, "_REMEMBERED", 10)
    chances = Chance(1)
    first = chances.fate("gbdfl", "a", ROUGH)
    for other in range(10):
        chances.fate("gbdfl", str(other), ROUGH)
    assert chances.fate("gbdfl", "a", ROUGH) == first
    assert len(chances._times) == 10


@pytest.mark.parametrize(
    "wrong", [{"fault": 1.1}, {"fault": 0.6, "cut": 0.6}, {"latency": -1}, {"oversized_bytes": 1}, {"nonsense": 1}]
)
def test_settings_are_checked(wrong: dict[str, float]):
    """Probabilities above one, alone or together, negative pauses and unknown words are refused."""
    with pytest.raises(ValidationError):
        Misbehaviour.model_validate(wrong)


def test_every_kind_has_a_setting():
    """Each kind of misbehaviour can be set under its own name."""
    assert {kind.value for kind in Kind} <= set(Misbehaviour.model_fields)
