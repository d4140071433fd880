"""Sketches: what they say of two texts, against a plain count of all that both have in common."""

import random

import pytest

from appealbus.core.texts import normal, shingles, similarity
from appealbus.plugins.repeats.sketch import INDEXED, SIZE, Sketcher, likeness, packed, unpacked
from tests.plugins.repeats.making import altered, text
from tests.services.forms import seeds

DRAWN = Sketcher(b"a key for tests")


def plainly(one: str, other: str) -> float:
    """Count without sets: each piece of the one, each of the other, each in both."""
    ones = sorted({one[at : at + 5] for at in range(len(one) - 4)})
    others = sorted({other[at : at + 5] for at in range(len(other) - 4)})
    both = [each for each in ones if each in others]
    return len(both) / (len(ones) + len(others) - len(both))


@pytest.mark.proof
def test_estimates_are_near_what_a_plain_count_gives() -> None:
    """At any similarity, of texts of any length: within 0.09 of it but for one in fifty, and not to one side."""
    wrong = []
    for seed in seeds(60, 1000):
        chance = random.Random(seed)
        one = text(chance.randint(8, 40), seed)
        other = altered(one, chance.choice([0.0, 0.01, 0.05, 0.2, 0.6, 1.0]), seed)
        exact = similarity(shingles(normal(one)), shingles(normal(other)))
        if len(wrong) < 20:
            assert exact == pytest.approx(plainly(normal(one), normal(other)))
        wrong.append(likeness(DRAWN.of(one), DRAWN.of(other)) - exact)
    assert sum(abs(each) > 0.09 for each in wrong) <= len(wrong) / 50
    assert max(map(abs, wrong)) < 0.16
    assert abs(sum(wrong)) / len(wrong) < 0.02


def test_what_does_not_matter() -> None:
    """Case, ё, signs, spaces, and how Unicode writes a letter; the key alone tells hashes."""
    written = text(8, 1).replace("е", "ё") + " й"
    other = "\n\n".join(written.upper().replace("Ё", "Е").split()).replace("Й", "И\u0306")
    assert DRAWN.of(written) == DRAWN.of(f"  «{other}»!")
    assert not {*DRAWN.of(written)} & {*Sketcher(b"another").of(written)}
    assert DRAWN.of(written) == Sketcher(b"a key for tests").of(written)


def test_short_and_long_texts() -> None:
    """Of a short text there is nothing to compare; a long one is drawn in pieces as it would be in one."""
    assert [DRAWN.of(each) for each in ("", "Прошу помочь", "." * 1000, "а" * 200_000)] == [()] * 4
    sketch = DRAWN.of(text(8, 1))
    assert (len(sketch), sorted(sketch), unpacked(packed(sketch))) == (SIZE, list(sketch), sketch)
    assert len(packed(sketch)) == 512
    long = text(400, 2)
    whole = DRAWN._hashes(normal(long))
    assert DRAWN.of(long) == tuple(sorted(whole)[:SIZE])
    assert DRAWN.of("".join(map(chr, range(0x4E00, 0x4E00 + 20_500))))
    assert likeness((), ()) == 0.0
    assert INDEXED < SIZE
