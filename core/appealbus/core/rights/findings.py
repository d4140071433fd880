"""The findings of health for those who ask a server, and what a viewer sees of them."""

from dataclasses import dataclass, replace

from appealbus.core.config.loading import Loaded
from appealbus.core.errors import ConfigError
from appealbus.core.health.facts import Facts, gather
from appealbus.core.health.finding import Finding
from appealbus.core.health.report import report
from appealbus.core.journal.journal import Journal
from appealbus.core.loading.host import Host
from appealbus.core.rights.policy import Policy
from appealbus.core.rights.senders import missing
from appealbus.core.rights.viewer import Viewer


@dataclass(frozen=True, slots=True)
class Health:
    facts: Facts
    findings: list[Finding]


async def health_of(journal: Journal, loaded: Loaded, host: Host, policy: Policy) -> Health:
    try:
        until = host.counting.known_until()
    except ConfigError:
        until = {}  # `appealbus check` tells of it, and no bus starts
    facts = await gather(journal, loaded.settings, until, await missing(journal, loaded, policy))
    return Health(facts, report(facts))


def seen_finding(viewer: Viewer, finding: Finding) -> Finding:
    """Return a finding without details that are partly hidden, which would be meaningless, if it has others.

    One about due dates names appeals: it has no details for whoever may not see numbers, or sees only some appeals.
    """
    mask = viewer.mask
    if finding.about == "due dates" and (not viewer.sees_due_dates or mask.hides_numbers or viewer.scoped):
        return replace(finding, says=())
    whole = [words for words in finding.says if mask.text(str(words)) == str(words)]
    return replace(finding, says=whole or finding.says)
