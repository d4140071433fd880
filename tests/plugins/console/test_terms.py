"""Terms: what falls due, by body and day, for those who see terms."""

import re

from tests.plugins.console.waiting import park
from tests.plugins.console.world import World


def test_counts_lead_to_the_lists_that_they_count(console: World) -> None:
    """Each count is as long as its list; operators see no terms, as over the API."""
    console.do(park([0, 0, 2]))
    reviewer = console.signed_in("reviewer")
    page = reviewer.get("/console/terms?days=92")
    assert page.status_code == 200, page.text
    counts = re.findall(r'<a href="(/console/appeals\?[^"]+)">(\d+)</a>', page.text)
    assert len(counts) > 1
    for link, count in counts:
        assert reviewer.get(link.replace("&amp;", "&")).text.count('<th scope="row"') == int(count), link
    assert reviewer.get("/console/terms?days=x").status_code == 400
    assert console.signed_in("ops").get("/console/terms").status_code == 403
