"""Pages of other plugins beside the console: whoever is signed in reads them as the same person."""

from typing import Any

import pytest

from appealbus.core import PageRefused, PageViewer
from appealbus.core.domain.access import AuditFilter
from appealbus.core.journal import access, clients
from appealbus.plugins.api.exchange import Exchange
from appealbus.plugins.api.page_viewer import ServerContext
from tests.plugins.console.world import World


def asked(console: World, cookie: str, method: str = "GET", **headers: str) -> PageViewer:
    """Say who asks with a cookie."""
    given = {"host": "x", "cookie": f"appealbus={cookie}", **headers}
    scope: dict[str, Any] = {"type": "http", "method": method, "scheme": "http", "path": "/fleet/", "query_string": b""}
    scope |= {"headers": [(name.encode(), text.encode()) for name, text in given.items()], Exchange.KEY: Exchange()}
    context = ServerContext(console.api)
    return console.do(lambda _: context.viewer(scope))


def test_a_session_counts_for_reading_and_the_person_is_in_the_log(console: World) -> None:
    """Not for a form, not beside credentials of a client, and not once it is over."""
    browser = console.signed_in("ops", "dana")
    cookie = browser.cookies["appealbus"]
    viewer = asked(console, cookie)
    assert (viewer.name, viewer.role) == ("dana", "ops")
    assert len(console.do(lambda _: viewer.appeals()).rows) == 8
    (look, *_) = console.do(
        lambda journal: journal.ask(access.deeds, AuditFilter(looks=True, actor="person:dana"), None, 10)
    ).entries
    assert look.detail["as"] == "appeals"
    own = console.do(lambda _: viewer.appeals(limit=1)).rows[0].public_id
    for act in (viewer.hold, viewer.release, viewer.retry):
        with pytest.raises(PageRefused) as refused:
            console.do(lambda _, act=act: act(own, "why"))
        assert (refused.value.status, refused.value.code) == (403, "not-allowed")
    for method, more in (("POST", {}), ("GET", {"authorization": "Bearer made.up"})):
        with pytest.raises(PageRefused) as refused:
            asked(console, cookie, method, **more)
        assert refused.value.status == 401
    console.do(lambda journal: journal.do(clients.Revoking("dana")))
    for ask in (lambda: console.do(lambda _: viewer.appeals()), lambda: asked(console, cookie)):
        with pytest.raises(PageRefused):
            ask()
