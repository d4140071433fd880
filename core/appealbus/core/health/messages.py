"""Checks of quarantined messages, undelivered versions and readers of the feed."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from appealbus.core.config.models import BusSettings
from appealbus.core.domain.counts import QuarantineHeld
from appealbus.core.health.facts import Facts
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.lazy_text import LazyText, told
from appealbus.schemas.renames import RENAMED

LATE = timedelta(minutes=15)
"""Longest wait of a version, as in the alert `AppealbusUndelivered`."""
_SOME = 3
"""Appeals with the same warning; fewer may be chance."""
_HIGH_OF_CONTRACT, _HIGH = 0.2, 0.5
"""Fractions of a channel's appeals with a warning: of the channel's own errors, and of citizens' typing errors."""
_USUAL = frozenset({"field.missing", RENAMED})
"""Common warnings that are ignored: some channels lack fields, and misnamed fields have a warning of their own."""
_FULL = 0.8
"""As in the alerts `AppealbusQuarantineFull` and `AppealbusChangesFull`."""


def fullness(held: QuarantineHeld, settings: BusSettings, now: datetime) -> float:
    """Return the filling level of a channel's quarantine; at 1.0 messages are dropped."""
    return max(
        held.messages / settings.quarantine_messages,
        held.bytes / settings.quarantine_bytes,
        (now - held.oldest).total_seconds() / settings.quarantine_retention,
    )


def of_messages(facts: Facts) -> Iterator[Finding]:
    counts = facts.counts
    if counts.quarantine:
        channels = tuple(
            told("{messages} by {channel}", messages=held.messages, channel=channel)
            for channel, held in sorted(counts.quarantined.items())
        )
        does = told("`appealbus quarantine list`; mend the cause and `replay`, or `close` with a reason")
        says = told("{channels}: each may be an appeal that nobody works on", channels=channels)
        yield Finding(Severity.WARNING, told("quarantine"), [says], does)
        for channel, held in sorted(counts.quarantined.items()):
            part = fullness(held, facts.bus, facts.at)
            if part > _FULL:
                does = told("the same, at once; or raise bus.quarantine_messages, _megabytes or _retention")
                says = told(
                    "channel {channel} is at {part} of its nearest bound; over it its oldest messages go",
                    channel=channel,
                    part=f"{part:.0%}",
                )
                yield Finding(Severity.CRITICAL, told("quarantine {name}", name=channel), [says], does)
    if facts.rights_missing:
        says = told("changes that came before are not allowed any more, and go into quarantine")
        does = told("`appealbus check` has the lines to add to the policy")
        yield Finding(Severity.WARNING, told("policy"), [says], does)
    if counts.waiting_changes:
        waiting, refused = counts.waiting_changes - counts.refused_changes, counts.refused_changes
        if waiting:
            says = told("{number} wait for appeals that are not known", number=waiting)
            does = told("`appealbus changes` lists them: ask their sender, or why the appeals do not come")
            yield Finding(Severity.INFO, told("changes"), [says], does)
        if refused:
            says = told("{number} count as if they waited: their senders may not make them", number=refused)
            does = told("they are in quarantine: replay or close them; in time they go by themselves")
            yield Finding(Severity.INFO, told("changes"), [says], does)
        for channel, count in counts.waiting_by_channel.items():
            most = facts.bus.waiting_changes
            if count >= _FULL * most:
                does = told("see whom `appealbus changes` lists, at once; or raise bus.waiting_changes")
                says = told(
                    "channel {channel} has {number} of {most} that may wait; over that they go into quarantine",
                    channel=channel,
                    number=count,
                    most=most,
                )
                yield Finding(Severity.WARNING, told("changes of {name}", name=channel), [says], does)


def of_channels(facts: Facts) -> Iterator[Finding]:
    """Yield channels with the same warning in many of their newest appeals: the data is missing in dossiers."""
    for warned in facts.warned:
        high = _HIGH_OF_CONTRACT if warned.code.startswith(("field.", "list.")) else _HIGH
        if warned.appeals < _SOME or warned.share < high or warned.code in _USUAL:
            continue
        says = told(
            "{appeals} of its newest {of} appeals have the warning {code}, such as {numbers}",
            appeals=warned.appeals,
            of=warned.of,
            code=warned.code,
            numbers=warned.numbers,
        )
        does = told("have its operator mend what it sends; `appealbus dossier NUMBER` says what is wrong in each")
        yield Finding(Severity.WARNING, told("channel {name}", name=warned.channel), [says], does)


def of_receivers(facts: Facts) -> Iterator[Finding]:
    counts = facts.counts
    yield from gone_receivers(counts.outbox, facts.receivers)
    for name, count in sorted(counts.outbox.items()):
        oldest = counts.oldest_undelivered.get(name)
        if name in facts.receivers and oldest is not None and facts.at - oldest > LATE:
            minutes = (facts.at - oldest) // timedelta(minutes=1)
            says = told(
                "{n} version is not confirmed, the oldest for {minutes} min",
                "{n} versions are not confirmed, the oldest for {minutes} min",
                n=count,
                minutes=minutes,
            )
            does = told(
                "delivery.failed in the log has the reason; mend the receiver or its queue, the rest goes by itself"
            )
            yield Finding(Severity.WARNING, _receiver(name), [says], does)
    for name, count in sorted(counts.alone.items()):
        says = told("it does not take {n} version", "it does not take {n} versions", n=count)
        does = told("`appealbus deliveries list`, then `resend` or `skip`")
        yield Finding(Severity.WARNING, _receiver(name), [says], does)


def gone_receivers(outbox: Mapping[str, int], configured: frozenset[str]) -> Iterator[Finding]:
    """Yield receivers with waiting versions that are no longer configured."""
    for name, count in sorted(outbox.items()):
        if name not in configured:
            says = told(
                "{n} dossier waits for it, and it is not configured",
                "{n} dossiers wait for it, and it is not configured",
                n=count,
            )
            does = told("configure it again, or delete them: appealbus prune --receiver {name}", name=shlex.quote(name))
            yield Finding(Severity.WARNING, _receiver(name), [says], does)


def _receiver(name: str) -> LazyText:
    return told("receiver {name}", name=name)


_BEHIND, _SILENT, _FAR_BEHIND = 1_000, timedelta(minutes=15), 100_000
"""As in the alert `AppealbusFeedReaderBehind`: silent while a hundred appeals wait (ten entries each), or too slow."""


def of_readers(facts: Facts) -> Iterator[Finding]:
    for reader in facts.counts.feed_readers:
        about = told("client {name}", name=reader.client)
        if reader.lag > _BEHIND and facts.at - reader.at > _SILENT:
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
        elif reader.lag > _FAR_BEHIND:
            says = told("it is {number} entries of the log behind, though it reads the feed", number=reader.lag)
            does = told("ask its owner to take larger pages, or to do less with each version")
            yield Finding(Severity.WARNING, about, [says], does)
