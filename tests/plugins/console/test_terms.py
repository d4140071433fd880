"""Terms: what falls due, by body and day, for those who see terms."""

import re
from pathlib import Path

import pytest

from appealbus.plugins import competence
from appealbus.plugins.competence.loading import load_table
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
