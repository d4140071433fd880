"""What health finds in what the journal holds: each kind of trouble once, the worst first, with what to do."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appealbus.core.clocks import day_of
from appealbus.core.config.models import BusSettings
from appealbus.core.domain.counts import Counts, DueSoon, ParkedFor, QuarantineHeld, Warned
from appealbus.core.domain.event import Cursor, FeedReader
from appealbus.core.domain.pauses import Pause
from appealbus.core.domain.reread_pass import RereadPass, Stage
from appealbus.core.domain.source_state import SOON, CertificateState, Drift, SourceState
from appealbus.core.health import infrastructure, messages
from appealbus.core.health.facts import Disk, Facts
from appealbus.core.health.finding import Severity, all_is_well
from appealbus.core.health.report import report
from appealbus.core.interfaces.link import LinkState, LinkStatus
from appealbus.core.journal.mark import JournalState
from appealbus.core.journal.workers import WorkerState
from appealbus.core.language import Reader, ReaderLanguage

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SOUND = SourceState("egkn", "shep", "closed", 0, 0, 1.0)
WORKER = WorkerState("w", "host", 7, NOW)
WELL = Facts(
    at=NOW,
    counts=Counts(0, 0, 0, 0, 0, {}, None),
    workers=[WORKER],
    standing=JournalState("j", 1, 5, NOW, 0.0, None, 0.0, 0.0, 0),
    sources=[SOUND],
    parked=[],
    due=DueSoon(date(2026, 11, 27), 0, more=False, overdue=0, numbers=()),
    pauses={},
    bus=BusSettings(quarantine_messages=10),
    receivers=frozenset({"registry"}),
    disk=Disk(Path("/j"), 50 * 2**30, 100 * 2**30),
)
HOUR = timedelta(hours=1)
PAUSE = Pause("egkn", NOW - HOUR, NOW + HOUR, "new cables", "aigul")
PARKED = ParkedFor("egkn", 3, NOW + HOUR, NOW + 2 * HOUR)
CERTIFICATE = CertificateState("sign.p12", "signs", "Bus", NOW - 900 * HOUR, NOW + 48 * HOUR)


def counted(**counts: object) -> Facts:
    """All is well, but for these counts."""
    return replace(WELL, counts=replace(WELL.counts, **counts))  # type: ignore[arg-type]


def linked(link: LinkState) -> Facts:
    """All is well, but for a worker's connection."""
    return replace(WELL, workers=[replace(WORKER, links=(link,))])


def sourced(**state: object) -> Facts:
    """All is well, but for a source."""
    return replace(WELL, sources=[replace(SOUND, **state)])  # type: ignore[arg-type]


def test_nothing_is_found_where_all_is_well():
    """Work that is under way is no finding."""
    busy = counted(ready=5000, in_work=200, parked=3, outbox={"registry": 4}, oldest_undelivered={"registry": NOW})
    arriving = linked(LinkState("main", LinkStatus.UP, "in order", messages={"appealbus.intake": 11}))
    assert report(WELL) == report(busy) == report(arriving) == []


@pytest.mark.parametrize(
    ("code", "appeals", "of", "is_told"),
    [
        ("field.unknown", 80, 100, True),
        ("field.unknown", 3, 15, True),
        ("field.unknown", 2, 2, False),
        ("field.renamed", 80, 100, False),
        ("list.entries", 19, 100, False),
        ("field.missing", 100, 100, False),
        ("iin.control_digit", 30, 100, False),
        ("iin.control_digit", 50, 100, True),
    ],
)
def test_a_channel_with_many_warnings_is_told(code: str, appeals: int, of: int, is_told: bool):
    """Soon where the channel breaks the contract, and later of what citizens mistype."""
    found = report(replace(WELL, warned=[Warned("portal", code, appeals, of, ("N-1", "N-2"))]))
    assert [each.severity for each in found] == [Severity.WARNING] * is_told
    if is_told:
        assert found[0].about == "channel portal"
        assert found[0].detail == f"{appeals} of its newest {of} appeals have the warning {code}, such as N-1, N-2"
        assert found[0].todo.startswith("have its operator mend what it sends")


@pytest.mark.parametrize(
    ("facts", "severity", "told"),
    [
        (replace(WELL, workers=[]), "critical", "workers: none is alive; start `appealbus run`"),
        (
            linked(LinkState("main", LinkStatus.REFUSED, "no right")),
            "critical",
            "link main: refused: no right; mend the",
        ),
        (linked(LinkState("main", LinkStatus.DOWN)), "critical", "link main: down; see whether the broker runs"),
        (
            linked(LinkState("service.surges.weeks", LinkStatus.DOWN, "no week is judged", event="surges.not_judged")),
            "critical",
            "link service.surges.weeks: down: no week is judged; see `surges.not_judged` in the log, and mend what it",
        ),
        (
            linked(LinkState("service.surges", LinkStatus.DOWN)),
            "critical",
            "link service.surges: down; see whether the broker runs",
        ),
        (linked(LinkState("main", LinkStatus.BLOCKED)), "warning", "link main: blocked; make room"),
        (linked(LinkState("main", LinkStatus.UP, "a queue is gone", warning=True)), "warning", "link main: a queue is"),
        (
            replace(WELL, standing=replace(WELL.standing, doubt="jumped", doubted_by=90.0, doubt_left=3600.0)),
            "warning",
            "clock: in doubt, nothing is deleted or given up: it jumped by 90 s",
        ),
        (
            counted(log_unplaced=9, oldest_unplaced=NOW - HOUR),
            "warning",
            "log: 9 entries have no position, the oldest for 60 min",
        ),
        (
            replace(WELL, disk=Disk(Path("/j"), 2**30, 100 * 2**30)),
            "critical",
            "disk: 1.0 GiB are left, 1% of the disk",
        ),
        (replace(WELL, disk=Disk(Path("/j"), 2**30, 20 * 2**30)), "warning", "disk: 1.0 GiB are left, 5% of the disk"),
        (
            replace(WELL, due=DueSoon(date(2026, 11, 27), 2, more=False, overdue=0, numbers=("A-1", "A-2"))),
            "warning",
            "due dates: 2 fall due until 2026-11-27 and lack facts: A-1, A-2; `appealbus appeals --due-from 2026-10-25 "
            "--due-before 2026-11-28 --completeness partial,settled`",
        ),
        (
            replace(WELL, due=DueSoon(date(2026, 11, 27), 9, more=True, overdue=1, numbers=("A-1",))),
            "critical",
            "due dates: more than 9 fall due until 2026-11-27 and lack facts, 1 of them overdue: A-1",
        ),
        (counted(lacking={"a.b": 2}), "warning", "lookup a.b: 2 appeals wait for a lookup that is not loaded"),
        (
            counted(unassessed={"minor": 1}),
            "warning",
            "assessor minor: it raised over 1 dossier; mend",
        ),
        (
            counted(misdated=2),
            "warning",
            "dates: 2 appeals have dates that are implausible or cannot be read, and count",
        ),
        (counted(held=1), "warning", "held: 1 appeal is not worked; `appealbus appeals --held`"),
        (counted(suspect=1), "warning", "suspect: 1 appeal was left by workers that died"),
        (
            replace(sourced(breaker="open", last_error="a.b: no"), parked=[PARKED]),
            "warning",
            "source egkn: it does not answer, its breaker is open; 3 appeals wait for it; last error: a.b: no; tell",
        ),
        (
            sourced(certificates=(CERTIFICATE,)),
            "warning",
            "source egkn: certificate sign.p12 (signs) ends on 2026-11-26",
        ),
        (
            sourced(certificates=(replace(CERTIFICATE, not_after=datetime(2026, 11, 25, 20, tzinfo=UTC)),)),
            "warning",
            "source egkn: certificate sign.p12 (signs) ends on 2026-11-26",  # at one in the night
        ),
        (
            sourced(certificates=(replace(CERTIFICATE, not_after=NOW - HOUR),)),
            "critical",
            "source egkn: certificate sign.p12 (signs) ended on 2026-11-24",
        ),
        (
            replace(sourced(breaker="open"), parked=[PARKED], pauses={"egkn": PAUSE}),
            "info",
            "source egkn: aigul has it stand still until 2026-11-24",
        ),
        (
            sourced(drifts={"egkn.parcel/rights": Drift(60, NOW - HOUR, NOW), "egkn.parcel/area": Drift(1, NOW, NOW)}),
            "warning",
            "source egkn: since 2026-11-24 09:00 its replies tell otherwise than they are read: egkn.parcel/area (1), ",
        ),
        (
            sourced(drifts={"egkn.parcel/area": Drift(25, NOW, NOW, "egkn/reading.py:90", share=(98, 0))}),
            "warning",
            "source egkn: since 2026-11-24 10:00 its replies tell otherwise than they are read: egkn.parcel/area "
            "(98 % > 0 %, 25, egkn/reading.py:90)",
        ),
        (
            sourced(drifts={"egkn.parcel/area": Drift(1, NOW, NOW, beside=("Row",))}),
            "warning",
            "source egkn: since 2026-11-24 10:00 its replies tell otherwise than they are read: egkn.parcel/area (1); "
            "its contract has changed: mend the reading or schema of its plugin; dossiers lack these until then. Where "
            "a new element tells nothing, `appealbus sources --paths` has the line that says so",
        ),
        (
            sourced(closed_until=NOW + HOUR),
            "info",
            "source egkn: it is closed until 2026-11-24",
        ),
        (
            replace(sourced(quota_left={"day": 0, "month": 5}), parked=[PARKED]),
            "warning",
            "source egkn: its quota of the day is used up; 3 appeals wait for it; ask its owner",
        ),
        (replace(WELL, parked=[PARKED]), "info", "source egkn: 3 appeals wait for it; the first is asked for again at"),
        (
            counted(outbox={"registry": 4}, oldest_undelivered={"registry": NOW - HOUR}),
            "warning",
            "receiver registry: 4 versions are not confirmed, the oldest for 60 min",
        ),
        (
            counted(outbox={"old one": 4}),
            "warning",
            "receiver old one: 4 dossiers wait for it, and it is not configured",
        ),
        (
            counted(alone={"registry": 1}),
            "warning",
            "receiver registry: it does not take 1 version; `appealbus deliver",
        ),
        (
            counted(quarantine=2, quarantined={"portal": QuarantineHeld(2, 20, NOW)}),
            "warning",
            "quarantine: 2 by portal: each may be an appeal that nobody works on; `appealbus quarantine list`",
        ),
        (counted(waiting_changes=1), "info", "changes: 1 wait for appeals that are not known"),
        (
            counted(waiting_changes=2, refused_changes=2),
            "info",
            "changes: 2 count as if they waited: their senders may not make them",
        ),
    ],
)
def test_each_trouble_is_one_finding(facts: Facts, severity: str, told: str):
    """It says what is wrong and what to do; what mends itself, or is meant so, leaves all well."""
    [finding] = report(facts)
    assert finding.severity == severity
    assert str(finding).startswith(told)
    assert all_is_well([finding]) == (severity == "info")
    for to in (Reader(ReaderLanguage.KAZAKH), Reader(ReaderLanguage.RUSSIAN)):
        about, detail, todo = finding.to(to)
        quoted = detail == "a queue is gone"  # what a broker says stays as it is
        assert [bool(re.search("[а-яәғқңөұүһі]", each)) for each in (about, detail, todo)] == [True, not quoted, True]
        assert "{" not in about + detail + todo


def reread(stage: Stage, **numbers: int) -> Facts:
    return replace(WELL, rereads=[RereadPass("egkn", {}, stage, at=10**15, **numbers)])


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (reread(Stage.OVER), ""),
        (reread(Stage.GOES_ON, left=3), ""),
        (reread(Stage.OVER, left=2, gaps=9), "its kept replies were read again, and 2 of 9 with a gap were left as"),
        (
            reread(Stage.STOPPED, otherwise=7, compared=9),
            "its replies are read otherwise now, and of 9 records 7 would",
        ),
        (reread(Stage.FAILED, changed=1), "the process that reads its kept replies again ends or hangs; 1 appeal was"),
        (reread(Stage.OTHER), "its plugins or contracts on the disk are not those that run: start the bus anew"),
    ],
)
def test_what_the_bus_did_not_read_again(facts: Facts, told: str):
    """With the command that shows it."""
    found = report(facts)
    assert [each.detail.startswith(told) for each in found] == [True] * bool(told)
    assert all("`appealbus reread --source egkn --since 2001-09-09 --dry-run`" in each.todo for each in found)


@pytest.mark.parametrize(
    ("last", "about"),
    [({"egkn": {"a": 2}}, ["source egkn"]), ({}, []), (None, ["source egkn", "source other"])],
)
def test_workers_that_read_otherwise_than_each_other(last: dict[str, dict[str, int]] | None, about: list[str]):
    """While they are started one after the other that is meant so; one without sources reads nothing."""
    theirs = ({"egkn": {"a": 1}}, {"other": {"a": 3}}, last)
    facts = replace(WELL, workers=[replace(WORKER, readings=each) for each in theirs])
    assert [(each.about, each.severity) for each in report(facts)] == [(each, Severity.INFO) for each in about]
    later = report(replace(facts, at=NOW + 2 * HOUR))
    assert [each.severity for each in later] == [Severity.WARNING] * len(about)


def test_what_others_say_is_quoted_whatever_it_holds():
    """Braces of a broker's text, of a name or of a reason are no places for values."""
    for facts in (
        linked(LinkState("{main}", LinkStatus.REFUSED, "no {right} {0}")),
        replace(sourced(breaker="open", last_error="{error!r}")),
        replace(WELL, pauses={"egkn": replace(PAUSE, reason="{until.year}")}, sources=[]),
        sourced(certificates=(replace(CERTIFICATE, purpose="{name}"),)),
    ):
        [finding] = report(facts)
        assert re.search(r"\{[a-z0]", str(finding))
        assert re.search(r"\{[a-z0]", " ".join(finding.to(Reader(ReaderLanguage.RUSSIAN))))


def test_a_quarantine_that_is_nearly_full_is_critical():
    """Before its oldest messages are dropped; what is past the end of a pause is none."""
    full = counted(quarantine=9, quarantined={"portal": QuarantineHeld(9, 20, NOW)})
    assert [finding.severity for finding in report(full)] == ["critical", "warning"]
    assert report(replace(WELL, pauses={"egkn": replace(PAUSE, until=NOW - HOUR)})) == []


def test_a_channel_whose_waiting_changes_near_their_bound_is_named():
    """From four fifths on: how many it has, and of how many."""
    most = WELL.bus.waiting_changes
    low = {"files": most * 4 // 5 - 1, "portal": 1}
    assert [finding.severity for finding in report(counted(waiting_changes=most, waiting_by_channel=low))] == ["info"]
    full = {**low, "portal": most * 4 // 5}
    first, _ = report(counted(waiting_changes=most, waiting_by_channel=full))
    assert str(first).startswith("changes of portal: channel portal has 8000 of 10000 that may wait; over that they go")
    assert not all_is_well([first])
    assert first.to(Reader(ReaderLanguage.RUSSIAN))[0] == "изменения portal"
    assert first.to(Reader(ReaderLanguage.KAZAKH))[0] == "өзгерістер: portal"


def test_a_pause_is_told_of_where_no_worker_lives():
    """Whoever looks at night learns why nothing is asked."""
    found = report(replace(WELL, sources=[], parked=[PARKED], pauses={"egkn": PAUSE}))
    [told] = [finding for finding in found if finding.about == "source egkn"]
    assert told.detail.endswith("new cables; 3 appeals wait for it")


def test_the_worst_is_told_first():
    """Whoever reads one line reads the one that matters most."""
    facts = replace(counted(waiting_changes=1, held=1), workers=[])
    assert [finding.severity for finding in report(facts)] == [Severity.CRITICAL, Severity.WARNING, Severity.INFO]


@pytest.mark.parametrize(
    ("lag", "silent", "told"),
    [
        (0, 100 * HOUR, None),
        (1000, 100 * HOUR, None),
        (1001, timedelta(minutes=15), None),
        (1001, timedelta(minutes=16), "it has read nothing of the feed since"),
        (100_000, timedelta(), None),
        (100_001, timedelta(), "100001 entries of the log behind"),
    ],
)
def test_a_reader_of_the_feed_that_is_dead_or_slow(lag, silent, told):
    """Who is idle or busy is no finding."""
    facts = counted(feed_readers=(FeedReader("desk", Cursor(1, 5), NOW - silent, lag),))
    found = [(finding.about, finding.severity) for finding in report(facts)]
    assert found == ([] if told is None else [("client desk", "warning")])
    assert told is None or told in str(report(facts)[0])


def test_bounds_are_those_of_the_alerts():
    """The command and Prometheus call the same thing late."""
    alerts = (Path(__file__).parents[3] / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    for bound in (messages._BEHIND, messages._FAR_BEHIND):
        assert len(re.findall(rf"appealbus_feed_reader_lag\) > {bound}$", alerts, re.MULTILINE)) == 1
    for pattern, bound in (
        (r"appealbus_feed_reader_silent_seconds\) > (\d+)\)$", messages._SILENT),
        (r"appealbus_oldest_undelivered_age_seconds\) > (\d+)$", messages.LATE),
        (r"appealbus_log_unplaced_age_seconds\) > (\d+)$", infrastructure._UNPLACED),
        (r"- time\(\) < (\d+) \* 86400$", SOON),
    ):
        [found] = re.findall(pattern, alerts, re.MULTILINE)
        assert timedelta(seconds=int(found)) == bound or timedelta(days=int(found)) == bound


def test_a_calendar_that_ends_is_told_of_in_time():
    """Before the appeals come that nothing can count, and no sooner; other terms have ends of their own."""
    today = day_of(WELL.at)
    ends = {"law": today + timedelta(days=104), "other": today - timedelta(days=1), "far": today + timedelta(days=105)}
    found = report(replace(WELL, terms_until=ends))
    assert [(each.severity.value, each.about) for each in found] == [
        ("warning", "terms law"),
        ("warning", "terms other"),
    ]
    assert f"ends after {ends['law']}" in found[0].detail
