"""How far a migration is, at a terminal."""

from io import StringIO

from appealbus.core.cli.opening import shown_on
from appealbus.core.cli.terminal import Terminal
from appealbus.core.journal.schema import Progress


def test_one_line_changes() -> None:
    """Each time the line is written anew in its place, and ends when all is done; who reads a pipe has the log."""
    out = StringIO()
    show = shown_on(Terminal(file=out, force_terminal=True, width=80, _environ={"TERM": "xterm"}))
    assert show is not None
    show(Progress(1000, 2000, 1.0))
    show(Progress(2000, 2000, 2.0))
    first, second = (f"\rmigrating the journal: {part} of 2,000 appeals" for part in ("1,000", "2,000"))
    assert out.getvalue() == f"{first}, 1 s{second}, 2 s\n"
    assert shown_on(Terminal(file=StringIO())) is None
