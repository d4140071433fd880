"""One bound for all series of a week, so that ten times as many series do not raise ten times as many false alarms."""

from collections.abc import Iterable


def benjamini_hochberg(probabilities: Iterable[float], rate: float) -> float:
    """Return the largest probability that still counts as a surge; 0.0 if none does.

    Of the series that are at or below it, no more than the share `rate` is expected to be chance. Benjamini and
    Hochberg 1995, Journal of the Royal Statistical Society B 57; it holds for series that are parts of each other, too
    (Benjamini and Yekutieli 2001: positive dependence).
    """
    ordered = sorted(probabilities)
    passed = (p for rank, p in enumerate(ordered, 1) if p <= rate * rank / len(ordered))
    return max(passed, default=0.0)
