"""`appealbus key renew`, and what refuses to go on without the key."""

import pytest
from sqlalchemy import create_engine, text

from appealbus.core.journal.journal import Journal

FILE = "appealbus.db.key"


@pytest.fixture
async def lost(program, journal, accepted, tmp_path):
    """A journal with an appeal in it, whose key is gone."""
    await journal.close()
    (tmp_path / FILE).unlink()


@pytest.mark.proof
def test_without_its_key_nothing_is_written_until_it_has_another(program, lost, tmp_path):
    """Each command says what happened and what to do; what reads goes on. Then all is as before."""
    for command in (["run", "--until-idle"], ["prune"]):
        refused = program(*command)
        assert refused.returncode == 2
        assert f"{tmp_path / FILE}" in refused.stderr.replace("\n", "")
        assert "appealbus key renew" in refused.stderr
    assert "the journal's key is not at" in program("check").stderr
    assert program("status").returncode == 0
    assert program("key", "renew").returncode == 130  # nobody confirms
    assert not (tmp_path / FILE).exists()
    done = program("key", "renew", "--yes")
    assert done.returncode == 0, done.stderr
    assert "1 appeals are marked anew" in done.stdout
    assert program("prune").returncode == 0


@pytest.mark.proof
async def test_a_renewal_that_was_stopped_goes_on(program, lost, tmp_path):
    """Until it has ended no bus starts; it goes on with the key that it has made."""
    assert program("key", "renew", "--yes").returncode == 0
    key = (tmp_path / FILE).read_text()
    engine = create_engine(f"sqlite:///{tmp_path}/appealbus.db")
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO counter VALUES ('renewed', 0)"))
    engine.dispose()
    refused = program("run", "--until-idle")
    assert refused.returncode == 8
    assert "not all is marked anew; `appealbus key renew` goes on" in refused.stderr.replace("\n", " ")
    assert program("key", "renew", "--yes").returncode == 0
    assert (tmp_path / FILE).read_text() == key
    assert program("prune").returncode == 0


async def test_a_key_that_became_known_is_put_aside(program, journal, accepted, tmp_path):
    """It is kept for journals of before, under another name."""
    await journal.close()
    key = (tmp_path / FILE).read_text()
    assert program("key", "renew", "--yes").returncode == 0
    (aside,) = tmp_path.glob(f"{FILE}.until-*")
    assert aside.read_text() == key != (tmp_path / FILE).read_text()


async def test_a_key_that_somebody_has_laid_there_counts(program, lost, tmp_path):
    """Such as one of a keeper of secrets, in whose folder nothing can be made."""
    (tmp_path / FILE).write_text("ab" * 32 + "\n")
    (tmp_path / FILE).chmod(0o600)
    assert program("prune").returncode == 2
    assert program("key", "renew", "--yes").returncode == 0
    assert (tmp_path / FILE).read_text() == "ab" * 32 + "\n"


async def test_not_while_a_bus_runs(program, journal, accepted, tmp_path):
    """It would go on with the old key."""
    await journal.hold_run_lock()
    refused = program("key", "renew", "--yes")
    assert refused.returncode == 4
    assert "stop it first" in refused.stderr
    assert isinstance(journal, Journal)
