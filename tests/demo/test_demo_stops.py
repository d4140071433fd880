"""`appealbus demo`, interrupted."""

import signal
from pathlib import Path

import pytest

from tests.system.program import Program


@pytest.mark.system
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_stops_the_demo(tmp_path: Path, times: int) -> None:
    """However often it is pressed, one word and exit code 130; nothing of what was going on is left or told."""
    with Program(tmp_path, "demo") as demo:
        demo.until(lambda: "Appeals in, dossiers out" in demo.out, "it has begun")
        for _ in range(times):
            demo.process.send_signal(signal.SIGINT)
        ended = demo.ended(30)
    assert (ended.err, ended.code) == ("stopped\n", 130)
