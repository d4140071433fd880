"""`appealbus demo`, interrupted."""

import signal
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-c", "from appealbus.core.cli.main import main; main()"]


@pytest.mark.system
@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_stops_the_demo(times: int) -> None:
    """However often it is pressed, one word and exit code 130; nothing of what was going on is left or told."""
    with subprocess.Popen([*PROGRAM, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            assert "Appeals in, dossiers out" in demo.stdout.readline()
            for _ in range(times):
                demo.send_signal(signal.SIGINT)
            _, told = demo.communicate(timeout=30)
        finally:
            demo.kill()
    assert (told, demo.returncode) == ("stopped\n", 130)
