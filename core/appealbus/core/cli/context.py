"""The shared state of commands: the configuration, the journal, and error handling.

Plugins and the journal are imported on demand, for a quick start of commands without them.
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
    from appealbus.core.journal.journal import Journal
    from appealbus.core.loading.host import Host

T = TypeVar("T")

New: TypeAlias = Annotated[bool, typer.Option("--new", help=f"Make a journal here even without {DEFAULT_FILE}.")]
"""Option `--new` of the commands that start a bus; sets `Cli.new`."""

_NO_BUS = (
    "there is no {file} in {folder}, and no journal {journal}, so none is made: go where your {file} is, name it with "
    "--config, or write one; `run`, `intake` and `serve` make a journal without it by --new"
)
_UsageProblem: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of typer's errors about the command line; `guarded` replaces their texts."""


class Cli:
    def __init__(self, config: Path | None) -> None:
        self._config = config
        self.new = False
        """Whether to create a journal without any configuration."""
        self.out = Terminal()
        self.err = Terminal(stderr=True)

    @cached_property
    def loaded(self) -> Loaded:
        """The named file, else `appealbus.toml` in the working directory, else the embedded defaults."""
        return load(self._config)

    @cached_property
    def host(self) -> "Host":
        from appealbus.core.loading.parts import load_plugins

        return load_plugins(self.loaded)

    def journal(
        self,
        *,
        write: bool = False,
        keeps: bool = True,
        restored: bool = False,
        anew: bool = False,
        ends_workers: bool = False,
    ) -> AbstractAsyncContextManager["Journal"]:
        """Open the configured journal.

        Args:
            write: the checkpoint must match, except with `restored`.
            keeps: whether what is written may give appeals another form, of which plugins keep rows. Else they are
                loaded only for a migration.
            anew: the journal gets another key.
            ends_workers: end workers of earlier releases if a migration is needed.

        Raises:
            Behind: it is another journal, or an older copy.
            ConfigError: there is none to write to, and no file, `bus.journal` variable or `new` asks for one.
        """
        from appealbus.core.cli.opening import opened

        bus = self.loaded.settings.bus
        if write and not self.new and self.loaded.file is None and "journal" not in bus.model_fields_set:
            journal = Path(bus.journal.removeprefix("sqlite:///"))
            if not journal.exists():
                raise ConfigError(_NO_BUS.format(file=DEFAULT_FILE, folder=journal.parent, journal=journal.name))
        how = {"write": write, "keeps": keeps, "restored": restored, "anew": anew, "ends_workers": ends_workers}
        return opened(bus, self.err, lambda: self.host, **how)

    def read(self, use: Callable[["Journal"], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened read-only."""
        return asyncio.run(self._over_journal(use, write=False))

    def change(self, use: Callable[["Journal"], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine over the journal, opened to write anything but forms of appeals."""
        return asyncio.run(self._over_journal(use, write=True))

    async def _over_journal(self, use: Callable[["Journal"], Coroutine[Any, Any, T]], *, write: bool) -> T:
        async with self.journal(write=write, keeps=False) as journal:
            return await use(journal)

    def print_json(self, value: Any) -> None:
        self.write(escaped_json(orjson.dumps(value, option=orjson.OPT_INDENT_2)))

    def write(self, document: bytes) -> None:
        """Write a document for programs to standard output. The caller has removed terminal control characters."""
        self.write_bytes(document + b"\n")

    def write_bytes(self, raw: bytes) -> None:
        """Write raw bytes to standard output; refuse a terminal if they might control it."""
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()

    def fail(self, text: str, code: int) -> NoReturn:
        self.err.print(text, style="red")
        raise typer.Exit(code)

    def no_appeal(self, number: str) -> NoReturn:
        self.fail(f"There is no appeal {number}.", EXIT_ABSENT)


@contextlib.contextmanager
def started_again(cli: Cli) -> Iterator[None]:
    """Make a service manager restart the program if the journal is only temporarily unavailable."""
    try:
        yield
    except (Superseded, Behind):
        raise
    except JournalError as error:
        if not error.passes:
            raise
        cli.fail(str(error), EXIT_AWAY)


def cli_of(context: typer.Context) -> Cli:
    cli = context.find_root().obj
    if not isinstance(cli, Cli):
        raise TypeError("the command does not run under appealbus")
    return cli


def guarded(run: Callable[[], None]) -> None:
    """Run the program; turn errors that a person can fix into a text and an exit code."""
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
    """Report an invalid command line, which may contain file names from strangers."""
    text, within = error.format_message(), getattr(error, "ctx", None)
    if not text:  # the help has just been shown
        raise SystemExit(error.exit_code)
    with contextlib.suppress(OSError):
        if within is not None:
            terminal = Terminal(stderr=True)
            terminal.print(within.get_usage())
            terminal.print(f"Try '{within.command_path} --help' for help.")
    _complain(one_line(text), error.exit_code)


def _complain(text: str, code: int) -> NoReturn:
    with contextlib.suppress(OSError):
        Terminal(stderr=True).print(text, style="red", lines=True)
    # Not sys.exit: its way out flushes what cannot be written, and complains again.
    os._exit(code)
