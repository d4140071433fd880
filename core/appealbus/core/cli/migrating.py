"""Progress of a migration at the terminal."""

from rich.control import Control
from rich.segment import ControlType

from appealbus.core.cli.terminal import Terminal
from appealbus.core.journal.schema import Progress, Tell


def shown_on(terminal: Terminal) -> Tell | None:
    """Return a function that updates one line; None without a terminal, since the log reports progress then."""
    if not terminal.is_terminal:
        return None

    def show(progress: Progress) -> None:
        part = f"{progress.done:,} of {progress.total:,} appeals"
        terminal.control(Control(ControlType.CARRIAGE_RETURN))  # as text it would be escaped
        terminal.print(f"migrating the journal: {part}, {progress.seconds:.0f} s", end="")
        if progress.done >= progress.total:
            terminal.print()

    return show
