"""The driver's connection to PostgreSQL: what goes together, when errors come, and what they say of a commit."""

import psycopg
import pytest

from appealbus.core.journal.drivers.encoding import command, one
from appealbus.core.journal.drivers.pipeline import PipelinedConnection
from tests.services.postgres import Postgres

COUNT = command(b"SELECT count(*) FROM line", [])


def line(number: int, text: str = "x"):
    return command(b"INSERT INTO line VALUES ($1::integer, $2::text)", [one(number), one(text)])


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with each wait for the database."""
    waited: list[int] = []
    wait = PipelinedConnection.wait

    def counting(self, *given, **more):
        waited.append(1)
        return wait(self, *given, **more)

    monkeypatch.setattr(PipelinedConnection, "wait", counting)
    return waited


def test_what_is_queued_goes_with_the_next_question(driver: PipelinedConnection, waits: list[int]) -> None:
    """All of it, and BEGIN, with one wait; and one for the commit with what was queued before it."""
    driver.queue(line(1))
    driver.queue(line(2))
    assert waits == []
    assert driver.ask(COUNT, command(b"SELECT text FROM line", [])) == [[(2,)], [("x",), ("x",)]]
    assert len(waits) == 1
    driver.queue(line(3))
    driver.commit()
    assert len(waits) == 2
    assert driver.ask(COUNT) == [[(3,)]]


@pytest.mark.parametrize("size", [10, 5_000, 7_000, 100_000])
def test_any_size_goes_out(driver: PipelinedConnection, size: int) -> None:
    """What the library would send by itself goes out with a Sync, too; a transaction stays one."""
    for number in range(4):
        driver.queue(line(number, "x" * size))
    assert driver.ask(command(b"SELECT sum(length(text)) FROM line", [])) == [[(4 * size,)]]
    driver.rollback()
    assert driver.ask(COUNT) == [[(0,)]]


def test_an_error_of_what_is_queued_comes_at_the_next_wait(driver: PipelinedConnection) -> None:
    """Of a question or of the commit; it says that nothing was committed, and the next transaction is done."""
    for end in (driver.commit, lambda: driver.ask(COUNT)):
        driver.queue(line(1))
        driver.queue(line(1))
        with pytest.raises(psycopg.errors.UniqueViolation) as caught:
            end()
        assert caught.value.undone
        driver.rollback()
        assert driver.ask(COUNT) == [[(0,)]]
        driver.rollback()
    driver.queue(line(1))
    driver.commit()
    assert driver.ask(COUNT) == [[(1,)]]


def test_a_commit_that_fails_by_itself_is_not_undone_for_sure(driver: PipelinedConnection) -> None:
    """The error is of COMMIT, which was reached."""
    driver.execute("CREATE TEMPORARY TABLE late (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    driver.commit()
    for _ in range(2):
        driver.queue(command(b"INSERT INTO late VALUES (1)", []))
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        driver.commit()
    assert not hasattr(caught.value, "undone")
    assert driver.ask(command(b"SELECT count(*) FROM late", [])) == [[(0,)]]


def test_statements_are_prepared_anew_where_a_table_has_changed(driver: PipelinedConnection) -> None:
    """The driver has the database forget all that is prepared then, and so do we."""
    for _ in range(7):
        driver.execute("SELECT 1 FROM line")
    assert driver.ask(COUNT) == [[(0,)]]
    driver.execute("CREATE TEMPORARY TABLE gone (id integer)")
    driver.execute("DROP TABLE gone")
    assert driver.ask(COUNT) == [[(0,)]]
    driver.rollback()
    assert driver.ask(COUNT) == [[(0,)]]


def test_cursors_come_after_what_is_queued(driver: PipelinedConnection) -> None:
    """Whoever uses the driver as everybody does sees what was queued before."""
    driver.queue(line(1))
    assert driver.execute("SELECT count(*) FROM line").fetchone() == (1,)
    driver.queue(line(2))
    driver.cursor().executemany("DELETE FROM line WHERE id = %s", [(1,), (2,)])
    assert driver.execute("SELECT count(*) FROM line").fetchone() == (0,)


def test_a_line_that_was_lost_before_has_committed_nothing(driver: PipelinedConnection, postgres: Postgres) -> None:
    """It says so before anything is sent."""
    driver.ask(COUNT)
    driver.commit()
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    driver.queue(line(1))
    with pytest.raises(psycopg.Error) as caught:
        driver.commit()
    assert caught.value.undone
