"""The production form at work: drains without loss, and a worker that stands still is replaced and does no harm."""

import json
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import figures
from appealbus.schemas import Appeal, Completeness
from tests.services.forms import LONG, form
from tests.services.rabbitmq import Vhost
from tests.system.installation import HURRY, SERVICES, Agencies, letters
from tests.system.peers import Got, Mail, Receiver, Sender
from tests.system.production import Production, Workers
from tests.system.proof import asked_since, finished, question_of

pytestmark = pytest.mark.system

MEMORY = 200
SLOW = 60.0


@pytest.fixture
def site(tmp_path: Path, agencies: Agencies, vhost: Vhost, journal_database: str) -> Production:
    return Production(tmp_path, agencies, vhost, journal_database)


def mail_of(appeals: Sequence[Appeal]) -> list[Mail]:
    """Write the appeals as a sender does."""
    return [Mail(each.message_id, each.model_dump_json(exclude_unset=True).encode()) for each in appeals]


def first_seen(got: Sequence[Got]) -> dict[str, list[int]]:
    """Return the versions of each appeal in the order in which the receiver first saw them."""
    order: dict[str, list[int]] = defaultdict(list)
    for each in got:
        headers = each.properties.headers
        order[headers["number"]].append(headers["version"])
    return {number: list(dict.fromkeys(versions)) for number, versions in order.items()}


def all_versions(here: Production) -> dict[str, list[int]]:
    """Return the versions of each appeal that there are."""
    return {row.number: list(range(1, row.version + 1)) for row in here.rows()}


@pytest.mark.proof
def test_sigterm_drains_three_workers_in_full_work(site: Production, agencies: Agencies) -> None:
    """Exit 0; what was sent is in the journal or still in the queue; no answer that is kept is asked for again."""
    agencies.misbehave(**{name: {"latency": "300ms"} for name in SERVICES})
    mail = mail_of(letters(form(60, 150)))
    site.configure(
        bus={"journal": site.journal, "grace": "15s", "concurrency": 10},
        # No call may end by a time-out: whatever is asked twice then was answered and lost.
        completeness={"default": {"wait": "60s"}},
        sources={name: site.source(name, timeout="30s") for name in SERVICES},
    )
    with Receiver(site.vhost, "registry", "appealbus.out") as registry, Receiver(site.vhost, "receipts") as receipts:
        workers = Workers(site, 3)
        with workers.program as program:
            sender = Sender(site.vhost, "receipts").start(mail, 0.005)
            program.until(lambda: len(receipts.got) >= form(24, 60), "receipts are given", SLOW)
            program.until(lambda: len(site.asked()) >= form(24, 60), "questions have left", SLOW)
            assert program.stop(SLOW).code == 0, program.err[-2000:]
            sender.stop()
        assert {event["worker"] for event in workers.events("bus.stopped")} == {0, 1, 2}
        kept = finished(site)
        assert len(kept) >= form(8, 20)
        rows = site.rows()
        assert {row.state for row in rows} <= {AppealState.READY, AppealState.PARKED, AppealState.IDLE}, (
            "a lease was not given back"
        )
        told = {each.properties.correlation_id for each in receipts.got}
        assert told <= {row.message_id for row in rows}
        assert len({row.message_id for row in rows} | told) + site.vhost.depth("appealbus.intake") >= sender.confirmed
        last = max(row.id for row in site.access())
        agencies.misbehave()
        left = mail[sender.confirmed :]
        Sender(site.vhost, "receipts").send(left)
        workers = Workers(site, 3)
        with workers.program as program:
            program.until(lambda: len(site.rows()) == len(mail) and not site.busy(), "all is settled", SLOW)
            program.until(lambda: first_seen(registry.got) == all_versions(site), "all is delivered", SLOW)
            assert program.stop(SLOW).code == 0
    assert kept.isdisjoint(asked_since(site, last))
    repeated = {question: n for question, n in Counter(asked_since(site, 0)).items() if n > 1}
    assert repeated == {}, [(row.at, row.number, row.lookup) for row in site.access() if question_of(row) in repeated]
    assert site.dossiers().keys() == {each.message_id for each in mail}


@pytest.mark.proof
def test_a_worker_that_stands_still_is_replaced_and_does_no_harm_when_it_wakes(
    site: Production, agencies: Agencies
) -> None:
    """Another takes its appeals over once its lease is over; what it still believes to hold changes nothing."""
    agencies.misbehave(**{name: {"latency": "700ms", "http_502": 0.2} for name in SERVICES})
    mail = mail_of(letters(form(40, 80)))
    bus = {"journal": site.journal, "concurrency": 15, "plugins": HURRY}
    site.configure(bus=bus, log={"level": "info", "format": "json"})
    with Receiver(site.vhost, "registry", "appealbus.out") as registry:
        workers = Workers(site, 2)
        with workers.program as program:
            Sender(site.vhost).send(mail)
            program.until(lambda: len(site.asked()) >= 20, "questions have left")
            pids = workers.pids()
            os.kill(pids[0], signal.SIGSTOP)
            agencies.misbehave()
            program.until(
                lambda: site.vhost.depth("appealbus.intake") == 0 and not _in_work(site), "the other one does all", SLOW
            )
            held = len(mail) - len(site.rows())  # taken by the one that stands still, and in nobody's hands
            program.until(lambda: first_seen(registry.got) == all_versions(site), "all is delivered", SLOW)
            before = all_versions(site)
            assert len(before) == len(mail) - held
            os.kill(pids[0], signal.SIGCONT)
            program.until(lambda: len(site.rows()) == len(mail) and not site.busy(), "all is settled", SLOW)
            program.until(lambda: first_seen(registry.got) == all_versions(site), "all is delivered", SLOW)
            assert workers.pids() == pids, "a worker has died"
            assert program.stop(SLOW).code == 0
    contents = defaultdict(set)
    for each in registry.got:
        contents[each.properties.message_id].add(each.body)
    assert {name for name, bodies in contents.items() if len(bodies) > 1} == set()
    assert all(dossier.completeness is not Completeness.PARTIAL for dossier in site.dossiers().values())


def _in_work(here: Production) -> bool:
    counts = here.read(lambda journal: journal.ask(figures.counts))
    return bool(counts.ready or counts.in_work or counts.parked)


@pytest.mark.proof
@pytest.mark.skipif(not LONG, reason="a long form alone: make proof")
def test_four_thousand_wait_in_little_memory_and_the_most_urgent_go_first(site: Production, agencies: Agencies) -> None:
    """Agencies are down for the whole run; when they are back, what is due soonest is done first."""
    count = 4_000
    agencies.misbehave(**{name: {"http_502": 1} for name in SERVICES})
    made = letters(count)
    due = {each.message_id: str(date(2026, 1, 1) + timedelta(days=(count - i) // 10)) for i, each in enumerate(made)}
    mail = [
        Mail(each.message_id, json.dumps(json.loads(each.body) | {"due_on": due[each.message_id]}).encode())
        for each in mail_of(made)
    ]
    tables = {
        "completeness": {"default": {"wait": "20s"}},
        "retry": {"first": "1h", "factor": 1, "max": "1h"},
        "log": {"level": "warning", "format": "json"},
        "sources": {name: site.source(name, attempts=1, breaker_failures=5, breaker_open="2s") for name in SERVICES},
    }
    site.configure(**tables, bus={"journal": site.journal, "concurrency": 200})
    with Receiver(site.vhost, "registry", "appealbus.out") as registry:
        with site.start("run", anew=True) as bus:
            Sender(site.vhost).send(mail)
            bus.until(lambda: len(registry.got) >= count, "each has its first version", 600)
            print(f"{bus.rss()} MB with {site.busy()}")
            assert bus.rss() < MEMORY
            assert bus.stop().code == 0
        agencies.misbehave()
        # What a stop under load has cut off is a suspect, and comes first, one at a time.
        parked = {row.message_id for row in site.rows() if row.state is AppealState.PARKED}
        assert len(parked) > 0.9 * count
        # Whoever mends an agency says so; nobody waits for the hour to be over.
        site.retry_all()
        site.configure(**tables, bus={"journal": site.journal, "concurrency": 4})
        registry.got.clear()
        with site.start("run", anew=True) as bus:
            bus.until(lambda: len(registry.got) >= 500, "the backlog clears", 120)
            sent = [json.loads(each.body)["appeal"]["message_id"] for each in registry.got[:500]]
            assert bus.rss() < MEMORY
    order = [due[message_id] for message_id in sent if message_id in parked]
    urgent = sorted(due[message_id] for message_id in parked)[: len(order) + 8]
    assert set(order) <= set(urgent), "something less urgent went first"
