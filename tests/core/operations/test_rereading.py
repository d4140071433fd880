"""The process that reads replies again may die, hang, or talk nonsense: that costs the appeal that it had."""

import pytest

from appealbus.core.errors import JournalError
from appealbus.core.operations import rereading
from appealbus.core.operations.rereading import RereadProcess


@pytest.fixture(autouse=True)
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a stub, which needs to import nothing."""
    monkeypatch.setattr(rereading, "_HELPER", "tests.core.operations.rereading_stub")
    monkeypatch.setattr(rereading, "_FLAGS", ())
    monkeypatch.setattr(rereading, "_START", 0.3)
    monkeypatch.setattr(rereading, "_DEATHS", 2)


async def test_it_goes_on_behind_an_appeal_that_ends_the_process() -> None:
    """The next appeal has a process of its own; one that answers stays for the next."""
    process = RereadProcess(None, "dies of two")
    try:
        reads = [await process.read(number) for number in (1, 2, 3)]
    finally:
        await process.end()
    assert [(read.number, read.died) for read in reads] == [("N-1", False), (None, True), ("N-3", False)]


@pytest.mark.parametrize("how", ["dies", "hangs", "nonsense"])
async def test_a_process_that_never_answers_is_given_up(how: str) -> None:
    """After some appeals in a row it is not the replies any more."""
    process = RereadProcess(None, how)
    assert (await process.read(1)).died
    with pytest.raises(JournalError, match="ends each time"):
        await process.read(2)
    assert process._process is None
