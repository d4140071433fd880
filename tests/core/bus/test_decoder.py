"""No message holds up its neighbours: large ones are read elsewhere, and what cannot be read cheaply is refused."""

import asyncio
import gc
import json
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from appealbus.core.bus.intake.decoding import MAX_BYTES, Decoder, Unacceptable, decode
from appealbus.core.bus.intake.reception import Reception
from appealbus.core.config.models import BusSettings
from appealbus.core.interfaces.intake import Inbound, Quarantined
from appealbus.core.journal.journal import Journal
from appealbus.schemas.reading import SMALL
from tests.core.hostile import BODIES
from tests.services.forms import form

CODES = {"xml.too_many", "message.too_complex", "json.malformed", "xml.malformed", "message_id.invalid"}
LETTER = b'{"message_id": "m", "kind": "complaint", "text": "' + b"a" * (2 * SMALL) + b'"}'


@pytest.fixture
async def decoder() -> AsyncIterator[Decoder]:
    made = Decoder()
    yield made
    await made.aclose()


def process_of(decoder: Decoder) -> Process:
    """Return the helper that has read the last message."""
    process = decoder._helpers._idle[-1]._process
    assert process is not None
    return process


async def decoded(decoder: Decoder, raw: bytes, media_type: str = "application/json") -> str:
    """Have a message decoded; return the code of its refusal, or nothing."""
    try:
        await decoder.decode(Inbound("post", "", raw, media_type))
    except Unacceptable as error:
        return error.code
    return ""


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Let nobody collect garbage: what all other tests have left behind is no cost of a message."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.proof
@pytest.mark.usefixtures("no_collection")
async def test_the_worst_messages_are_cheap(decoder: Decoder) -> None:
    """The largest messages cost a second, a hundred megabytes, and the event loop a tenth of a second at most."""
    assert await decoded(decoder, LETTER) == ""
    size = form(MAX_BYTES // 4, MAX_BYTES)
    helper = process_of(decoder).pid
    start = _peak(helper)
    for name, (media_type, body) in BODIES.items():
        raw = body(size)
        assert size // 4 < len(raw) <= size, name
        _forget_peak(helper)
        cost, busy = _seconds(helper), time.thread_time()
        code = await decoded(decoder, raw, media_type)
        # Time on a processor: another's work on this machine does not count.
        assert time.thread_time() - busy < 0.1, name
        assert _seconds(helper) - cost < 1.0, name  # a slow machine takes two thirds of it for the short form
        assert _peak(helper) - start < 100, name
        assert code in CODES | {""}, name
        assert process_of(decoder).pid == helper, name


@pytest.mark.usefixtures("no_collection")
async def test_small_messages_are_cheap_too(decoder: Decoder) -> None:
    """What the event loop does itself takes a few milliseconds, whatever the message is and however it is written."""
    assert await decoded(decoder, LETTER) == ""
    digits = b'{"message_id": "m", "text": "%b"}'
    bodies = {name: (media_type, body(SMALL)) for name, (media_type, body) in BODIES.items()}
    bodies["codes of digits"] = "application/json", digits % (b"\\u0031 " * (SMALL // 8))
    bodies["as many digits as are read at once"] = (
        "application/json",
        digits % (b"08-118-005-1234 " * 41 + b"a" * 15_000),
    )
    for name, (media_type, raw) in bodies.items():
        assert len(raw) <= SMALL, name
        busy = time.thread_time()
        await decoded(decoder, raw, media_type)
        assert time.thread_time() - busy < 0.025, name


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_usual_letters_need_no_helper(decoder: Decoder, ascii_only: bool) -> None:
    """Some numbers make no letter large, nor do letters that are written by their codes."""
    text = "Прошу ответить на заявление от 12.05.2026, ИИН 750301100019. " + "Фонари не горят. " * 120
    raw = json.dumps({"message_id": "m", "text": text}, ensure_ascii=ascii_only).encode()
    assert await decoded(decoder, raw) == ""
    assert not decoder._helpers._idle


async def test_a_large_message_is_read_as_a_small_one_would_be(decoder: Decoder) -> None:
    """The helper process gives back the very appeal."""
    message = Inbound("post", "", LETTER)
    assert await decoder.decode(message) == decode(message)


@pytest.mark.proof
async def test_a_dead_helper_costs_nobody_anything(decoder: Decoder) -> None:
    """Killed between two messages or in the middle of one, it is started again, and the message is read."""
    assert await decoded(decoder, LETTER) == ""
    os.kill(process_of(decoder).pid, signal.SIGKILL)
    assert await decoded(decoder, LETTER) == ""
    helper = process_of(decoder).pid
    os.kill(helper, signal.SIGSTOP)
    reading = asyncio.create_task(decoded(decoder, LETTER))
    await asyncio.sleep(0.05)
    os.kill(helper, signal.SIGKILL)
    assert await reading == ""


async def test_a_message_that_kills_its_helper_dies_alone(
    decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes into quarantine with its reason; those beside it are taken."""
    monkeypatch.setattr("appealbus.core.bus.intake.decoding._HELPER", "tests.core.killed_helper")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    async with await Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        reception = Reception(journal, BusSettings(accepted_by="bus"))
        small = b'{"message_id": "%d", "text": "x"}'
        sent = [LETTER, *(small % at for at in range(3))]
        killed, *others = await asyncio.gather(*(reception.accept(Inbound("post", "", raw)) for raw in sent))
        await reception.aclose()
    assert isinstance(killed, Quarantined)
    assert killed.code == "message.too_complex"
    assert not any(isinstance(other, Quarantined) for other in others)


@pytest.mark.proof
async def test_a_helper_that_takes_too_long_is_ended(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is refused as too complex, and the next one has a helper of its own."""
    assert await decoded(decoder, LETTER) == ""
    monkeypatch.setattr("appealbus.core.bus.intake.decoding._WITHIN", 0.2)
    os.kill(process_of(decoder).pid, signal.SIGSTOP)
    assert await decoded(decoder, LETTER) == "message.too_complex"
    monkeypatch.undo()
    assert await decoded(decoder, LETTER) == ""


@pytest.mark.proof
async def test_the_start_of_a_helper_is_not_the_message_s_time(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine on which a process takes long to start reads what any other reads."""
    monkeypatch.setattr("appealbus.core.bus.intake.decoding._WITHIN", 0.0)
    assert await decoded(decoder, LETTER) == ""
    assert await decoded(decoder, LETTER) == "message.too_complex"
    assert await decoded(decoder, LETTER) == ""


@pytest.mark.proof
async def test_the_helper_ends_with_the_bus(decoder: Decoder) -> None:
    """It stays through signals that mean the bus, which still drains, and ends when the bus closes its input."""
    assert await decoded(decoder, LETTER) == ""
    process = process_of(decoder)
    for ending in (signal.SIGTERM, signal.SIGINT):
        os.kill(process.pid, ending)
    assert await decoded(decoder, LETTER) == ""
    assert process_of(decoder) is process
    await decoder.aclose()
    assert process.returncode == 0


def _seconds(pid: int) -> float:
    """Return how long a process has been on a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> float:
    """Return the most memory that a process has had, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
