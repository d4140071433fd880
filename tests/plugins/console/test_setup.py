"""Workers and links, and the configuration: what is up, what is in force, and nothing that is secret."""

from tests.plugins.console.waiting import work_goes_on
from tests.plugins.console.world import World


def test_workers_are_shown_with_what_is_wrong(console: World) -> None:
    """First that there is none; then one with its heartbeat, the link that is blocked and how deep its queue is."""
    ops = console.signed_in("ops")
    assert "No worker is alive" in ops.get("/console/workers").text
    console.do(work_goes_on)
    page = ops.get("/console/workers").text
    for said in ("node-1:4711", "alive", "the broker is short of memory", "appeals.v1", "blocked", "5,000"):
        assert said in page, said
    assert page.index("main.publish") < page.index("main.consume")


def test_the_configuration_says_whence_each_setting_is(console: World) -> None:
    """What is written alone, or with the defaults; plugins with what they bring; only for who operates."""
    ops = console.signed_in("ops")
    page = ops.get("/console/configuration").text
    for said in ("sources.egkn.guard.quota_day", "10_000", "egkn.parcel", "shep", "active"):
        assert said in page, said
    assert "bus.max_fan_out" not in page
    whole = ops.get("/console/configuration?all=1")
    assert "bus.max_fan_out" in whole.text
    assert len(whole.content) < 100_000
    for role in ("reviewer", "auditor", "registry"):
        for path in ("/console/configuration", "/console/workers"):
            assert console.signed_in(role).get(path).status_code == 403
