"""One bound for all series of a week, so that more series do not mean more false alarms."""

from collections.abc import Iterable


def benjamini_hochberg(probabilities: Iterable[float], rate: float) -> float:
    """Return the largest probability that is a surge; 0.0 if none is.

    Of the series at or below it, the expected share of false alarms is at most `rate`. Benjamini and Hochberg 1995,
    Journal of the Royal Statistical Society B 57. It also holds for overlapping series (Benjamini and Yekutieli 2001:
    positive dependence).
    """
    ordered = sorted(probabilities)
    passed = (p for rank, p in enumerate(ordered, 1) if p <= rate * rank / len(ordered))
    return max(passed, default=0.0)
