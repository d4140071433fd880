"""One worker of the program, which is started again each time that it has died, as systemd does."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from tests.services.forms import LONG
from tests.system.production import UP, Production, Workers
from tests.system.program import PATIENCE, Finished, Program, insist_on_silence

_PAUSE = 0.5
"""Seconds until it is started again: as a supervisor's first pause."""
_LOOK = 0.05
_FOR_GOOD = {2, 6}
"""With these nobody starts it again: `RestartPreventExitStatus` of deploy/systemd/appealbus.service."""


class KeptAlive(Program):
    """A program that has several lives. Its output is that of all of them, one after the other."""

    def __init__(self, start: Callable[[], Program]) -> None:
        """Start it for the first time."""
        self._lives = [start()]
        self.arguments = self._lives[0].arguments
        self._start = start
        self._halt, self._over = threading.Event(), False
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    @property
    def out(self) -> str:
        """What it has written to standard output in all its lives."""
        return "\n".join(life.out for life in tuple(self._lives))

    @property
    def err(self) -> str:
        """What it has written to standard error in all its lives."""
        return "\n".join(life.err for life in tuple(self._lives))

    @property
    def latest(self) -> str:
        """What it has written to standard error in its last life so far."""
        return self._lives[-1].err

    @property
    def running(self) -> bool:
        """Whether it lives, or will soon live again."""
        return not self._over

    @property
    def pid(self) -> int:
        """The process of its last life so far."""
        return self._lives[-1].process.pid

    @property
    def ends(self) -> list[int]:
        """How each life has ended, in order."""
        codes = [life.process.returncode for life in tuple(self._lives)]
        return [code for code in codes if code is not None]

    def ended(self, timeout: float = PATIENCE) -> Finished:
        """Wait for the end of this life, which is the last one."""
        self._halt.set()
        self._keeper.join(PATIENCE)
        for life in self._lives[:-1]:
            insist_on_silence(life.err, f"{self._named} told")
        return self._lives[-1].ended(timeout)

    def stop(self, timeout: float = PATIENCE) -> Finished:
        """Ask it to end, as systemd does, and start it no more."""
        self._halt.set()
        self._keeper.join(PATIENCE)
        self._lives[-1].process.send_signal(signal.SIGTERM)
        return self.ended(timeout)

    def restart(self) -> int:
        """Ask it to end; return its code once it has ended. It is started again."""
        life = self._lives[-1]
        with suppress(ProcessLookupError):
            os.kill(life.process.pid, signal.SIGTERM)  # only the keeper asks whether it has ended
        end = time.monotonic() + PATIENCE
        while life in self._lives[-1:] and not self._halt.wait(_LOOK):
            assert time.monotonic() < end, f"{self._named} did not end within {PATIENCE:g} s{self._said}"
        assert life.process.returncode is not None
        return life.process.returncode

    def kill(self) -> None:
        """End it as a power cut does, and start it no more."""
        self._halt.set()
        self._keeper.join(PATIENCE)
        self._lives[-1].kill()

    def _keep(self) -> None:
        while not self._halt.wait(_LOOK):
            if self._lives[-1].running:
                continue
            if self._lives[-1].process.returncode in _FOR_GOOD:
                self._over = True
                return
            if not self._halt.wait(_PAUSE):
                self._lives.append(self._start())


class LoneWorker(Workers):
    """The program with one worker, which nobody of its own supervises."""

    def __init__(self, here: Production, *, env: Mapping[str, str] | None = None, anew: bool = LONG) -> None:
        """Start it and wait until it is up."""
        self.count = 1
        self.program: KeptAlive = KeptAlive(partial(here.start, "run", env=env, anew=anew))
        self._wait()

    def up(self) -> None:
        """Wait until it works."""
        self.program.until(lambda: '"bus.started"' in self.program.latest, "it works again", UP)

    def pids(self) -> dict[int, int]:
        """Return its process, as last started."""
        return {0: self.program.pid}
