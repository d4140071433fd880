"""Dossiers for people, on a terminal."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from appealbus.core.fields import leaves
from appealbus.schemas.dossier import Dossier, Fact, Gap

_SEVERITY = {"info": "cyan", "warning": "yellow", "critical": "bold red"}
_COMPLETENESS = {"partial": "yellow", "complete": "green"}


def dossier_view(dossier: Dossier) -> RenderableType:
    """Return the whole dossier."""
    parts: list[RenderableType] = [_head(dossier), _appeal(dossier)]
    if dossier.signals:
        parts.append(_signals(dossier))
    parts += [_fact(fact) for fact in dossier.facts]
    if dossier.gaps:
        parts.append(_gaps(dossier.gaps))
    return Group(*parts)


def gaps_view(dossier: Dossier) -> RenderableType:
    """Return what the dossier lacks, and why."""
    if not dossier.gaps:
        return Group(_head(dossier), Text("Nothing is missing."))
    return Group(_head(dossier), _gaps(dossier.gaps))


def _head(dossier: Dossier) -> Text:
    state = dossier.completeness.value
    return Text.assemble(
        (dossier.number, "bold"),
        f"  version {dossier.version}  ",
        (state, _COMPLETENESS[state]),
        f"  accepted {dossier.receipt.accepted_at:%Y-%m-%d %H:%M} by {dossier.receipt.accepted_by}"
        f", made {dossier.created_at:%Y-%m-%d %H:%M:%S}",
    )


def _section(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _appeal(dossier: Dossier) -> RenderableType:
    table = _section("\nThe appeal")
    hidden = ("text", "schema_version", "message_id", "number", "warnings", "mentions")
    for name, value in leaves(dossier.appeal):
        if not name.startswith(hidden):
            table.add_row(name, Text(str(value)))
    for kind in type(dossier.appeal.mentions).model_fields:
        for mention in getattr(dossier.appeal.mentions, kind):
            place = f"  (found in the text at {mention.span.start}–{mention.span.end})"
            table.add_row(f"mentions.{kind}", Text.assemble(mention.value, (place, "dim")))
    table.add_row("text", Text(dossier.appeal.text))
    for warning in dossier.appeal.warnings:
        table.add_row("warning", Text(f"{warning.field}: {warning.message}", style="yellow"))
    return table


def _signals(dossier: Dossier) -> RenderableType:
    table = _section("\nWhat follows")
    for signal in dossier.signals:
        style = _SEVERITY[signal.severity.value]
        rests = Text(f"rests on {', '.join(signal.fields)}", style="dim")
        message = signal.message_kk if dossier.appeal.language.value == "kk" else signal.message_ru
        table.add_row(Text(signal.severity.value, style=style), Group(Text(message), rests))
    return table


def _fact(fact: Fact) -> RenderableType:
    origin = fact.provenance
    table = _section(f"\n{fact.lookup}: {fact.record.type}")
    for name, value in leaves(fact.record):
        if name != "type":
            table.add_row(name, Text(str(value)))
    note = f"{origin.source} over {origin.connector}, observed {origin.observed_at:%Y-%m-%d %H:%M:%S}"
    message = f", message {origin.message_id}" if origin.message_id else ""
    return Group(table, Padding(Text(f"source: {note}{message}", style="dim"), (0, 0, 0, 2)))


def _gaps(gaps: list[Gap]) -> RenderableType:
    table = Table(
        "missing", "needed", "outcome", "why", "next attempt", title="\nWhat is missing", title_justify="left"
    )
    for gap in gaps:
        again = f"{gap.next_attempt_at:%Y-%m-%d %H:%M:%S}" if gap.next_attempt_at else "never by itself"
        if gap.outcome.final:
            again = "none needed"
        elif gap.outcome.value == "skipped":
            again = "with its input"
        reason = f"{gap.reason} [{gap.code}]" if gap.code else gap.reason
        table.add_row(gap.lookup, "yes" if gap.required else "no", gap.outcome.value, Text(reason), again)
    return table
