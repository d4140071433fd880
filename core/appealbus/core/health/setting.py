"""Detects a configuration without sources, usable lookups or receivers."""

from appealbus.core.config.models import Configuration
from appealbus.core.health.finding import Finding, Severity
from appealbus.core.journal import feed, workers
from appealbus.core.journal.journal import Journal
from appealbus.core.lazy_text import told


def asks_nobody(settings: Configuration, lookups: int | None) -> list[Finding]:
    """Return why no questions are asked. `lookups` as with `of_setting`; None: unknown."""
    if not settings.sources:
        says = told("none is configured: nothing is asked, and dossiers hold what appeals say alone")
        does = told("add [sources.NAME] to the configuration, or start the bus with the one that has them")
        return [Finding(Severity.WARNING, told("sources"), [says], does)]
    if lookups == 0:
        says = told("none asks a source that is configured, so dossiers hold what appeals say alone")
        does = told("`appealbus check` says why: a source has another name, or its plugin is not loaded")
        return [Finding(Severity.WARNING, told("lookups"), [says], does)]
    return []


async def of_setting(journal: Journal, settings: Configuration, lookups: int | None = None) -> list[Finding]:
    """Return missing parts of the whole configuration. `lookups` None: the number that workers recorded."""
    if lookups is None:
        known = await journal.ask(workers.known)
        lookups = sum(bool(lookup.lookup) for lookup in known) if known else None
    findings = asks_nobody(settings, lookups)
    if not settings.deliveries and not await journal.ask(feed.readers):
        says = told("none is configured, and no client has read the feed: nobody is handed dossiers")
        does = told("nothing, if people read them here; else add [deliveries.NAME], or a client that reads the feed")
        findings.append(Finding(Severity.INFO, told("receivers"), [says], does))
    return findings
