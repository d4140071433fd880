"""When a request is sent again, and when that ends."""

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time

from appealbus.client.wire import Answer

AGAIN = frozenset({408, 429, 502, 503, 504})
"""Statuses that say that the same request may be taken later. 500 is none: it would fail once more."""

LOST = frozenset({502, 504})
"""Of these, what a proxy says where the server was asked and did not answer: it may have died over the request."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and how long apart. The defaults bridge a server that starts anew, and a minute's used-up limit.

    Attributes:
        tries: how often a request is sent at most, 1 for never again.
        base: seconds; the first pause is a random part of it (full jitter), and each next one of twice as much.
        most: seconds that such a pause is a part of at most.
        patience: seconds that the server may ask to wait by `Retry-After`; the error comes at once where it asks for
            more.

    """

    tries: int = 6
    base: float = 0.5
    most: float = 15.0
    patience: float = 90.0

    def pause(self, tried: int, answer: Answer | None) -> float | None:
        """Return the seconds until the next try; None where there is none.

        Args:
            tried: how often it was sent.
            answer: what the server said; None where nothing came.

        """
        asked = 0.0 if answer is None else retry_after(answer)
        if tried >= self.tries or asked > self.patience:
            return None
        return asked + random.uniform(0, min(self.most, self.base * 2.0 ** (tried - 1)))  # noqa: S311 - no secret


def retry_after(answer: Answer) -> float:
    """Return the seconds that an answer asks to wait, as a number or a date; 0 where it does not."""
    said = answer.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit() and len(said) < 10:
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time())
    except (TypeError, ValueError, OverflowError):
        return 0.0
