"""What a stranger wrote must not steer the terminal that shows it."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from appealbus.core.cli.render import dossier_view
from appealbus.core.cli.terminal import Terminal
from appealbus.core.enrichment.fields import explain_field
from appealbus.core.escaping import escaped
from appealbus.core.journal.quarantine import NewQuarantine
from appealbus.schemas.appeal import Appeal, AppealKind, PersonApplicant, Receipt
from appealbus.schemas.dossier import Completeness, Dossier, Gap
from appealbus.schemas.outcome import OutcomeKind

HOSTILE = "a\x1b]0;owned\x07\x9b2J\u202eb\ttab\nline"


def shown(renderable: object) -> str:
    out = io.StringIO()
    Terminal(file=out, width=200, force_terminal=True, color_system=None, highlight=False).print(renderable)
    return out.getvalue()


def test_control_characters_are_written_out():
    """Newlines, tabs and letters of every language stay as they are."""
    assert escaped(HOSTILE) == "a\\x1b]0;owned\\x07\\x9b2J\\u202eb\ttab\nline"
    assert escaped("Әлімжанов Ёлкин\u00a0№ 5 — \U0001f642") == "Әлімжанов Ёлкин\u00a0№ 5 — \U0001f642"
    assert escaped("\ud800\r") == "\\ud800\\r"


@pytest.mark.parametrize("put", [str, Text, lambda text: Group(Text.assemble((text, "bold"))), lambda text: cell(text)])
def test_a_terminal_lets_none_through(put):
    """Wherever the text stands: printed, styled, grouped, in a cell."""
    out = shown(put(HOSTILE))
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(out)
    assert "a\\x1b]0;owned" in out


def test_styles_still_work():
    """What the program itself tells the terminal passes."""
    out = io.StringIO()
    Terminal(file=out, force_terminal=True, color_system="standard").print("x", style="red")
    assert out.getvalue() == "\x1b[31mx\x1b[0m\n"


def test_a_dossier_shows_text_as_it_is():
    """Neither control codes nor what looks like markup does anything, in values and in names."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    content = Appeal(
        message_id="m",
        channel="files",
        number="N-1",
        kind=AppealKind.COMPLAINT,
        applicant=PersonApplicant(surname="[red]С\x85"),
        text=HOSTILE + "[/nothing]",
    )
    dossier = Dossier(
        number="N-1",
        version=1,
        completeness=Completeness.PARTIAL,
        created_at=now,
        receipt=Receipt(number="N-1", accepted_at=now, accepted_by="[x]", message_id="m", channel="files"),
        appeal=content,
        gaps=[Gap(lookup="a[/b]", key="k", outcome=OutcomeKind.INVALID, reason="[/c]", required=True)],
    )
    out = shown(dossier_view(dossier))
    for part in ("[red]С\\x85", "[/nothing]", "a[/b]", "[/c]", "by [x]"):
        assert part in out
    assert "\x1b" not in out


async def test_a_message_in_quarantine_is_shown_with_its_control_characters_written_out(program, journal):
    """For people; a program gets it as it came."""
    raw = b"{\x1b[2J\r\n}"
    await journal.do(NewQuarantine(datetime.now(UTC), "files", "a\x9b.csv:1", "not JSON", raw, "text/csv"))
    done = program("quarantine", "show", "1")
    assert "{\\x1b[2J\\r\n}" in done.stdout
    assert "a\\x9b.csv:1" in done.stdout
    assert '"raw": "{\\u001b[2J\\r\\n}"' in program("quarantine", "show", "1", "--json").stdout


def test_what_is_piped_is_neither_wrapped_nor_filled_up():
    """A pipe has no right edge: one field is one line, without blanks behind it."""
    out = io.StringIO()
    pipe = Terminal(file=out)
    pipe.print("long " * 100 + "end")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("a", "word " * 60 + "end")
    table.add_row("b", "short")
    pipe.print(table)
    first, *rest = out.getvalue().splitlines()
    assert first == "long " * 100 + "end"
    assert rest == ["a  " + "word " * 60 + "end", "b  short"]


def test_booleans_are_shown_whichever_they_are():
    """That something is not so is a fact too."""
    content = Appeal(
        message_id="m",
        channel="files",
        kind=AppealKind.COMPLAINT,
        applicant=PersonApplicant(),
        text="",
        collective=False,
    )
    now = datetime(2026, 11, 24, tzinfo=UTC)
    receipt = Receipt(number="N-1", accepted_at=now, accepted_by="x", message_id="m", channel="files")
    dossier = Dossier(
        number="N-1", version=1, completeness=Completeness.COMPLETE, created_at=now, receipt=receipt, appeal=content
    )
    assert re.search(r"^collective +no *$", shown(dossier_view(dossier)), re.MULTILINE)
    (found,) = explain_field(dossier, "appeal.collective")
    assert (found.shown, found.as_json()["value"]) == ("false", False)


def test_nothing_else_writes_to_a_terminal():
    """What a command tells goes through Terminal and Cli.write: nobody else prints."""
    root = Path(__file__).parents[3]
    folders = ("core", "connectors", "plugins", "simulator")
    modules = [path for folder in folders for path in (root / folder).rglob("*.py")]
    # The console of the plugin is a page.
    modules = [path for path in modules if path.parts[-2:] != ("console", "app.py")]
    own = {"terminal.py", "context.py", "setup.py", "docs.py", "__main__.py"}
    found = [
        f"{path.name}:{number}"
        for path in modules
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(
            r"(?<![\w.])(print|Console|echo)\(|typer\.s?echo\((?!f\"appealbus)|sys\.std(out|err)[.\w]*\.write",
            line,
        )
        if path.name not in own
    ]
    assert found == []


def cell(text: str) -> Table:
    table = Table()
    table.add_row(text)
    return table
