"""Workers, broker, journal and network fail at random while appeals come in; at the end nothing shows of it.

Agencies are asked over SOAP and over the broker, and answer badly or not at all meanwhile. The journal is in PostgreSQL
with three workers, or in a file with one.

`make chaos` is the long form. A run follows from its seed: set APPEALBUS_SEED to have one again.
"""

import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from appealbus.core.domain.access import Served
from appealbus.core.domain.listing import AppealState
from appealbus.schemas import Appeal, Change, ChangeKind, Dossier, Receipt
from tests.services.clock import Clock
from tests.services.policies import any_change
from tests.services.processes import free_port
from tests.services.proxy import FaultProxy
from tests.services.rabbitmq import Rabbit, Vhost
from tests.services.recomputed import check_the_past
from tests.system.faultless import INSIDE, POISON, differences, dossiers_without_faults
from tests.system.havoc import Around, Havoc, Ways
from tests.system.installation import HURRY, SERVICES, Agencies, letters
from tests.system.peers import Got, Mail, Receiver, Sender
from tests.system.production import Production
from tests.system.program import Program, appealbus
from tests.system.register import MIXED_UP, PLUGIN, QUEUES, both_forms, check_addresses, with_codes
from tests.system.sqlite_store import SqliteStore
from tests.system.stores import PostgresqlStore, Store

pytestmark = pytest.mark.system

SUITE = "APPEALBUS_CHAOS" not in os.environ
COUNT = int(os.environ.get("APPEALBUS_CHAOS", "30"))
SEED = int(os.environ.get("APPEALBUS_SEED") or 3)
LONG = COUNT > 1000
FEW = 15
"""Letters of the suite's form with one worker, which goes through less; the other form has just been through all."""
KILLS = 30 if LONG else 2
HOLES = 6 if LONG else 2
CUTS = 8 if LONG else 2
HARMS = 3 if LONG else 1
LONGEST_HOLE = 25.0 if LONG else 3.0
FROZEN = 33.0 if LONG else 13.0
"""Seconds that a worker stands still: longer than its leases, so that others have taken over when it goes on."""
PAUSE = (1.0, 6.0) if LONG else (0.3, 1.0)
MOSTLY = 0.75
"""So often all waits until somebody works: on a busy machine one alone would be killed while it starts, each time."""
LASTS = 600.0 if LONG else 10.0
"""Seconds that the sender takes for all of it: about as long as the chaos."""
SETTLES = 240.0 + 2 * COUNT
SLOWEST = 3.0
"""Seconds that an agency takes for an answer at most."""
MEMORY = 200
ROUGH = {
    "latency": "30ms",
    "latency_tail": "20ms",
    "latency_max": SLOWEST,
    **dict.fromkeys(
        [
            "fault",
            "status",
            "http_500",
            "http_502",
            "empty",
            "truncated",
            "wrong_types",
            "cut",
            "repeated",
            "other_person",
        ],
        0.03,
    ),
    "silent": 0.01,
}
# One answer in fourteen comes after the guard has given up; one in ten never, one in twenty twice.
ROUGH_IN_QUEUES = {
    **ROUGH,
    "other_person": 0.0,
    "latency_tail": "200ms",
    "silent": 0.05,
    "doubled": 0.05,
    "entity_bomb": 0.03,
}
REGISTER = """
[bus]
plugins = {plugins}

[plugins.simulator.address.broker]
hosts = ["127.0.0.1:{port}"]
virtual_host = "{vhost}"
password = {{ env = "PASSWORD" }}
heartbeat = 3
reconnect_max = "1s"
"""


@pytest.fixture
def around(rabbit: Rabbit, vhost: Vhost, clock: Clock) -> Iterator[Around]:
    ports = (vhost.port, free_port(), vhost.port)
    with ExitStack() as stack:
        yield Around(rabbit, Ways(*(stack.enter_context(FaultProxy(port)) for port in ports)), clock)


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Where the journal is."""
    if request.param == "sqlite":
        yield SqliteStore(tmp_path)
        return
    server, url = request.getfixturevalue("postgres"), request.getfixturevalue("database")
    with FaultProxy(server.port) as way:
        yield PostgresqlStore(server, url, way)


@pytest.fixture
def agencies(
    tmp_path_factory: pytest.TempPathFactory, around: Around, vhost: Vhost, store: Store
) -> Iterator[Agencies]:
    """All four of them; the address register takes its questions from the broker."""
    folder = tmp_path_factory.mktemp("agencies")
    settings = REGISTER.format(plugins=list(store.agencies_plugins), port=around.ways.register.port, vhost=vhost.name)
    (folder / "appealbus.toml").write_text(settings)
    port = around.ways.agencies.target
    environment = {"PASSWORD": "guest", **store.agencies_environment}
    with Program(folder, "simulate", "--port", str(port), env=environment) as program:
        yield Agencies(program, (*SERVICES, "address"))


@pytest.fixture
def here(tmp_path: Path, agencies: Agencies, around: Around, vhost: Vhost, store: Store) -> Production:
    """An installation that reaches broker and journal by ways that can be cut, and asks all agencies."""
    made = Production(tmp_path, agencies, vhost, store.journal)
    made.broker_port = around.ways.broker.port
    url = f"http://127.0.0.1:{around.ways.agencies.port}/bip-sync/"
    guard = {"timeout": "1s", "attempts": 2, "backoff": "50ms", "breaker_failures": 20, "breaker_open": "1s"}
    asked = {name: {**made.source(name, **guard), "url": url} for name in SERVICES} | both_forms("4s", **guard)
    any_change(tmp_path, "channels.post")
    made.configure(
        bus={
            "journal": store.bus_journal,
            "key": "appealbus.key",
            "policy": "policy.toml",
            "grace": "5s",
            "concurrency": 20,
            "plugins": [PLUGIN, POISON, *([] if LONG else HURRY)],
        },
        log={"level": "info", "format": "json"},
        retry={"first": "500ms", "factor": 2, "max": "3s"},
        # Leniently, a record lacks for good what a spoilt reply had no readable value of.
        sources={name: table | {"replies": "strict"} for name, table in asked.items()} | INSIDE,
    )
    appealbus(tmp_path, "topology", "apply")
    return made


def test_chaos(here: Production, around: Around, store: Store, tmp_path: Path) -> None:
    """Every appeal has the dossier that it has where nothing fails; every version arrived, no question was hidden."""
    chance = random.Random(SEED)
    print(f"APPEALBUS_SEED={SEED} APPEALBUS_CHAOS={COUNT}")
    appeals = with_codes(letters(FEW if _is_small(store) else COUNT))
    third = len(appeals) // 3
    appeals[third] = appeals[third].model_copy(update={"text": "poison"})
    killer = appeals[third].message_id
    here.write(appeals)
    (tmp_path / "calm").mkdir()
    changes = _changes(appeals[:third])
    expected = dossiers_without_faults(tmp_path / "calm", here, appeals, changes)
    before = len(here.calls())
    mail = [Mail(each.message_id, each.model_dump_json(exclude_unset=True).encode()) for each in appeals]
    later = [Mail(each.message_id, each.model_dump_json(exclude_none=True).encode()) for each in changes]
    twice = [*mail, *mail, *later, *later]
    chance.shuffle(twice)
    here.agencies.misbehave(**dict.fromkeys(SERVICES, ROUGH), address=ROUGH_IN_QUEUES)
    with ExitStack() as stack:
        registry = stack.enter_context(Receiver(here.vhost, "registry", "appealbus.out"))
        receipts = stack.enter_context(Receiver(here.vhost, "receipts"))
        workers = store.start(here, env={**around.clock.environment, "POISON": "kill", "HURRY": "1"}, anew=LONG)
        stack.enter_context(workers.program)
        sender = Sender(here.vhost, "receipts").start(twice, LASTS / len(twice))
        stack.callback(sender.stop)
        havoc = Havoc(chance, here, workers, around, LONGEST_HOLE, frozen=FROZEN)
        havoc.learn(store.troubles(havoc))
        for what in _schedule(chance, store):
            time.sleep(chance.uniform(*PAUSE))
            if chance.random() < MOSTLY:
                workers.up()
            print(f"{time.strftime('%H:%M:%S')} {what}")
            havoc.wreak(what)
        havoc.over()
        print(f"{time.strftime('%H:%M:%S')} over")
        workers.program.until(lambda: not sender.sending, "all is sent", SETTLES)
        assert sender.confirmed == len(twice)
        print(f"{time.strftime('%H:%M:%S')} sent")
        workers.program.until(lambda: _behaved_badly(here), "the address register has behaved badly", SETTLES)
        here.agencies.misbehave()
        time.sleep(SLOWEST)
        workers.program.until(lambda: _nothing_left(here, len(mail)), "nothing is left to do", SETTLES)
        workers.program.until(lambda: _all_told(here, registry.got, receipts.got, len(twice)), "all is told", SETTLES)
        print(f"{time.strftime('%H:%M:%S')} told")
        largest = max(_megabytes(pid) for pid in workers.pids().values())
        assert workers.program.stop().code == 0
    assert largest < MEMORY
    assert not workers.events("case.failed"), "a defect"
    store.check()
    _check_access(here, store, here.calls()[before:])
    _check_receipts(here, mail, later, receipts.got)
    (held,) = (row for row in here.rows() if row.state is AppealState.HELD)
    assert held.message_id == killer
    # It may have one: where a question could not leave, its killer did not run.
    dossiers = {name: dossier for name, dossier in here.dossiers().items() if name != killer}
    del expected[killer]
    _check_dossiers(dossiers, expected)
    assert {row.state for row in here.rows()} == {AppealState.IDLE, AppealState.HELD}
    check_addresses(here, dossiers.values())
    left = "SELECT lookup, sent_at FROM awaited JOIN appeal ON id = appeal_id WHERE state <> 'held'"
    assert store.rows(left) == [], "a question that has ended still waits for its answer"
    _check_versions(here, registry.got)
    check_the_past(here.journal)
    # Whatever an agency has not answered goes back into its queue.
    assert here.agencies.program.stop().code == 0
    for queue in ("appealbus.intake", "appealbus.quarantine", "appealbus.unrouted", *QUEUES):
        assert here.vhost.depth(queue) == 0, queue


def _changes(appeals: Sequence[Appeal]) -> list[Change]:
    """Two of every other letter, which may come before it, and the second before the first."""
    due: dict[str, Any] = {"kind": ChangeKind.DUE, "due_on": "2027-03-01", "dated_at": "2026-02-01"}
    kazakh: dict[str, Any] = {"kind": ChangeKind.CORRECTED, "corrected": {"language": "kk"}, "dated_at": "2026-02-02"}
    return [
        Change.model_validate({"message_id": f"{each.message_id}/{at}", "appeal_message_id": each.message_id, **said})
        for each in appeals[::2]
        for at, said in enumerate((due, kazakh))
    ]


def _is_small(store: Store) -> bool:
    return SUITE and store.workers == 1


def _schedule(chance: random.Random, store: Store) -> list[str]:
    plan = ["kill a worker"] * KILLS + store.plan(CUTS // 2, HARMS)
    if _is_small(store):
        chance.shuffle(plan)
        return plan
    plan += ["kill the broker"]
    if LONG:
        plan += ["restart the broker"]
    plan += ["blackhole up", "blackhole down", "blackhole both"] * (HOLES // 2)
    plan += ["cut the broker off", "cut the agencies off", "cut the register off"] * (CUTS // 2)
    plan += ["delete the work queue", "unbind the intake", "step the clock"] * HARMS
    plan += ["say an answer again"] * 3 * HARMS
    chance.shuffle(plan)
    # It takes as long as all the rest.
    return ["freeze a worker", *plan]


def _behaved_badly(here: Production) -> bool:
    """Whether a version tells of it is chance: the next question may be answered."""
    return bool({"fault", "status", "http_500", "http_502"} & here.agencies.answers("address").keys())


def _nothing_left(here: Production, count: int) -> bool:
    taken = all(here.vhost.depth(queue) == 0 for queue in ("appealbus.intake", *QUEUES))
    return taken and not here.busy() and len(here.rows()) == count


def _all_told(here: Production, dossiers: list[Got], receipts: list[Got], sent: int) -> bool:
    versions = {got.properties.message_id for got in tuple(dossiers)}
    return len(versions) >= sum(row.version for row in here.rows()) and len(receipts) >= sent


def _check_receipts(here: Production, mail: list[Mail], changes: list[Mail], got: list[Got]) -> None:
    """Both copies have one, and it is the same; that of a change has no number while it waits for its appeal."""
    told: dict[str, list[Receipt]] = defaultdict(list)
    numbers = {row.message_id: row.number for row in here.rows()}
    for each in got:
        told[each.properties.correlation_id].append(Receipt.model_validate_json(each.body))
    for message_id in {each.message_id for each in changes}:
        receipts = told.pop(message_id)
        of = message_id.rpartition("/")[0]
        assert len(receipts) >= 2, message_id
        assert {receipt.number for receipt in receipts} <= {"", numbers[of]}, message_id
        assert len({receipt.accepted_at for receipt in receipts}) == 1, message_id
    assert told.keys() == {each.message_id for each in mail}
    assert numbers.keys() == told.keys()
    assert len(set(numbers.values())) == len(numbers)
    for message_id, receipts in told.items():
        assert len(receipts) >= 2, message_id
        assert all(receipt == receipts[0] for receipt in receipts), message_id
        assert receipts[0].number == numbers[message_id]


def _check_access(here: Production, store: Store, calls: list[tuple[str, datetime]]) -> None:
    """Each has a row, which was durable before an agency saw it."""
    rows = here.access()
    recorded = [row.question_id for row in rows if row.served is not Served.NOTHING]
    assert len(recorded) == len(set(recorded)), "two questions have one id"
    stayed = {row.question_id for row in rows if row.served is Served.NOTHING}
    assert stayed & {name for name, _ in calls} == set(), "a question left of which the access log says that it stayed"
    assert {name for name, _ in calls} - set(recorded) == set(), "a question left that the access log does not know"
    assert store.early(calls) == [], "a question left before its row was durable"


def _check_dossiers(dossiers: dict[str, Dossier], expected: dict[str, Dossier]) -> None:
    """Each tells what it tells where nothing fails, field by field."""
    assert dossiers.keys() == expected.keys()
    other = {name: differences(dossiers[name], expected[name]) for name in expected}
    assert {name: paths for name, paths in other.items() if paths} == {}


def _check_versions(here: Production, got: list[Got]) -> None:
    """Each was seen at least once and always the same; at first sight they only grow."""
    contents: dict[str, set[bytes]] = defaultdict(set)
    order: dict[str, list[int]] = defaultdict(list)
    codes: set[str] = set()
    for each in got:
        told: dict[str, Any] = orjson.loads(each.body)
        headers = each.properties.headers
        assert each.properties.message_id == f"{told['number']}/{told['version']}"
        assert (headers["number"], headers["version"]) == (told["number"], told["version"])
        assert each.routing_key == f"dossier.{headers['completeness']}.{headers['region']}"
        codes |= {outcome["code"] for outcome in told["outcomes"]}
        contents[each.properties.message_id].add(each.body)
        order[told["number"]].append(told["version"])
    assert {name for name, bodies in contents.items() if len(bodies) > 1} == set()
    newest = {row.number: row.version for row in here.rows() if row.version}
    first_seen = {number: list(dict.fromkeys(versions)) for number, versions in order.items()}
    assert first_seen == {number: list(range(1, version + 1)) for number, version in newest.items()}
    assert codes.isdisjoint(MIXED_UP), "an answer came to a question that it does not answer"
    assert "amqp.awaiting" in codes


def _megabytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:  # killed, and not started again yet
        return 0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024
