"""Terms: what falls due, by body and day, for those who see terms."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest

from appealbus.core.clocks import day_of
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.journal import Journal
from appealbus.plugins import competence
from appealbus.plugins.competence.loading import load_table
from appealbus.schemas.appeal import Addressee, Appeal, AppealKind
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
    urgent = re.findall(r'href="(/console/appeals/[^"]+/term)"', page.text)
    assert len(urgent) > 1
    assert reviewer.get(urgent[0]).status_code == 200


def test_a_body_has_its_official_name_where_the_table_knows_it(console: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the language of the reader, with the БИН beside it; without a table the БИН alone. No column is nameless."""
    table = load_table(Path(competence.__file__).parent / "data" / "example.toml")
    (said, *_), bin_ = table.by_bin["210740001016"], "210740001016"
    console.do(park([0], body=bin_))
    reviewer = console.signed_in("reviewer")
    assert said.said.name_kk not in reviewer.get("/console/terms?lang=kk").text
    monkeypatch.setattr(console.api.host, "shared", lambda plugin: table if plugin == "competence" else None)
    for lang, name in (("kk", said.said.name_kk), ("ru", said.said.name_ru), ("en", said.said.name_ru)):
        page = reviewer.get(f"/console/terms?lang={lang}").text
        heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", page, re.DOTALL)
        assert [head for head in heads if name in head and bin_ in head], lang
        assert f'<span class="named" lang="{"kk" if lang == "kk" else "ru"}">{name}</span>' in page
        assert all(re.sub("<[^>]*>", "", head).strip() for head in heads)


@pytest.mark.proof
def test_many_days_of_many_bodies_fit_on_a_page(console: World) -> None:
    """Of more days fewer bodies have a column; how many have none is said."""

    async def fill(journal: Journal) -> None:
        today = day_of(journal.now())
        for day in range(92):
            bodies, due_on = [f"75{(day + at) % 20:02}10000" for at in range(10)], today + timedelta(days=day)
            appeals = [
                Appeal(message_id=f"{day} {body}", channel="c", kind=AppealKind.COMPLAINT, due_on=due_on, addressee=to)
                for body in bodies
                for to in [Addressee(kato=body)]
            ]
            await asyncio.gather(*(journal.accept(NewAppeal(each, journal.now(), "x")) for each in appeals))

    console.do(fill)
    reviewer = console.signed_in("reviewer")
    for days, columns in (("7", 22), ("92", 6)):
        page = reviewer.get(f"/console/terms?days={days}")
        heads = page.text.partition("</thead>")[0].count('<th scope="col"')
        assert (page.status_code, len(page.content) < 100_000, heads) == (200, True, columns), days
    assert re.search(r"\d+ more bodies", page.text)
