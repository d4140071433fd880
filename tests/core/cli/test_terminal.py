"""What a stranger wrote must not steer the terminal that shows it."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Group
from rich.table import Table
from rich.text import Text

from appealbus.core.cli.render import dossier_view
from appealbus.core.cli.terminal import Terminal, escaped
from appealbus.core.journal.rows import NewQuarantine
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
    await journal.quarantine(NewQuarantine(datetime.now(UTC), "files", "a\x9b.csv:1", "not JSON", raw, "text/csv"))
    done = program("quarantine", "show", "1")
    assert "{\\x1b[2J\\r\n}" in done.stdout
    assert "a\\x9b.csv:1" in done.stdout
    assert '"raw": "{\\u001b[2J\\r\\n}"' in program("quarantine", "show", "1", "--json").stdout


def cell(text: str) -> Table:
    table = Table()
    table.add_row(text)
    return table
