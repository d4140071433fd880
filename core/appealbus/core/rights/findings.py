"""What a viewer sees of the findings of health."""

from dataclasses import replace

from appealbus.core.health.finding import Finding
from appealbus.core.rights.viewer import Viewer


def seen_finding(viewer: Viewer, finding: Finding) -> Finding:
    """Return a finding without details that are partly hidden, which would be meaningless, if it has others.

    One about due dates names appeals: it has no details for whoever may not see numbers, or sees only some appeals.
    """
    mask = viewer.mask
    if finding.about == "due dates" and (not viewer.sees_due_dates or mask.hides_numbers or viewer.scoped):
        return replace(finding, says=())
    whole = [words for words in finding.says if mask.text(str(words)) == str(words)]
    return replace(finding, says=whole or finding.says)
