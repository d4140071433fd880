"""The real program as a process: started, watched, stopped and killed, with its own words shown when it fails."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.services import commands
from tests.services.commands import PROGRAM

PATIENCE = 90.0
"""Seconds that anything may take, generous for a machine that others use; whoever waits longer fails and shows why."""
_POLL = 0.1
_SPARED, _LONGEST = 3.0, 1.0
_SHOWN = 4000
_IDENTIFIER = re.compile(r"(?<!\d)\d{12}(?!\d)|\b\d\d[:-]\d{3}[:-]\d{3}[:-]\d{3,5}\b")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_FOREIGN_WORD = re.compile(r"[А-яЁёӘ-ӹ]{3,}")
_OUR_WORDS = {"ИИН", "БИН", "КАТО", "РКА", "ГБД", "ЕГКН", "ШЭП", "АППК"}
_LIMITED = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (n, -1)); " + (
    "os.execv(sys.argv[2], sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode()

    def json(self) -> Any:
        """Standard output as the JSON document that it must be."""
        return json.loads(self.raw)

    def results(self) -> list[dict[str, Any]]:
        """Standard output of `intake --json`: one document a line, a receipt or a reason."""
        return [json.loads(line) for line in self.raw.splitlines()]

    def counts(self) -> dict[str, int]:
        """How much an intake took, knew already and quarantined."""
        results = self.results()
        new, known = (sum(r.get("new") is which for r in results) for which in (True, False))
        return {"new": new, "known": known, "quarantined": len(results) - new - known}


def without_ids(text: str) -> str:
    """Take the ids of questions out: the last part of one in three hundred looks like an identifier."""
    return _UUID.sub("", text)


def insist_on_silence(log: str, who: str) -> None:
    """Fail where a log tells of a person."""
    if found := _IDENTIFIER.search(without_ids(log)):
        raise AssertionError(f"{who} an identifier: {found[0]}\n{log[-_SHOWN:]}")
    lines = (line for line in log.splitlines() if line.startswith('{"timestamp"'))
    names = {word for line in lines for word in _FOREIGN_WORD.findall(line)} - _OUR_WORDS
    if names:  # of people, streets and towns: nothing else is in Cyrillic
        raise AssertionError(f"{who} {names}\n{log[-_SHOWN:]}")


class Program:
    """A running `appealbus`. As a context it is killed at the end, whatever happened."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        largest_file: int | None = None,
        anew: bool = False,
    ) -> None:
        """Start it in the folder; output goes to files, so that it never waits for a reader.

        It is a copy of a process that has it imported, but for what only a new process can show.

        Args:
            folder: where it runs; it finds its `appealbus.toml` there.
            arguments: of the command line.
            env: beside the test's own environment.
            largest_file: bytes that a file may have, as on a disk that is full then.
            anew: start it by its name, so that its memory is its own.

        """
        self.arguments = arguments
        name = f"{time.monotonic_ns()}-{arguments[0]}"
        self._out, self._err = (folder / f"{name}.{end}" for end in ("out", "err"))
        environment = {**commands.own_environment(), "COLUMNS": "200", **(env or {})}
        command = [str(PROGRAM), *arguments]
        if largest_file is not None:
            command = [sys.executable, "-c", _LIMITED, str(largest_file), sys.executable, *command]
        self._anew = anew or largest_file is not None
        self.process: subprocess.Popen[bytes] | commands.Started
        with self._out.open("wb") as out, self._err.open("wb") as err:
            if self._anew:
                self.process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
                )
            else:
                self.process = commands.start(
                    folder, *arguments, environment=environment, out=out.fileno(), err=err.fileno()
                )

    @property
    def out(self) -> str:
        """What it has written to standard output so far."""
        return self._out.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        """What it has written to standard error so far."""
        return self._err.read_text("utf-8", "replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def until(self, true: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
        """Wait until something is true while the program runs; fail with its log where that takes too long.

        What takes long to find out is asked for less often: the processor is the program's.
        """
        end = time.monotonic() + timeout
        while True:
            asked = time.monotonic()
            if true():
                return
            if not self.running:
                raise AssertionError(f"{self._named} ended with {self.process.returncode} before {what}{self._said}")
            if time.monotonic() > end:
                raise AssertionError(f"{self._named}: not within {timeout:g} s: {what}{self._said}")
            time.sleep(min(max(_POLL, _SPARED * (time.monotonic() - asked)), _LONGEST))

    def ended(self, timeout: float = PATIENCE) -> Finished:
        """Wait for its end."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self._named} did not end within {timeout:g} s{self._said}") from None
        insist_on_silence(self.err, f"{self._named} told")
        return Finished(code, self._out.read_bytes(), self.err)

    def stop(self, timeout: float = PATIENCE) -> Finished:
        """Ask it to end, as systemd does, and wait for that."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended(timeout)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def rss(self) -> int:
        """Megabytes of memory at its highest so far."""
        assert self._anew, "a copy has the memory of what it is a copy of"
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024

    def memory(self) -> int:
        """Megabytes of memory now, with the processes that it has started; 0 once it has ended."""
        assert self._anew, "a copy has the memory of what it is a copy of"
        pids = [self.process.pid]
        for pid in pids:
            with suppress(OSError):
                pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return sum(map(_resident, pids)) // 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self.kill()

    @property
    def _named(self) -> str:
        return f"appealbus {' '.join(self.arguments)}"

    @property
    def _said(self) -> str:
        return f"\n--- stdout\n{self.out[-_SHOWN:]}\n--- stderr\n{self.err[-_SHOWN:]}"


def _resident(pid: int) -> int:
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    return 0


def appealbus(
    folder: Path,
    *arguments: str,
    expect: int = 0,
    env: Mapping[str, str] | None = None,
    largest_file: int | None = None,
    timeout: float = PATIENCE,
) -> Finished:
    """Run a command to its end, and insist on its exit code."""
    if env is None and largest_file is None:
        done = commands.run(folder, *arguments, timeout=timeout)
        finished = Finished(done.returncode, done.stdout.encode(), done.stderr)
        insist_on_silence(finished.err, f"appealbus {' '.join(arguments)} told")
    else:
        with Program(folder, *arguments, env=env, largest_file=largest_file) as program:
            finished = program.ended(timeout)
    if finished.code != expect:
        raise AssertionError(
            f"appealbus {' '.join(arguments)} ended with {finished.code}, not {expect}"
            f"\n--- stdout\n{finished.out[-_SHOWN:]}\n--- stderr\n{finished.err[-_SHOWN:]}"
        )
    return finished
