"""All findings, worst first."""

from appealbus.core.health.facts import Facts
from appealbus.core.health.finding import Finding, worst_first
from appealbus.core.health.infrastructure import of_journal
from appealbus.core.health.messages import of_channels, of_messages, of_readers, of_receivers
from appealbus.core.health.work import of_appeals, of_sources, of_terms, of_workers

AREAS = (of_workers, of_journal, of_appeals, of_terms, of_sources, of_receivers, of_readers, of_messages, of_channels)
"""The checks; their order decides between equal severities."""


def report(facts: Facts) -> list[Finding]:
    return worst_first([*facts.setting, *(finding for area in AREAS for finding in area(facts))])
