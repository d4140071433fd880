"""Three weeks of the real program: too small a quota, agencies away each night, a failover, a new key, retention.

The clock of all processes is simulated, the database's too. Each day has a night, a morning and an evening; between
them the bus is off for hours.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from appealbus.core.clocks import KAZAKHSTAN
from appealbus.core.domain.access import Served
from appealbus.core.domain.listing import AppealState
from appealbus.core.journal import log as journal_log
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.tables import lookup
from appealbus.schemas import Appeal, Completeness, Dossier
from appealbus.schemas.appeal import PersonApplicant
from appealbus.schemas.identifiers import IdentifierError, parse_iin
from appealbus.schemas.outcome import OutcomeKind
from tests.services.asking import appeals_of
from tests.services.clock import Clock
from tests.services.forms import LONG, form
from tests.services.journals import engine_of
from tests.services.postgres import programs
from tests.services.processes import forget, scratch
from tests.services.recomputed import Key, check_the_past
from tests.system.cluster import Cluster
from tests.system.installation import SENDER, Agencies, Installation, letters
from tests.system.program import Program
from tests.system.simulated_days import EVENING, MORNING, NIGHT, Days, environment, put

pytestmark = [pytest.mark.system, pytest.mark.proof]

DAYS = form(2, 21)
FIRST = datetime(2026, 6, form(5, 1), tzinfo=KAZAKHSTAN)
"""A Friday, or a Monday."""
AT_NIGHT, ON_WORKDAYS, ON_DAYS_OFF = 2, form(8, 15), 2
QUOTA = form(8, 14)
"""Calls a day. Those of the nights are in vain."""
KEEPS = form(1, 5)
"""Days for which what is done stays."""
RENEWED, RESTORED, FAILS_OVER = form(1, 8), form(1, 15), 11
"""On which days. What is restored in a file lacks nothing; a failover is a database's."""
DRAINS = 7
"""Days without letters until nothing waits any more, at most."""
LIMITED = "gbdfl"
OPEN = {OutcomeKind.UNAVAILABLE, OutcomeKind.TIMED_OUT, OutcomeKind.AWAITING}


@pytest.fixture
def clock(clock: Clock) -> Iterator[Clock]:
    """One that a database's user may read, too, before the first day."""
    folder = scratch("ab-clock-")
    folder.chmod(0o755)
    clock = Clock(folder)
    put(clock, FIRST)
    yield clock
    forget(folder)


@pytest.fixture
def agencies(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Agencies]:
    """Agencies that live in the same days."""
    folder = tmp_path_factory.mktemp("agencies")
    with Program(folder, "simulate", "--port", "0", env=environment(clock)) as program:
        yield Agencies(program)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(not LONG, reason="long"))])
def here(request: pytest.FixtureRequest, tmp_path: Path, agencies: Agencies, clock: Clock) -> Iterator[Installation]:
    """An installation on a file, or on a database with a standby."""
    if request.param == "sqlite":
        yield Installation(tmp_path, agencies)
        return
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with ExitStack() as stack:
        yield Cluster(tmp_path, agencies, stack, environment(clock))


def test_weeks_go_by(here: Installation, clock: Clock) -> None:
    """Every appeal has its dossier, until then its reasons; no day has more calls than its quota; the log tells all."""
    days = Days(here, clock, FIRST, LIMITED)
    _configure(here)
    left = iter(letters(DAYS * (AT_NIGHT + ON_WORKDAYS)))
    sent: dict[str, Appeal] = {}
    waited: list[int] = []
    renamed: dict[Key, str] = {}
    for day in range(DAYS + DRAINS):
        if day >= DAYS and not waited[-1]:
            break
        at_night, by_day = ([next(left) for _ in range(count)] for count in _arrivals(day))
        sent |= {letter.message_id: letter for letter in (*at_night, *by_day)}
        if at_night:
            days.go_to(day, NIGHT)
            days.night(at_night)
        days.go_to(day, MORNING)
        if day == RENEWED:
            before = _keys(here)
            days.command("key", "renew", "--yes")
            after = _keys(here)
            renamed = {key: after[what][2] for what, key in before.items()}
        if day == RESTORED and not isinstance(here, Cluster):
            days.command("restored", "--yes")
        days.morning(by_day, _failing_over(here) if day == FAILS_OVER and isinstance(here, Cluster) else None)
        days.go_to(day, EVENING)
        waited.append(days.evening(by_day))
        _each_gap_has_its_reason(here)
    print(f"calls {days.calls}, waited {waited}, {len(days.log)} entries of the log")
    assert waited[-1] == 0
    assert max(waited) > form(0, QUOTA), "the quota was never too small"
    assert max(days.calls) == QUOTA
    well = {when: {each["well"] for each in told} for when, told in days.told.items()}
    assert (well["night"], well["waiting"]) == ({False}, {False})
    # Of an evening on which nothing waits, at most that the quota is used up, and that not all have seen the clock's
    # step yet.
    about = {each["about"] for told in days.told["quiet"] for each in told["findings"]}
    assert about <= {f"source {LIMITED}", "clock"}
    assert True in well["quiet"]
    days.read_log()
    assert check_the_past(here.journal, renamed) >= len(days.log)
    pruned = _the_log_tells_all(here, days, sent, renamed)
    assert len(pruned) > len(sent) // 4, "retention had nothing to do"
    _receipts_hold(here, sent, pruned)
    _receivers_have_all(here, days.log)
    _people_are_found(here, sent)


def _configure(here: Installation) -> None:
    guard = {"attempts": 1, "concurrency": 2, "breaker_failures": 2}
    journal = {} if isinstance(here, Cluster) else {"journal": here.journal, "plugins": [SENDER]}
    sources = {name: here.source(name, **guard) for name in ("gbdul", "egkn")}
    here.with_sender(
        together=2,
        bus={**journal, "retention": f"{KEEPS}d"},
        log={"level": "info", "format": "json"},
        retry={"first": "1h", "max": "6h"},
        sources={**sources, LIMITED: here.source(LIMITED, **guard, quota_day=QUOTA)},
    )


def _arrivals(day: int) -> tuple[int, int]:
    """Return how many letters come at night and by day."""
    if day >= DAYS:
        return 0, 0
    return AT_NIGHT, ON_DAYS_OFF if (FIRST.weekday() + day) % 7 >= 5 else ON_WORKDAYS


def _keys(here: Installation) -> dict[Any, Key]:
    """Return how the journal calls its questions, by what a renewal of the key leaves as it is."""
    engine = engine_of(here.journal)
    with engine.connect() as connection:
        rows = list(connection.execute(select(lookup)))
    engine.dispose()
    return {(row.appeal_id, row.lookup, row.inputs): (row.appeal_id, row.lookup, row.key) for row in rows}


def _failing_over(here: Cluster) -> Callable[[Program], None]:
    """Return what ends the primary while letters come; its standby has all that was committed."""
    here.wait_for_the_standby()
    had = len(here.acknowledged())

    def fail_over(bus: Program) -> None:
        bus.until(lambda: len(here.acknowledged()) > had + 2, "letters are taken")
        here.fail_over()
        here.go_on_alone()

    return fail_over


def _each_gap_has_its_reason(here: Installation) -> None:
    """Who has no whole dossier has a required gap; each says why, and when it is asked again."""
    rows = {row.message_id: row for row in here.rows()}
    # One that a source takes in as the bus stops is ready.
    assert {row.state for row in rows.values()} <= {AppealState.IDLE, AppealState.PARKED, AppealState.READY}
    dossiers = here.dossiers()
    assert dossiers.keys() == rows.keys()
    for message, dossier in dossiers.items():
        waits = [gap for gap in dossier.gaps if gap.required and gap.outcome in OPEN]
        assert (rows[message].state is not AppealState.IDLE) == bool(waits), dossier.number
        assert (dossier.completeness is Completeness.PARTIAL) == bool(waits), dossier.number
        assert not [gap for gap in dossier.gaps if not gap.reason], dossier.number
        assert not [gap for gap in waits if gap.next_attempt_at is None], dossier.number


def _the_log_tells_all(here: Installation, days: Days, sent: dict[str, Appeal], renamed: dict[Key, str]) -> set[str]:
    """Its reader has missed nothing, and knows of each appeal how it went; return the messages that retention has."""
    assert [int(entry["cursor"].partition(".")[2]) for entry in days.log] == [*range(1, len(days.log) + 1)]
    assert here.read(lambda journal: journal.ask(journal_log.page, limit=1)).head.position == len(days.log)
    accepted = {entry["appeal_id"]: entry["detail"]["message_id"] for entry in _of(days.log, "accepted")}
    assert sorted(accepted.values()) == sorted(sent), "an appeal was taken twice, or not at all"
    ends: dict[Key, str] = {}
    for entry in _of(days.log, "ended"):
        key = entry["appeal_id"], entry["about"], entry["detail"]["key"]
        ends[*key[:2], renamed.get(key, key[2])] = entry["detail"]["kind"]
    assert OPEN.isdisjoint(ends.values()), "a question has no answer"
    newest = {entry["appeal_id"]: entry["detail"]["completeness"] for entry in _of(days.log, "version")}
    assert newest.keys() == set(accepted)
    assert Completeness.PARTIAL not in newest.values()
    asked = {each["detail"]["question"] for each in _of(days.log, "asked") if each["detail"]["served"] == "source"}
    left = {row.question_id for row in here.access() if row.served is not Served.NOTHING}
    assert set(here.asked()) == asked & left, "a question left that nobody knows of, or did not leave as told"
    gone = {each for entry in _of(days.log, "pruned") for each in entry["detail"].get("ids", ())}
    assert {row.appeal_id for row in here.rows()} == accepted.keys() - gone
    return {accepted[each] for each in gone}


def _receipts_hold(here: Installation, sent: dict[str, Appeal], pruned: set[str]) -> None:
    """Each message has one receipt, however often it came, and no number belongs to two."""
    numbers = defaultdict(set)
    for receipt in here.acknowledged():
        numbers[receipt["message_id"]].add(receipt["number"])
    assert numbers.keys() == sent.keys()
    given = [number for each in numbers.values() for number in each]
    assert len(given) == len(set(given)) == len(sent)
    rows = {row.message_id: {row.number} for row in here.rows()}
    assert rows == {message: each for message, each in numbers.items() if message not in pruned}


def _receivers_have_all(here: Installation, log: list[dict[str, Any]]) -> None:
    """Each version that was ever made came at least once, and always the same."""
    contents: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for line in here.delivered.read_bytes().splitlines():
        told = json.loads(line)
        contents[told["number"], told["version"]].add(line)
    assert all(len(lines) == 1 for lines in contents.values())
    numbers = {entry["appeal_id"]: entry["detail"]["number"] for entry in _of(log, "accepted")}
    made = {(numbers[entry["appeal_id"]], entry["detail"]["version"]) for entry in _of(log, "version")}
    assert contents.keys() == made
    assert all(Dossier.model_validate_json(line) for lines in contents.values() for line in lines)


def _people_are_found(here: Installation, sent: dict[str, Appeal]) -> None:
    """Also those whose appeals came before the key was renewed."""
    key = here.folder / ("appealbus.key" if isinstance(here, Cluster) else "journal.db.key")
    applicants = {row.message_id: sent[row.message_id].applicant for row in here.rows()}
    people = {message: _iin(each) for message, each in applicants.items()}

    async def found() -> dict[str, set[str]]:
        async with await Journal.open(here.journal, key=key, read_only=True) as journal:
            named = {iin: await appeals_of(journal, "iin", iin, limit=1000) for iin in set(people.values()) if iin}
        return {iin: {row.message_id for row in rows} for iin, rows in named.items()}

    of = asyncio.run(found())
    assert of
    assert [message for message, iin in people.items() if iin and message not in of[iin]] == []


def _iin(applicant: Any) -> str | None:
    """Return by which number an applicant is found: of none that is misspelt."""
    with suppress(IdentifierError):
        return parse_iin(applicant.iin) if isinstance(applicant, PersonApplicant) and applicant.iin else None
    return None


def _of(log: Iterable[dict[str, Any]], what: str) -> Iterator[dict[str, Any]]:
    return (entry for entry in log if entry["what"] == what)
