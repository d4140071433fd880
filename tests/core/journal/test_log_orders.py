"""Any order of commits, rollbacks and deaths, of writers, sequencers and readers: positions stay gap-free."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appealbus.core.domain.event import Event, EventType
from appealbus.core.journal import events, log, store
from tests.services.forms import form
from tests.services.journals import engine_of

WRITERS = st.integers(0, 7)
STEPS = st.one_of(
    st.tuples(st.just("note"), WRITERS, st.integers(1, 4)),
    st.tuples(st.sampled_from(["commit", "commit", "rollback", "die"]), WRITERS, st.just(0)),
    st.tuples(st.sampled_from(["place", "die_placing", "die_moving"]), st.just(0), st.integers(1, 6)),
    st.tuples(st.sampled_from(["read", "die_reading"]), st.just(0), st.integers(1, 6)),
)


class Died(Exception):
    pass


class World:
    """A journal's log under writers that overlap, and a reader that keeps its cursor."""

    def __init__(self, url, monkeypatch):
        self.monkeypatch = monkeypatch
        self.opened = store.open_store(url, read_only=False)
        self.shared = url.startswith("postgresql")
        # On SQLite the one connection that writes; else one for each.
        self.engine = self.opened.writing
        if self.shared:
            self.engine = engine_of(url)
        self.open = {}
        self.marks = iter(range(10**9))
        self.committed = set()
        self.cursor = self.page(None, 1).next
        self.seen = []

    def page(self, after, limit):
        with self.opened.reading.connect() as connection:
            return log.page(connection, after, limit)

    def do(self, what, writer, number):
        getattr(self, what)(*((writer,) if what in ("commit", "rollback", "die") else (writer, number)))

    def note(self, writer, number):
        if writer not in self.open:
            if self.open and not self.shared:
                return  # one transaction writes at a time
            connection = self.engine.connect()
            self.open[writer] = connection, connection.begin(), []
        connection, _, noted = self.open[writer]
        new = [(writer, next(self.marks)) for _ in range(number)]
        events.note(connection, [Event(EventType.REPEATED, None, f"w{w}", str(mark)) for w, mark in new])
        connection.exec_driver_sql("SELECT 1")  # till then it is not in the database
        noted += new

    def commit(self, writer):
        if writer in self.open:
            connection, transaction, noted = self.open.pop(writer)
            transaction.commit()
            connection.close()
            self.committed.update(noted)

    def rollback(self, writer):
        if writer in self.open:
            connection, transaction, _ = self.open.pop(writer)
            transaction.rollback()
            connection.close()

    def die(self, writer):
        if writer in self.open:
            connection, _, _ = self.open.pop(writer)
            connection.invalidate()
            connection.close()

    def place(self, _, most, failpoint=lambda name: None, end=lambda connection: connection.commit()):
        if not self.shared:
            return 0
        self.monkeypatch.setattr(events, "failpoint", failpoint)
        with self.engine.connect() as connection:
            try:
                (count,) = events.place(connection, [events.Placing(most)])
            except Died:
                connection.invalidate()
                return 0
            end(connection)
            return count

    def die_placing(self, _, most):
        self.place(0, most, end=lambda connection: connection.invalidate())

    def die_moving(self, _, most):
        def failpoint(name):
            raise Died(name)

        self.place(0, most, failpoint)

    def read(self, _, limit):
        page = self.page(self.cursor, limit)
        assert [entry.position for entry in page.entries] == [
            self.cursor.position + 1 + index for index in range(len(page.entries))
        ]
        self.seen += [(int(entry.actor[1:]), int(entry.about)) for entry in page.entries]
        self.cursor = page.next
        return page.lag

    def die_reading(self, _, limit):
        self.page(self.cursor, limit)

    def end(self):
        """Let all that is open go, and compare what was read with what was committed."""
        for writer in list(self.open):
            self.rollback(writer)
        while self.place(0, 1000):
            pass
        while self.read(0, 50):
            pass
        assert sorted(self.seen) == sorted(self.committed)
        for writer in range(8):
            mine = [mark for who, mark in self.seen if who == writer]
            assert mine == sorted(mine)
        self.committed.clear()
        self.seen.clear()

    def close(self):
        for writer in list(self.open):
            self.die(writer)
        self.engine.dispose()
        self.opened.close()


@pytest.fixture
def world(url, monkeypatch):
    made = World(url, monkeypatch)
    yield made
    made.close()


@pytest.mark.proof
@given(steps=st.lists(STEPS, max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=form(15, 800))
def test_positions_are_gap_free_in_any_order_of_crashes(world, steps):
    """Each committed event has one position, those of a writer in its order, and a reader gets each once."""
    for step in steps:
        world.do(*step)
    world.end()
