"""`appealbus sources` over several workers."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rich.console import Console

from appealbus.core.cli.sources import source_view, worker_view
from appealbus.core.domain.source_state import CertificateState, Drift, SourceState
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.workers import WorkerState

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def test_links_that_are_not_up_are_shown_with_their_worker():
    """Who is alive, and of each connection that is down what is wrong; what is up takes no line."""
    down = LinkState("main.publish", LinkStatus.REFUSED, "the password is wrong")
    odd = LinkState("main.topology", LinkStatus.UP, "no policy", warning=True)
    workers = [
        WorkerState("a", "host1", 7, NOW, 3, 12, (LinkState("main.consume", LinkStatus.UP), down, odd)),
        WorkerState("b", "host2", 8, NOW),
    ]
    console = Console(width=120, record=True)
    console.print(worker_view(workers))
    shown = console.export_text()
    assert "2 workers are alive" in shown
    assert "host1:7" in shown
    assert "3 in flight, 12 dossiers" in shown
    assert "link main.publish refused: the password is wrong" in shown
    assert "link main.topology up: no policy" in shown
    assert "main.consume" not in shown


def test_what_replies_hold_beside_the_records():
    """What could not be read is always told, what nobody takes when it is asked for; the most frequent first."""
    many = {f"path{number}": number for number in range(1, 13)}
    state = SourceState("gbdfl", "shep", "closed", 0, 0, 0.0, unread=many, unreadable={"persons/person/deathDate": 2})
    state = replace(state, differences={"persons/*": 3, "more": 1})
    console = Console(width=300, record=True)
    console.print(source_view([state]))
    shown = console.export_text()
    assert "gbdfl, of replies could not be read: persons/person/deathDate 2" in shown
    assert "gbdfl, of replies breaks the schema: persons/* 3, more 1" in shown
    assert "path12" not in shown
    console.print(source_view([state], paths=True))
    shown = console.export_text()
    assert "gbdfl, of replies is not taken: path12 12, path11 11" in shown
    assert ", and 2 more" in shown


def test_an_element_that_is_new_has_the_line_that_calls_it_meaningless():
    """To paste, where paths are asked for; and what is told otherwise than before is told always."""
    now = datetime.now(UTC)
    drifts = {
        "egkn.parcel/rights": Drift(60, now, now, "egkn/reading.py:87", ("Objects/ObjectInfo/Row",)),
        "egkn.parcel/area": Drift(25, now, now, share=(98, 0)),
    }
    state = SourceState("egkn", "shep", "closed", 0, 0, 0.0, drifts=drifts)
    console = Console(width=200, record=True)
    console.print(source_view([state]))
    shown = console.export_text()
    assert "in 60 replies, beside Objects/ObjectInfo/Row (egkn/reading.py:87)" in shown
    assert "in 25 replies, told by 98 % of replies, and now by 0 %" in shown
    assert "meaningless" not in shown
    console.print(source_view([state], paths=True))
    table = console.export_text().partition("[[")
    (found,) = tomllib.loads("[[" + table[2])["sources"]["egkn"]["meaningless"]
    assert found.pop("until") > now.date()
    assert found == {"path": "Objects/ObjectInfo/Row", "reason": "…"}


def test_certificates_that_end_are_shown():
    """One that has ended, soon ends or does not count yet takes a line; one that lasts takes none; nobody is named."""
    now = datetime.now(UTC)

    def certificate(name: str, begins: int, ends: int) -> CertificateState:
        return CertificateState(name, "signs", "Person", now + timedelta(days=begins), now + timedelta(days=ends))

    used = (
        certificate("old", -9, -1),
        certificate("soon", -9, 29),
        certificate("next", 1, 99),
        certificate("good", -9, 31),
    )
    console = Console(width=300, record=True)
    console.print(source_view([SourceState("gbdfl", "shep", "closed", 0, 0, 0.0, certificates=used)]))
    shown = console.export_text()
    assert "gbdfl, certificate old (signs) ended on" in shown
    assert "gbdfl, certificate soon (signs) ends on" in shown
    assert "gbdfl, certificate next (signs) counts only from" in shown
    assert "good" not in shown
    assert "Person" not in shown
