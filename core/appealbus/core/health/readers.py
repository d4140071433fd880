"""Clients that read the feed: whether they keep up."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from appealbus.core.health.facts import Facts
from appealbus.core.health.finding import Finding, Severity

_SOME, _SILENT, _MANY = 1_000, timedelta(minutes=15), 100_000
"""As in the alert `AppealbusFeedReaderBehind`. An appeal has some ten entries of the log: who has said nothing for so
long while a hundred appeals wait for it is dead, not idle; who is ten thousand behind does not keep up, though it
reads."""


def of_readers(facts: Facts) -> Iterator[Finding]:
    """Yield the readers of the feed that are dead, or too slow."""
    for reader in facts.counts.feed_readers:
        about = f"client {reader.client}"
        if reader.lag > _SOME and facts.at - reader.at > _SILENT:
            detail = f"it has read nothing of the feed since {_at(reader.at)}, and {reader.lag} entries wait for it"
            todo = "ask its owner; nothing is lost before bus.log_retention, and it goes on where it stopped"
            yield Finding(Severity.WARNING, about, detail, todo)
        elif reader.lag > _MANY:
            detail = f"it is {reader.lag} entries of the log behind, though it reads the feed"
            todo = "ask its owner to take larger pages, or to do less with each version"
            yield Finding(Severity.WARNING, about, detail, todo)


def _at(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
