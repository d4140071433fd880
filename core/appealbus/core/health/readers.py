"""Checks whether readers of the feed keep up."""

from collections.abc import Iterator
from datetime import timedelta

from appealbus.core.health.facts import Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.lazy_text import told

_SOME, _SILENT, _MANY = 1_000, timedelta(minutes=15), 100_000
"""As in the alert `AppealbusFeedReaderBehind`: silent while a hundred appeals wait (ten entries each), or too slow."""


def of_readers(facts: Facts) -> Iterator[Finding]:
    for reader in facts.counts.feed_readers:
        about = told("client {name}", name=reader.client)
        if reader.lag > _SOME and facts.at - reader.at > _SILENT:
            does = told("ask its owner; nothing is lost before bus.log_retention, and it goes on where it stopped")
            yield Finding(
                Severity.WARNING,
                about,
                [
                    told(
                        "it has read nothing of the feed since {since}, and {number} entries wait for it",
                        since=reader.at,
                        number=reader.lag,
                    )
                ],
                does,
            )
        elif reader.lag > _MANY:
            says = told("it is {number} entries of the log behind, though it reads the feed", number=reader.lag)
            does = told("ask its owner to take larger pages, or to do less with each version")
            yield Finding(Severity.WARNING, about, [says], does)
