"""The console over a journal on PostgreSQL."""

from pathlib import Path

import httpx
import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import quarantine as journal_quarantine
from appealbus.core.journal.appeals import lists
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.test_operations import ended, form_of
from tests.plugins.console.test_quarantine import kept, letter, press
from tests.plugins.console.world import APPEALS, World, world


@pytest.mark.proof
def test_it_is_the_same_on_postgresql(journal_database: str, tmp_path: Path) -> None:
    """Signing in once, the list, one appeal, and what is done to it."""
    with world(tmp_path, journal_database) as console:
        ops = console.signed_in("ops")
        assert ops.get("/console/appeals").text.count('<th scope="row"') == APPEALS
        path = f"/console/appeals/{parked(console)}"
        assert "http.502" in ops.get(path).text
        done = ops.post(f"{path}/hold", data={"csrf": csrf_of(ops.get(path)), "reason": "a call"})
        assert "It is held, and nobody works on it." in done.text
        released = ops.get("/console/operations/preview?do=release&state=held")
        urls = {str(ops.post("/console/operations", data=form_of(released, reason="back")).url) for _ in range(2)}
        assert len(urls) == 1
        assert "<strong>1</strong> done" in ended(ops, urls.pop())
        quarantine(console, ops)
        link = console.link("ops")
        codes = [console.browser().post("/console/enter", data={"link": link}).status_code for _ in range(2)]
        assert codes == [200, 403]


def quarantine(console: World, ops: httpx.Client) -> None:
    """What waits is counted and tried; what was taken and what was closed is listed, the newest first."""
    ids = console.do(kept(letter("q-1"), b"[", letter("q-2")))
    tried = ops.get("/console/quarantine/try?code=message.kills")
    assert '<td class="number">3</td>' in ops.get("/console/quarantine").text
    assert "2 messages are taken" in press(ops, tried, "/quarantine/take", reason="mended").text
    assert "1 message is closed" in press(ops, tried, "/quarantine/close", reason="no letter").text
    one, two = console.do(lambda journal: journal.ask(journal_quarantine.quarantine_left, 10))
    assert (one.id, two.id) == (ids[2], ids[0])
    assert one.replayed_at is not None
    before = (one.replayed_at, one.id)
    assert [
        each.id for each in console.do(lambda journal: journal.ask(journal_quarantine.quarantine_left, 10, before))
    ] == [ids[0]]
    assert str(ids[1]) in ops.get("/console/quarantine?state=closed").text
    assert "three died" in ops.get(f"/console/quarantine/{ids[0]}").text


def parked(console: World) -> str:
    """Return the id of an appeal that waits."""
    return console.do(lambda journal: journal.ask(lists.appeals, state=AppealState.PARKED))[0].public_id
