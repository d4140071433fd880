"""What every command works with: the configuration, the journal, and one way to fail.

The plugins and the journal are imported when they are asked for: a command that needs neither starts without.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeAlias, TypeVar

import orjson
import typer

from appealbus.core.cli.exits import (
    EXIT_ABSENT,
    EXIT_AWAY,
    EXIT_CONFIG,
    EXIT_JOURNAL,
    EXIT_OUTLIVED,
    EXIT_PROBLEMS,
    EXIT_STOPPED,
    EXIT_SUPERSEDED,
)
from appealbus.core.cli.terminal import Terminal
from appealbus.core.config.loading import DEFAULT_FILE, Loaded, load
from appealbus.core.errors import ConfigError, JournalError
from appealbus.core.escaping import escaped_json, one_line
from appealbus.core.journal.errors import Behind, Outlived, Superseded

if TYPE_CHECKING:
    from appealbus.core.host import Host
    from appealbus.core.journal.journal import Journal

T = TypeVar("T")

New: TypeAlias = Annotated[bool, typer.Option("--new", help=f"Make a journal here even without {DEFAULT_FILE}.")]
"""The option of the commands that a bus begins with; `Cli.new` is told of it."""

_NO_BUS = (
    "there is no {file} in {folder}, and no journal {journal}, so none is made: go where your {file} is, name it with "
    "--config, or write one; `run`, `intake` and `serve` make a journal without it by --new"
)
_UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""What typer raises of a command line that it cannot read; its own words for it are shown by `guarded`."""


class Cli:
    """The state behind one invocation."""

    def __init__(self, config: Path | None) -> None:
        self._config = config
        self.new = False
        """Whether a journal is made though nobody has configured one."""
        self.out = Terminal()
        self.err = Terminal(stderr=True)

    @cached_property
    def loaded(self) -> Loaded:
        """The configuration: the named file, else `appealbus.toml` here, else the embedded defaults."""
        return load(self._config)

    @cached_property
    def host(self) -> "Host":
        """The plugins."""
        from appealbus.core.parts import load_plugins

        return load_plugins(self.loaded)

    def journal(
        self, *, write: bool = False, restored: bool = False, anew: bool = False, ends_workers: bool = False
    ) -> AbstractAsyncContextManager["Journal"]:
        """Open the journal of the configuration.

        To write, it must be the one that its checkpoint knows, unless it is told to be `restored`. Where it has to be
        migrated, workers of earlier releases are ended by whoever `ends_workers`. `anew`: it gets another key.

        Raises:
            Behind: it is another one, or an older copy.
            ConfigError: there is none to write to, and nobody has said that one is meant: by a file, by `bus.journal`
                in the environment, by `new`.

        """
        from appealbus.core.cli.opening import opened

        bus = self.loaded.settings.bus
        if write and not self.new and self.loaded.file is None and "journal" not in bus.model_fields_set:
            journal = Path(bus.journal.removeprefix("sqlite:///"))
            if not journal.exists():
                raise ConfigError(_NO_BUS.format(file=DEFAULT_FILE, folder=journal.parent, journal=journal.name))
        return opened(bus, self.err, write=write, restored=restored, anew=anew, ends_workers=ends_workers)

    def read(self, use: Callable[["Journal"], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened for reading alone."""
        return asyncio.run(self._over_journal(use, write=False))

    def change(self, use: Callable[["Journal"], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened for writing."""
        return asyncio.run(self._over_journal(use, write=True))

    async def _over_journal(self, use: Callable[["Journal"], Coroutine[Any, Any, T]], *, write: bool) -> T:
        async with self.journal(write=write) as journal:
            return await use(journal)

    def print_json(self, value: Any) -> None:
        """Write one JSON document, indented, to standard output."""
        self.write(escaped_json(orjson.dumps(value, option=orjson.OPT_INDENT_2)))

    def write(self, document: bytes) -> None:
        """Write a document for programs to standard output; it holds nothing any more that steers a terminal."""
        self.write_bytes(document + b"\n")

    def write_bytes(self, raw: bytes) -> None:
        """Write bytes as they are to standard output, which must be no terminal where they may steer one."""
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()

    def fail(self, text: str, code: int) -> NoReturn:
        """Say what is wrong and end."""
        self.err.print(text, style="red")
        raise typer.Exit(code)

    def no_appeal(self, number: str) -> NoReturn:
        """Say that there is no appeal of this number and end."""
        self.fail(f"There is no appeal {number}.", EXIT_ABSENT)


@contextlib.contextmanager
def started_again(cli: Cli) -> Iterator[None]:
    """Have whoever runs a program start it again where what keeps it from the journal passes."""
    try:
        yield
    except (Superseded, Behind):
        raise
    except JournalError as error:
        if not error.passes:
            raise
        cli.fail(str(error), EXIT_AWAY)


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
    except Outlived as error:
        _complain(str(error), EXIT_OUTLIVED)
    except Superseded as error:
        _complain(str(error), EXIT_SUPERSEDED)
    except JournalError as error:
        _complain(str(error), EXIT_JOURNAL)
    except KeyboardInterrupt:
        _complain("stopped", EXIT_STOPPED)
    except typer.Abort:
        hint = "an option answers it: `--yes`, or `--purpose` where it asks what for"
        _complain(f"nobody answered the question, and nothing is done; {hint}", EXIT_STOPPED)
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
