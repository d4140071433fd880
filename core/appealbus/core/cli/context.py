"""What every command works with: the configuration, the journal, and one way to fail."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import orjson
import structlog
import typer

from appealbus.core import process
from appealbus.core.cli.migrating import shown_on
from appealbus.core.cli.person import person
from appealbus.core.cli.terminal import Terminal
from appealbus.core.config.loading import Loaded, load
from appealbus.core.domain.event import by_person
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.escaping import escaped_json, one_line
from appealbus.core.host import Host
from appealbus.core.journal.checkpoint import Checkpoint
from appealbus.core.journal.errors import Superseded
from appealbus.core.journal.journal import Journal
from appealbus.core.journal.key import KeyFile
from appealbus.core.parts import load_plugins

T = TypeVar("T")

log = structlog.get_logger(__name__)
_UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""What typer raises of a command line that it cannot read; its own words for it are shown by `guarded`."""

EXIT_PROBLEMS = 1
"""The command worked and what it looked at is not in order."""
EXIT_CONFIG = 2
"""The configuration or the command line is wrong."""
EXIT_ABSENT = 3
"""There is no such appeal, version, field or quarantined message."""
EXIT_JOURNAL = 4
"""The journal, or the appeal in it, cannot be read or written now."""
EXIT_STUCK = process.EXIT_STUCK
"""A plugin held the process's event loop for too long, and others have its work."""
EXIT_SUPERSEDED = 6
"""A newer release migrates the journal, or has done so; to start again changes nothing."""
EXIT_STOPPED = 130
"""Stopped by Ctrl-C."""
_LAST_LOOK = 1.0
"""Seconds that the checkpoint may keep a command at its end; a database that is silent is not waited for."""


class Cli:
    """The state behind one invocation."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self.out = Terminal()
        self.err = Terminal(stderr=True)

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration: the named file, else `appealbus.toml` here, else the embedded defaults."""
        return load(self._config)

    @cached_property
    def host(self) -> Host:
        """The plugins."""
        return load_plugins(self.loaded)

    @asynccontextmanager
    async def journal(
        self, *, write: bool = False, restored: bool = False, anew: bool = False, ends_workers: bool = False
    ) -> AsyncIterator[Journal]:
        """Open the journal of the configuration.

        To write, it must be the one that its checkpoint knows, unless it is told to be `restored`. Where it has to be
        migrated, workers of earlier releases are ended by whoever `ends_workers`. `anew`: it gets another key.

        Raises:
            Behind: it is another one, or an older copy.

        """
        bus = self.loaded.settings.bus
        file = bus.checkpoint_file() if write and not restored else None
        checkpoint = None if file is None else Checkpoint(file)
        mark = None if checkpoint is None else checkpoint.read()
        journal = await Journal.open(
            bus.journal,
            bus.journal_password,
            key=KeyFile(bus.key_file(), anew=anew),
            number_prefix=bus.number_prefix,
            read_only=not write,
            tell=shown_on(self.err),
            ends_workers=ends_workers,
        )
        if write:
            journal.actor = by_person(person())
        try:
            if checkpoint is None:
                yield journal
                return
            standing = await journal.standing()
            checkpoint.compare(mark, standing)
            if mark is None and standing.beat:
                log.warning("checkpoint.missing")
            await _mark(journal, checkpoint)  # should we be killed, a copy from before is found out all the same
            try:
                yield journal
            finally:
                await _mark(journal, checkpoint)
        finally:
            await journal.close()

    def read(self, use: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened for reading alone."""
        return asyncio.run(self._over_journal(use, write=False))

    def change(self, use: Callable[[Journal], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened for writing."""
        return asyncio.run(self._over_journal(use, write=True))

    async def _over_journal(self, use: Callable[[Journal], Coroutine[Any, Any, T]], *, write: bool) -> T:
        async with self.journal(write=write) as journal:
            return await use(journal)

    def print_json(self, value: Any) -> None:
        """Write one JSON document, indented, to standard output."""
        self.write(escaped_json(orjson.dumps(value, option=orjson.OPT_INDENT_2)))

    def write(self, document: bytes) -> None:
        """Write a document for programs to standard output; it holds nothing any more that steers a terminal."""
        sys.stdout.buffer.write(document + b"\n")
        sys.stdout.buffer.flush()

    def fail(self, text: str, code: int) -> NoReturn:
        """Say what is wrong and end."""
        self.err.print(text, style="red")
        raise typer.Exit(code)


async def _mark(journal: Journal, checkpoint: Checkpoint) -> None:
    try:
        async with asyncio.timeout(_LAST_LOOK - journal.silent_for):
            checkpoint.write(await journal.look())
    except OSError as error:
        if not isinstance(error, TimeoutError):
            log.error("checkpoint.failed", error=type(error).__name__)
    except JournalError:
        pass  # whoever needs the journal says so
    finally:
        checkpoint.close()  # a bus that is about to run is the one to write it


def cli_of(context: typer.Context) -> Cli:
    """Return the state behind a command's context."""
    cli = context.find_root().obj
    if not isinstance(cli, Cli):
        raise TypeError("the command does not run under appealbus")
    return cli


def guarded(run: Callable[[], None]) -> None:
    """Run the program; turn the errors that a person can mend into a text and an exit code."""
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the life of the process
    try:
        if any(not argument.isprintable() and _undecodable(argument) for argument in sys.argv):
            raise ConfigError("an argument is not in the encoding of this terminal; set LANG to a UTF-8 locale")
        run()
        sys.stdout.flush()
    except _UsageProblem as error:
        _complain_of_usage(error)
    except ConfigError as error:
        _complain(str(error), EXIT_CONFIG)
    except Superseded as error:
        _complain(str(error), EXIT_SUPERSEDED)
    except JournalError as error:
        _complain(str(error), EXIT_JOURNAL)
    except KeyboardInterrupt:
        _complain("stopped", EXIT_STOPPED)
    except typer.Abort:
        _complain("nobody answered the question, and nothing is changed; `--yes` answers it", EXIT_STOPPED)
    except BrokenPipeError:
        # Whoever read has enough. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _complain(f"the output cannot be written: {error.strerror}", EXIT_PROBLEMS)


def _undecodable(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _complain_of_usage(error: Any) -> NoReturn:
    """Say what is wrong with the command line, which may name files of strangers."""
    text, within = error.format_message(), getattr(error, "ctx", None)
    if not text:  # the help has just been shown
        raise SystemExit(error.exit_code)
    with contextlib.suppress(OSError):
        if within is not None:
            told = Terminal(stderr=True)
            told.print(within.get_usage())
            told.print(f"Try '{within.command_path} --help' for help.")
    _complain(one_line(text), error.exit_code)


def _complain(text: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        Terminal(stderr=True).print(text, style="red", lines=True)
    # Not sys.exit: its way out flushes what cannot be written, and complains again.
    os._exit(code)
