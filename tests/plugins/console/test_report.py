"""Figures: the table of a period, for those who may see it over the API."""

import csv
import io
import re
from datetime import timedelta

from appealbus.core.clocks import KAZAKHSTAN, wall
from tests.plugins.console.world import APPEALS, World


def test_the_table_and_its_csv_say_the_same(console: World) -> None:
    """All appeals are in the last row; each column has what it counts; operators see no figures, as over the API."""
    days = (wall().astimezone(KAZAKHSTAN).date() + timedelta(days=each) for each in (-4000, 0))
    query = "since={}&until={}&by=category".format(*days)
    reviewer = console.signed_in("reviewer")
    page = reviewer.get(f"/console/report?{query}")
    assert page.status_code == 200, page.text
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', page.text, re.DOTALL)
    firsts = [int(re.search(r'<td class="number">(\d+)', row)[1]) for row in rows]  # type: ignore[index]
    assert firsts[-1] == sum(firsts[:-1]) >= APPEALS
    (link,) = re.findall(r'href="(/console/report/table.csv[^"]+)"', page.text)
    told = [*csv.DictReader(io.StringIO(reviewer.get(link.replace("&amp;", "&")).text))]
    assert [int(row["registered"]) for row in told] == firsts
    notes = page.text.partition("What each column counts")[2].partition("</dl>")[0]
    assert notes.count("<dt>") == len(told[0]) // 2 - 1
    for wrong in ("since=x", "by=x", "place=x", "since=2026-02-01&until=2026-01-01"):
        assert reviewer.get(f"/console/report?{wrong}").status_code == 400, wrong
    assert console.signed_in("ops").get("/console/report").status_code == 403


def test_whom_a_mask_hides_something_sees_what_may_be_published(console: World) -> None:
    """Whole quarters that are over, by body: small numbers are not told."""
    desk = console.signed_in("reviewer", "desk")
    page = desk.get("/console/report")
    assert page.status_code == 200
    assert "Your mask hides something" in page.text
    refused = desk.get("/console/report?by=category")
    assert refused.status_code == 400
    assert "your mask hides it" in refused.text
