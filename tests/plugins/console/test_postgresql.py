"""The console over a journal on PostgreSQL."""

from pathlib import Path

from appealbus.core.domain.listing import AppealState
from tests.plugins.console.kit import csrf_of
from tests.plugins.console.world import APPEALS, World, world


def test_it_is_the_same_on_postgresql(journal_database: str, tmp_path: Path) -> None:
    """Signing in once, the list, one appeal, and what is done to it."""
    with world(tmp_path, journal_database) as console:
        ops = console.signed_in("ops")
        assert ops.get("/console/appeals").text.count('<th scope="row"') == APPEALS
        path = f"/console/appeals/{parked(console)}"
        assert "http.502" in ops.get(path).text
        done = ops.post(f"{path}/hold", data={"csrf": csrf_of(ops.get(path)), "reason": "a call"})
        assert "It is held, and nobody works on it." in done.text
        link = console.link("ops")
        codes = [console.browser().post("/console/enter", data={"link": link}).status_code for _ in range(2)]
        assert codes == [200, 403]


def parked(console: World) -> str:
    """Return the id of an appeal that waits."""
    return console.do(lambda journal: journal.appeals(state=AppealState.PARKED))[0].public_id
