"""Figures: the table of a period, for those who may see it over the API."""

import csv
import io
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from appealbus.core.clocks import day_of, wall
from tests.plugins.console.world import APPEALS, World


@pytest.mark.proof
def test_the_table_and_its_csv_say_the_same(console: World) -> None:
    """All appeals are counted first; each column has what it counts; operators see no figures, as over the API."""
    days = (day_of(wall()) + timedelta(days=each) for each in (-4000, 0))
    query = "since={}&until={}&by=category".format(*days)
    reviewer = console.signed_in("reviewer")
    page = reviewer.get(f"/console/report?{query}")
    assert page.status_code == 200, page.text
    whole, rest = page.text.split("<table>")[1:]
    (total, *_) = notes = re.findall(r'<td class="number">(?:<a [^>]+>|<span>)?(\d+|–)', whole)
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', rest, re.DOTALL)
    firsts = [int(re.search(r"<td>(?:<a [^>]+>|<span>)?(\d+)", row)[1]) for row in rows]  # type: ignore[index]
    assert int(total) == sum(firsts) >= APPEALS
    (link,) = re.findall(r'href="(/console/report/table.csv[^"]+)"', page.text)
    told = [*csv.DictReader(io.StringIO(reviewer.get(link.replace("&amp;", "&")).text))]
    assert [int(row["registered"]) for row in told] == [*firsts, int(total)]
    assert len(notes) == len(told[0]) // 2 - 1
    for wrong in ("since=x", "by=x", "place=x", "since=2026-02-01&until=2026-01-01"):
        assert reviewer.get(f"/console/report?{wrong}").status_code == 400, wrong
    assert console.signed_in("ops").get("/console/report").status_code == 403


@pytest.mark.proof
def test_each_number_leads_to_its_appeals(console: World) -> None:
    """As many as it says, and within scopes; no URL has what somebody has written; what is no number is none."""
    days = (day_of(wall()) + timedelta(days=each) for each in (-4000, 0))
    query = "since={}&until={}&by=body".format(*days)
    reviewer = console.signed_in("reviewer")
    page = reviewer.get(f"/console/report?{query}")
    links = re.findall(r'<a href="(report/appeals[^"]+)">(\d+)</a>', page.text)
    assert len(links) > 12
    for link, count in links[:: len(links) // 6]:
        url = unescape(link)
        assert set(parse_qs(urlsplit(url).query)) <= {"since", "until", "by", "row", "column"}
        listed = reviewer.get(f"/console/{url}")
        assert listed.status_code == 200, listed.text
        assert listed.text.count('<th scope="row"') == int(count)
        assert f"{count} appeal" in listed.text
    whole = f"/console/report/appeals?{query}&column=registered"
    numbers = re.findall(r'<th scope="row"[^>]*><a href="[^"]+">([^<]+)</a>', reviewer.get(whole).text)
    assert len({*numbers}) == len(numbers) >= APPEALS
    abroad = console.signed_in("reviewer", "abroad", places=("990000000",))
    assert "There is none like that." in abroad.get(whole).text
    wrong = {"column=hours_saved": 404, "column=late&row=000000000000": 404, "column=late&row=x": 404}
    wrong |= {"column=late&before=-1": 400, "column=late&by=x": 400, "column=late&public=1": 403}
    for said, status in wrong.items():
        assert reviewer.get(f"/console/report/appeals?{query}&{said}").status_code == status, said
    assert "report/appeals" not in reviewer.get(f"/console/report?{query}&public=1").text
    quarter = "/console/report/appeals?column=registered"
    assert console.signed_in("reviewer", "desk").get(quarter).status_code == 403
    assert console.signed_in("ops").get(quarter).status_code == 403


def test_whom_a_mask_hides_something_sees_what_may_be_published(console: World) -> None:
    """Whole quarters that are over, by body: small numbers are not told."""
    desk = console.signed_in("reviewer", "desk")
    page = desk.get("/console/report")
    assert page.status_code == 200
    assert "Your mask hides something" in page.text
    refused = desk.get("/console/report?by=category")
    assert refused.status_code == 400
    assert "your mask hides it" in refused.text
