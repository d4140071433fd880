"""Any sequence of writes, compared with a model: deduplication, numbering, versions, order of delivery."""

import asyncio
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from appealbus.core.errors import MessageDiffers
from appealbus.core.journal import figures
from appealbus.core.journal.appeals import cases as journal_cases
from appealbus.core.journal.appeals import lists
from appealbus.core.journal.appeals.accepting import NewAppeal
from appealbus.core.journal.appeals.concluding import Conclusion
from appealbus.core.journal.changes import targets
from appealbus.core.journal.changes.changes import NewChange
from appealbus.core.journal.deliveries import deliveries, delivering
from appealbus.core.journal.errors import VersionConflict
from appealbus.core.journal.journal import Journal
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant
from appealbus.schemas.change import Change, ChangeKind
from appealbus.schemas.dossier import Completeness
from tests.services.forms import form
from tests.services.processes import PATIENCE
from tests.services.recomputed import check_the_past

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class JournalLife(RuleBasedStateMachine):
    """A journal and what it must hold."""

    appeals = Bundle("appeals")

    def __init__(self, shared=None):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.receipts = {}
        self.numbers = {}
        self.versions = {}
        self.changes = {}
        self.confirmed = []
        self.journal = None
        if shared is None:
            self.url = f"sqlite:///{self.folder.name}/journal.db"
        else:
            shared.clear()
            self.url = shared.url

    @initialize()
    def open(self):
        self.journal = self.do(Journal.open(self.url))

    def do(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    @rule(target=appeals, messages=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy")), max_size=6))
    def accept_together(self, messages):
        accepted = self.do(self.together([self.new(*message) for message in messages]))
        for message, one in zip(messages, accepted, strict=True):
            assert one.new == (message not in self.receipts)
            assert self.receipts.setdefault(message, one) == one or one.receipt == self.receipts[message].receipt
            self.versions.setdefault(one.appeal_id, 0)
        return multiple(*(one.appeal_id for one in accepted))

    async def together(self, news):
        return await asyncio.gather(*(self.journal.accept(new) for new in news))

    @rule(letter=st.sampled_from("pqr"), taken=st.integers(1, 20))
    def accept_with_a_number(self, letter, taken):
        number = f"R-{taken:08d}"
        in_use = {one.receipt.number for one in self.receipts.values()}
        message = (letter, "z")
        first = self.numbers.setdefault(message, number)
        try:
            one = self.do(self.journal.accept(self.new(*message, number)))
        except MessageDiffers:
            assert first != number
        else:
            assert first == number
            assert message in self.receipts or (one.receipt.number == number) == (number not in in_use)
            assert one.receipt == self.receipts.setdefault(message, one).receipt
            self.versions.setdefault(one.appeal_id, 0)

    @rule(
        changes=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xy"), st.integers(1, 3)), max_size=4)
    )
    def change_together(self, changes):
        taken = self.do(self.changed([self.change(*each) for each in changes]))
        for (message_id, channel, at), one in zip(changes, taken, strict=True):
            appeal = self.receipts.get((message_id, channel))
            known = self.changes.setdefault((message_id, channel, at), one)
            assert one.new == (known is one)
            assert one.receipt.number == (appeal.receipt.number if appeal else "")

    async def changed(self, news):
        return await asyncio.gather(*(self.journal.do(targets.Changing(new)) for new in news))

    @rule(appeal=appeals, step=st.sampled_from([1, 1, 1, 0, 2, -1]))
    def conclude(self, appeal, step):
        version = self.versions[appeal] + step
        try:
            self.do(
                self.journal.conclude(
                    Conclusion(
                        appeal,
                        dossier=f"{appeal}/{version}".encode(),
                        version=version,
                        completeness=Completeness.PARTIAL,
                        receivers=["out"],
                        due_at=None,
                    )
                )
            )
        except VersionConflict:
            assert step != 1
        else:
            assert step == 1
            self.versions[appeal] = version

    @rule(confirm=st.lists(st.booleans(), min_size=1, max_size=5))
    def deliver(self, confirm):
        later = datetime.now(UTC) + timedelta(days=1)
        for due, yes in zip(
            self.do(self.journal.ask(deliveries.undelivered, "out", later, len(confirm))), confirm, strict=False
        ):
            if yes:
                self.confirmed.append((due.number, due.version))
                self.do(self.journal.do(delivering.Confirmed([due.delivery_id])))
            else:
                self.do(self.journal.do(delivering.Failed([(due.delivery_id, "http.502", later)])))

    @rule()
    def reopen(self):
        self.do(self.journal.close())
        self.open()

    @invariant()
    def holds(self):
        if self.journal is None:
            return
        rows = self.do(self.journal.ask(lists.appeals, limit=1000))
        assert {(row.message_id, row.channel): row.number for row in rows} == {
            message: one.receipt.number for message, one in self.receipts.items()
        }
        assert len({row.number for row in rows}) == len(rows)
        if self.changes:
            self.hold_changes(rows)
        assert {row.appeal_id: row.version for row in rows} == self.versions
        own = sorted(one.receipt.number for (_, channel), one in self.receipts.items() if channel != "z")
        given = {one.receipt.number for (_, channel), one in self.receipts.items() if channel == "z"}
        if own:
            series = {f"AB-2026-{value:08d}" for value in range(1, int(own[-1][-8:]) + 1)}
            assert series <= set(own) | given
        for number in {number for number, _ in self.confirmed}:
            versions = [version for one, version in self.confirmed if one == number]
            assert versions == list(range(1, len(versions) + 1))

    def hold_changes(self, rows):
        waiting = [each for each in self.changes if each[:2] not in self.receipts]
        counts = self.do(self.journal.ask(figures.counts))
        assert counts.waiting_changes == len(waiting)
        assert counts.waiting_by_channel == Counter(channel for _, channel, _ in waiting)
        cases = self.do(self.journal.ask(journal_cases.cases, [row.appeal_id for row in rows]))
        assert {case.appeal_id: case.changes for case in cases if case.changes} == Counter(
            self.receipts[each[:2]].appeal_id for each in self.changes if each[:2] in self.receipts
        )
        assert all(case.changes == len(case.kept_changes) for case in cases)

    def change(self, message_id, channel, at):
        change = Change(
            message_id=f"{message_id}{at}", appeal_message_id=message_id, channel=channel, kind=ChangeKind.WITHDRAWN
        )
        return NewChange(change, NOW, "appealbus")

    def new(self, message_id, channel, number=None):
        appeal = Appeal(
            message_id=message_id,
            channel=channel,
            number=number,
            kind=AppealKind.REPORT,
            applicant=PersonApplicant(),
        )
        return NewAppeal(appeal, NOW, "appealbus")

    def teardown(self):
        if self.journal is not None:
            self.do(self.journal.close())
            check_the_past(self.url)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_life_of_a_journal(kind, request):
    """Whatever is written in whatever order, what must hold does, on each database."""
    shared = None
    if kind == "postgresql":
        request.getfixturevalue("postgres")  # it runs
        shared = request.getfixturevalue("_journal_database")
    examples = form(4, 100) if shared is None else form(3, 40)
    run_state_machine_as_test(
        lambda: JournalLife(shared), settings=settings(max_examples=examples, stateful_step_count=20, deadline=None)
    )
