"""Deliveries: how receivers stand, what stands at the head of each, and what a person decides about one version."""

import re
from datetime import timedelta

import httpx
import pytest

from appealbus.core.domain.event import Cursor, EventType
from appealbus.core.journal import clients, events
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.journal import Journal
from appealbus.plugins.console.views.deliveries import queries
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.lagging import lag
from tests.plugins.console.world import World

OUT = "/console/deliveries/out"


@pytest.fixture(scope="module")
def ids(console: World) -> list[int]:
    """The deliveries to a receiver that lags, and refuses two versions."""
    return console.do(lag)


@pytest.fixture(scope="module")
def ops(console: World, ids: list[int]) -> httpx.Client:
    """An operator."""
    return console.signed_in("ops", "daniyar")


def shown(page: httpx.Response, delivery: int) -> str:
    """Return what the forms of a page say of a delivery."""
    found = re.search(rf'name="shown" value="({delivery}\.[^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def test_the_worst_receiver_comes_first_and_says_what_stands_first(
    console: World, ops: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many wait, how long, what was refused and why; one that nobody configures any more; who reads the feed."""
    console.link("registry", "egov")
    console.do(lambda journal: journal.do(clients.Read("egov", Cursor(1, 3))))
    page = ops.get("/console/deliveries").text
    assert page.index("deliveries/old") < page.index("deliveries/out")
    for said in ("not configured any more", "refuses something", "larger than the broker", "<code", "egov", "1.3"):
        assert said in page, said
    monkeypatch.setattr(queries, "LATE", timedelta(0))
    late = ops.get("/console/deliveries").text
    assert "lags behind" in late
    assert "there was no connection to the broker" in late
    assert "appealbus prune --receiver old" in ops.get("/console/deliveries/old").text
    now = ops.get("/console/now").text
    assert "all delivered" not in now[now.index(f'href="{OUT}"') :].partition("</li>")[0]
    assert f'href="{OUT}"' in now
    assert 'href="/console/deliveries/old"' in now


def test_one_receiver_tells_all_of_it_page_by_page(
    console: World, ops: httpx.Client, ids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits, was refused and was confirmed, each with its appeal; its past; the appeal leads back."""
    page = ops.get(OUT)
    for said in ("Refused first", "Failed, and stands first", "it has version 2 already", "receiver=out", "<svg"):
        assert said in page.text, said
    refused = re.findall(r'<h2 id="errors">.*?class="number">(\d+)<', page.text, re.DOTALL)
    drawn = re.search(r"Failed or refused; highest (\d+)", page.text)
    assert drawn is not None  # the picture has what the codes below it count
    assert int(drawn[1]) >= int(refused[0]) > 0
    failed = re.search(r'Failed, and stands first.*?href="(/console/appeals/[^"]+)"', page.text, re.DOTALL)
    assert failed is not None
    assert "there was no connection to the broker [unreachable]" in ops.get(f"{failed[1]}/timeline").text
    monkeypatch.setattr("appealbus.plugins.console.views.deliveries.pages._PAGE", 2)
    seen, at = [], f"{OUT}?show=waiting"
    while at:
        page = ops.get(at)
        seen += re.findall(r'<th scope="row" class="once"><a href="/console/appeals/[^>]+>([^<]+)', page.text)
        further = re.search(r'rel="next" href="([^"]+)"', page.text)
        at = further[1].replace("&amp;", "&") if further else ""
    assert len(seen) == len(set(seen)) == 3
    confirmed = ops.get(f"{OUT}?show=confirmed")
    assert "Give up" not in confirmed.text[confirmed.text.index('id="versions"') :]
    many = {"do": "resend", "receiver": "out", "since": "2026-01-01T00:00"}
    assert 'action="/console/operations/preview"' in confirmed.text
    assert ops.get("/console/operations/preview", params=many).status_code == 200
    appeal = re.findall(r'<th scope="row" class="once"><a href="([^"]+)"', confirmed.text)[-1]
    assert f'href="{OUT}"' in ops.get(appeal).text
    for wrong in ("show=all", "after=zz", "show=refused&after=cDEuMQ", "show=waiting&after=7"):
        assert ops.get(f"{OUT}?{wrong}").status_code == 400, wrong
    assert ops.get("/console/deliveries/nobody").status_code == 404


def test_nobody_decides_about_what_is_not_theirs(console: World, ops: httpx.Client, ids: list[int]) -> None:
    """Forged forms, another receiver's delivery, another place's appeal, another role: nothing is done."""
    page = ops.get(f"{OUT}?show=waiting")
    given = {"csrf": csrf_of(page), "shown": shown(page, ids[2]), "reason": "x"}
    for wrong in ("", "1", f"{ids[2]}.lost.0.0", "1" * 9000, f"{'9' * 19}.waiting.0.0"):
        assert ops.post(f"{OUT}/skip", data=given | {"shown": wrong}).status_code == 422, wrong
    assert ops.post("/console/deliveries/old/skip", data=given).status_code == 404
    assert ops.post(f"{OUT}/skip", data=given | {"shown": f"{'9' * 18}.waiting.0.0"}).status_code == 404
    elsewhere = console.signed_in("ops", "far", places=("750000000",))
    page = elsewhere.get(f"{OUT}?show=waiting&done=skip&id={ids[2]}&verdict=done")
    assert "one that you do not see" in page.text
    assert "AB-20" not in page.text
    forged = given | {"csrf": csrf_of(page)}
    assert elsewhere.post(f"{OUT}/skip", data=forged).status_code == 404
    reviewer = console.signed_in("reviewer")
    assert reviewer.get(OUT).status_code == 403
    forged["csrf"] = csrf_of(reviewer.get("/console/appeals"))
    assert reviewer.post(f"{OUT}/skip", data=forged).status_code == 403
    assert (
        len(
            console.do(
                lambda journal: journal.ask(deliveries.undelivered, "out", journal.now() + timedelta(hours=2), 10)
            )
        )
        == 3
    )


def test_what_was_shown_is_decided_once(console: World, ops: httpx.Client, ids: list[int]) -> None:
    """Pressed twice it is one entry of the log, with the person and the reason; what changed since is left alone."""
    page = ops.get(OUT)
    first = {"csrf": csrf_of(page), "shown": shown(page, ids[0]), "reason": "on <b>paper</b>"}
    newer = ops.post(f"{OUT}/resend", data=first)
    assert newer.status_code == 409
    assert "has a newer version" in newer.text
    assert ops.post(f"{OUT}/skip", data=first | {"reason": " "}).status_code == 422
    done = [ops.post(f"{OUT}/skip", data=first).text for _ in range(2)]
    assert "It is given up." in done[0]
    assert "Nothing is done" in done[1]
    again = {**first, "shown": shown(ops.get(f"{OUT}?show=refused"), ids[1]), "reason": "mended"}
    assert "It goes out again." in ops.post(f"{OUT}/resend", data=again).text
    assert "Nothing is done" in ops.post(f"{OUT}/skip", data=again).text
    log = console.do(lambda journal: journal.ask(journal_log.page, what=[EventType.SKIPPED, EventType.RESENT])).entries
    assert [(each.what, each.actor, each.detail["id"], each.detail["reason"]) for each in log] == [
        ("skipped", "person:daniyar", ids[0], "on <b>paper</b>"),
        ("resent", "person:daniyar", ids[1], "mended"),
    ]


def test_attempts_at_one_delivery_are_one_line(console: World, ops: httpx.Client, ids: list[int]) -> None:
    """Of the timeline of its appeal: the last one, with all of them behind it."""

    async def fails_again(journal: Journal) -> str:
        await journal.do(delivering.Failed([(ids[2], "refused", journal.now() + timedelta(hours=1))]))
        while await journal.do(events.Placing()):
            pass
        row = (await journal.ask(deliveries.by_id, [ids[2]]))[0]
        found = await journal.ask(lists.appeal_row, row.number or "")
        assert found is not None
        return found.public_id

    page = ops.get(f"/console/appeals/{console.do(fails_again)}/timeline").text
    assert (page.count("delivery failed"), "2 attempts" in page) == (1, True)
    assert len(re.findall(r"<li>[^<]*, (unreachable|refused)</li>", page)) == 2
