"""PostgreSQL fails over to a standby while the bus works: what lacks nothing is gone on with, what does is noticed."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appealbus.core.journal import state
from appealbus.core.journal.checkpoint import Checkpoint
from tests.services.forms import form
from tests.services.postgres import programs
from tests.system.cluster import Cluster
from tests.system.installation import Agencies, letters
from tests.system.program import appealbus

pytestmark = [pytest.mark.system, pytest.mark.proof]

COUNT = form(120, 300)


class Failing(Cluster):
    """Such a cluster, and what is looked at."""

    def numbers(self) -> dict[str, set[str]]:
        """Return which messages have got each number."""
        found = defaultdict(set)
        for receipt in self.acknowledged():
            found[receipt["number"]].add(receipt["message_id"])
        return found

    def beat(self) -> int:
        """Return the beat of the journal."""
        return self.read(lambda journal: journal.ask(state.how_it_stands)).beat


@pytest.fixture
def here(tmp_path: Path, agencies: Agencies) -> Iterator[Failing]:
    """An installation on such a cluster."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with ExitStack() as stack:
        yield Failing(tmp_path, agencies, stack)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.skipif(form(True, False), reason="long"))])
def test_a_standby_that_lacks_the_last_writes_is_not_written_to(here: Failing, workers: int) -> None:
    """No number goes out twice, the mark stays, every start is refused, and `restored` names the moment before it."""
    sent = here.write(letters(COUNT))
    here.with_sender(together=2)
    with here.start("run", *(["--workers", "2"] if workers > 1 else [])) as bus:
        bus.until(lambda: len(here.acknowledged()) >= 20, "appeals are taken")
        here.stream.blackhole("down")
        parted, beat, had = datetime.now(UTC), here.beat(), len(here.acknowledged())
        bus.until(lambda: here.beat() > beat + 2 * workers + 1, "the standby lacks some seconds")
        assert len(here.acknowledged()) > had, "nothing was lost, so nothing is shown"
        here.fail_over()
        given = len(here.acknowledged())
        ended = bus.ended()
    assert ended.code == 4, ended.err
    assert len(here.acknowledged()) == given, "receipts were given out after the promotion"
    assert [number for number, messages in here.numbers().items() if len(messages) > 1] == []
    assert "journal.gone_back" in ended.err
    mark, copy = Checkpoint(here.folder / "appealbus.checkpoint").read(), here.beat()
    assert mark is not None
    assert mark.beat > copy
    for command in (["run"], ["run", "--workers", "2"], ["prune"]):
        assert "restored" in appealbus(here.folder, *command, expect=4).err
    # The moment that the copy was found may be noted by a start alone, where two workers were in each other's way.
    stays = Checkpoint(here.folder / "appealbus.checkpoint").read()
    assert stays is not None
    assert (here.beat(), replace(stays, since=mark.since)) == (copy, mark)
    assert mark.since in (None, stays.since)

    told = appealbus(here.folder, "restored", "--yes").out
    since = datetime.fromisoformat(told.partition("sent since ")[2].partition(" UTC")[0]).replace(tzinfo=UTC)
    assert since <= parted
    assert (parted - since).total_seconds() < 10
    here.receipts.rename(here.folder / "before.jsonl")
    before = [json.loads(line) for line in (here.folder / "before.jsonl").read_text().splitlines()]
    appealbus(here.folder, "run", "--until-settled", timeout=90)
    numbers = here.numbers()
    for receipt in before:
        numbers[receipt["number"]].add(receipt["message_id"])
    assert [number for number, messages in numbers.items() if len(messages) > 1] == []
    assert {row.message_id for row in here.rows()} == set(sent)


def test_a_synchronous_standby_is_gone_on_with(here: Failing) -> None:
    """It lacks nothing: the bus goes on by itself, and so does what is started later."""
    here.wait_for_the_standby()
    sent = here.write(letters(COUNT // 3))
    here.with_sender(together=2)
    with here.start("run") as bus:
        bus.until(lambda: len(here.acknowledged()) >= 20, "appeals are taken")
        here.fail_over()
        here.go_on_alone()
        bus.until(lambda: {row.message_id for row in here.rows()} == set(sent), "all are taken", timeout=60)
        assert bus.stop().code == 0
    assert [number for number, messages in here.numbers().items() if len(messages) > 1] == []
    appealbus(here.folder, "run", "--until-idle")
